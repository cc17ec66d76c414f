import { decodeJwt, jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addIdentity, addOrganization, addTenancy, addUser, newOcid } from "./oci-users.ts";
import { newRsaKey } from "./rsa-keys.ts";
import { signAsGo } from "./signers.ts";
import { type Answer, issuer, startWorker, type Worker } from "./worker.ts";

let worker: Worker;
beforeAll(async () => {
  worker = await startWorker();
});
afterAll(() => worker.close());

const errors: Record<number, string> = {
  400: "BadRequest",
  401: "UnauthorizedError",
  403: "PermissionDenied",
  404: "NotFound",
  422: "ValidationFailure",
};

function expectRefusal(answer: Answer, status: number, message?: RegExp): void {
  expect([answer.status, answer.body.error], JSON.stringify(answer.body)).toEqual([status, errors[status]]);
  expect(Object.keys(answer.body).sort()).toEqual(
    ["error", "message", "reqId", "statusCode", ...(answer.body.details ? ["details"] : [])].sort(),
  );
  if (message !== undefined) expect(JSON.stringify(answer.body.message)).toMatch(message);
}

const nowhere = "00000000-0000-4000-8000-000000000000";
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const uuid = expect.stringMatching(/^[0-9a-f-]{36}$/);

/** An identity with the role, logged in: its access token for this Worker's own API. */
async function tokenOf(
  role: string,
  organizationId: string,
  rootId = organizationId,
  organizationSlug?: string,
) {
  const { tenancyOcid } = await addTenancy(worker, [rootId]);
  const user = await addUser(worker, tenancyOcid);
  const identityId = await addIdentity(worker, organizationId, tenancyOcid, { role });
  const login = async (slug = organizationSlug) => {
    const { body } = await worker.login({
      identityId,
      userOcid: user.userOcid,
      headers: signAsGo(user),
      organizationSlug: slug,
    });
    return body.accessToken as string;
  };
  return { identityId, token: await login(), login };
}

describe("authentication", () => {
  const anyRoute = "/api/v1/organizations";
  it.each([
    ["no authorization", undefined],
    ["another scheme", "Basic YTpi"],
    ["an empty bearer", "Bearer "],
    ["an unknown bearer", "Bearer nonsense"],
    ["a token of alg none", "Bearer eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2F1dGguZXhhbXBsZS5jb20ifQ."],
    ["two bearers", "Bearer a b"],
  ])("401 with %s", async (_, authorization) => {
    const answer = await worker.send(anyRoute, {
      headers: authorization === undefined ? {} : { authorization },
    });
    expectRefusal(answer, 401);
    expect(answer.headers.get("www-authenticate")).toBe("Bearer");
  });

  it("401 with all but the last character of ADMIN_TOKEN, or one more", async () => {
    const token = worker.secrets.ADMIN_TOKEN ?? "";
    for (const bearer of [token.slice(0, -1), `${token}x`]) {
      expectRefusal(await worker.json("GET", anyRoute, undefined, bearer), 401);
    }
  });

  it("comes before the body is looked at", async () => {
    expectRefusal(await worker.json("POST", anyRoute, { nonsense: true }), 401);
  });

  it("is by role: an admin may, an introspector may not, and a token for other services may not", async () => {
    const organizationId = await addOrganization(worker, "roles");
    const admin = await tokenOf("admin", organizationId);
    const introspector = await tokenOf("introspector", organizationId);
    const member = await tokenOf("member", organizationId);
    expect([admin, introspector, member].map(({ token }) => decodeJwt(token).aud)).toEqual([
      issuer,
      issuer,
      "api",
    ]);
    expect(await worker.json("GET", anyRoute, undefined, admin.token)).toMatchObject({ status: 200 });
    for (const { token } of [introspector, member]) {
      for (const [method, path] of [
        ["GET", anyRoute],
        ["POST", "/api/v1/identities"],
        ["DELETE", `/api/v1/identities/${admin.identityId}`],
        ["GET", "/api/v1/oci/tenancies"],
      ] as const) {
        expectRefusal(await worker.json(method, path, method === "POST" ? {} : undefined, token), 403);
      }
    }
    // The role is read when it is used, not from the token.
    await worker.admin("PATCH", `/api/v1/identities/${admin.identityId}`, { role: "member" });
    expectRefusal(await worker.json("GET", anyRoute, undefined, admin.token), 403);
    await worker.admin("PATCH", `/api/v1/identities/${introspector.identityId}`, { role: "admin" });
    expect(await worker.json("GET", anyRoute, undefined, introspector.token)).toMatchObject({ status: 200 });
  });

  it("ends with the identity, its OCI Auth, its suspension, or its organization's", async () => {
    const organizationId = await addOrganization(worker, "ends");
    const get = (token: string) => worker.json("GET", anyRoute, undefined, token);

    const suspended = await tokenOf("admin", organizationId);
    await worker.admin("PATCH", `/api/v1/identities/${suspended.identityId}`, { suspended: true });
    expect(await get(suspended.token)).toMatchObject({ status: 403, body: { error: "ForbiddenError" } });

    const detached = await tokenOf("admin", organizationId);
    const path = `/api/v1/auth/oci-auth/identities/${detached.identityId}`;
    const { body } = await worker.admin("DELETE", path);
    expectRefusal(await get(detached.token), 401, /revoked/);
    await worker.admin("POST", path, { tenancyOcid: body.identityOciAuth.tenancyOcid });
    expectRefusal(await get(detached.token), 401, /revoked/);
    const again = await detached.login();
    expect(await get(again)).toMatchObject({ status: 200 });

    await worker.admin("PATCH", `/api/v1/organizations/${organizationId}`, { suspended: true });
    expect(await get(again)).toMatchObject({ status: 403, body: { error: "ForbiddenError" } });
    await worker.admin("PATCH", `/api/v1/organizations/${organizationId}`, { suspended: false });
    expect(await get(again)).toMatchObject({ status: 200 });

    const gone = await tokenOf("admin", organizationId);
    await worker.admin("DELETE", `/api/v1/identities/${gone.identityId}`);
    expectRefusal(await get(gone.token), 401, /revoked/);
  });
});

describe("organizations", () => {
  const path = "/api/v1/organizations";

  it("are created, read, changed and deleted", async () => {
    const created = await worker.admin("POST", path, { name: " Payments ", slug: "payments-1" });
    const organization = {
      id: uuid,
      name: "Payments",
      slug: "payments-1",
      parentId: null,
      suspended: false,
      createdAt: time,
      updatedAt: time,
    };
    expect([created.status, created.body]).toEqual([200, { organization }]);
    const { id } = created.body.organization;
    expect((await worker.admin("GET", `${path}/${id}`)).body).toEqual(created.body);
    const changed = await worker.admin("PATCH", `${path}/${id}`, { name: "Billing" });
    expect(changed.body.organization).toEqual({
      ...created.body.organization,
      name: "Billing",
      updatedAt: time,
    });
    const deleted = await worker.admin("DELETE", `${path}/${id}`);
    expect([deleted.status, deleted.body]).toEqual([200, changed.body]);
    expectRefusal(await worker.admin("GET", `${path}/${id}`), 404);
    expectRefusal(await worker.admin("DELETE", `${path}/${id}`), 404);
  });

  it.each([
    [{ slug: "a" }, "name"],
    [{ name: "", slug: "a" }, "name"],
    [{ name: "\ud800", slug: "a" }, "name"],
    [{ name: "a\u0000b", slug: "a" }, "name"],
    [{ name: "x".repeat(256), slug: "a" }, "name"],
    [{ name: "A", slug: "Upper" }, "slug"],
    [{ name: "A", slug: "" }, "slug"],
    [{ name: "A", slug: "x".repeat(65) }, "slug"],
    [{ name: "A", slug: "a", parentId: 7 }, "parentId"],
    [{ name: "A", slug: "a", id: nowhere }, "id"],
    [{ name: "A", slug: "a", rootId: nowhere }, "rootId"],
    [{ name: "A", slug: "a", suspended: true }, "suspended"],
  ])("422 for %j", async (body, field) => {
    expectRefusal(await worker.admin("POST", path, body), 422, new RegExp(field));
  });

  it("have slugs that are unique under their root, and only there", async () => {
    const [one, two] = [await addOrganization(worker, "one"), await addOrganization(worker, "one")];
    const create = (slug: string, parentId: string) =>
      worker.admin("POST", path, { name: slug, slug, parentId });
    const team = await create("team", one);
    expect(team.status).toBe(200);
    expect((await create("team", two)).status).toBe(200);
    expectRefusal(await create("team", one), 400, /slug 'team' is taken/);
    expectRefusal(await create("one", one), 400, /slug 'one' is taken/);
    const other = await create("other", one);
    const rename = await worker.admin("PATCH", `${path}/${other.body.organization.id}`, { slug: "team" });
    expectRefusal(rename, 400, /slug 'team' is taken/);
  });

  it("have two levels, and a parent that exists", async () => {
    const rootId = await addOrganization(worker, "levels");
    const teamId = await addOrganization(worker, "team", rootId);
    const create = (parentId: string) => worker.admin("POST", path, { name: "x", slug: "x", parentId });
    expectRefusal(await create(teamId), 400, /two levels/);
    expectRefusal(await create(nowhere), 400, /no organization/);
    expectRefusal(await create("x"), 400, /no organization/);
    expectRefusal(await worker.admin("PATCH", `${path}/${teamId}`, { parentId: null }), 422, /parentId/);
  });

  it("are deleted only when empty, and a refusal says what is left", async () => {
    const rootId = await addOrganization(worker, "full");
    const teamId = await addOrganization(worker, "team", rootId);
    const { tenancyOcid } = await addTenancy(worker, [rootId]);
    const inRoot = await addIdentity(worker, rootId, tenancyOcid);
    const inTeam = await addIdentity(worker, teamId, tenancyOcid);
    await worker.admin("PUT", `${path}/${teamId}/identities/${inRoot}`);
    const { DB } = await worker.env();
    const rows = async () =>
      (
        await DB.prepare(
          "SELECT (SELECT count(*) FROM identities) AS identities, (SELECT count(*) FROM organization_members) AS members, (SELECT count(*) FROM oci_auth_configs) AS configs",
        ).all()
      ).results;
    const before = await rows();
    const expectLeft = async (id: string, left: RegExp) =>
      expectRefusal(await worker.admin("DELETE", `${path}/${id}`), 400, left);

    await expectLeft(rootId, /its 1 sub-organizations, 1 identities and 0 memberships first/);
    await expectLeft(teamId, /its 0 sub-organizations, 1 identities and 1 memberships first/);
    expect(await rows()).toEqual(before);
    await worker.admin("DELETE", `/api/v1/identities/${inTeam}`);
    await expectLeft(teamId, /its 0 sub-organizations, 0 identities and 1 memberships first/);
    await worker.admin("DELETE", `${path}/${teamId}/identities/${inRoot}`);
    expect((await worker.admin("DELETE", `${path}/${teamId}`)).status).toBe(200);
    await expectLeft(rootId, /its 0 sub-organizations, 1 identities and 0 memberships first/);
    await worker.admin("DELETE", `/api/v1/identities/${inRoot}`);
    expect((await worker.admin("DELETE", `${path}/${rootId}`)).status).toBe(200);
    expect(
      (await worker.admin("GET", `/api/v1/oci/tenancies/${tenancyOcid}`)).body.tenancy.organizationIds,
    ).toEqual([]);
    const events = async () =>
      (await worker.admin("GET", `/api/v1/audit-events?organizationId=${teamId}`)).body.auditEvents
        .filter(({ type }: { type: string }) => type === "organization.delete")
        .map(({ outcome }: { outcome: string }) => outcome);
    await expect.poll(events).toEqual(["success"]);
  });

  it("are listed in pages, each once", async () => {
    const rootId = await addOrganization(worker, "paged");
    for (let i = 0; i < 5; i++) await addOrganization(worker, `team-${i}`, rootId);
    const { token } = await tokenOf("admin", rootId);
    const slugs: string[] = [];
    let cursor: string | null = "";
    do {
      const query: string = cursor === "" ? "" : `&cursor=${cursor}`;
      const { body } = await worker.json("GET", `${path}?limit=2${query}`, undefined, token);
      expect(body.organizations.length).toBeLessThanOrEqual(2);
      slugs.push(...body.organizations.map(({ slug }: { slug: string }) => slug));
      cursor = body.nextCursor;
    } while (cursor !== null);
    expect(slugs).toEqual(["paged", "team-0", "team-1", "team-2", "team-3", "team-4"]);
  });

  it.each([
    "limit=0",
    "limit=101",
    "limit=x",
    "limit=1.5",
    "limit=1&limit=2",
    "cursor=x",
    "cursor=bm9wZQ",
    "limit=",
  ])("422 for a page of ?%s", async (query) => {
    expectRefusal(await worker.admin("GET", `${path}?${query}`), 422);
  });
});

describe("identities", () => {
  const path = "/api/v1/identities";

  it("are created, read, changed and deleted", async () => {
    const organizationId = await addOrganization(worker, "identities");
    const created = await worker.admin("POST", path, { name: "payments", organizationId });
    const identity = {
      id: uuid,
      name: "payments",
      organizationId,
      role: "member",
      suspended: false,
      createdAt: time,
      updatedAt: time,
    };
    expect([created.status, created.body]).toEqual([200, { identity }]);
    const onePath = `${path}/${created.body.identity.id}`;
    expect((await worker.admin("GET", onePath)).body).toEqual(created.body);
    const changed = await worker.admin("PATCH", onePath, { suspended: true });
    expect(changed.body.identity).toEqual({ ...created.body.identity, suspended: true, updatedAt: time });
    expect((await worker.admin("DELETE", onePath)).body).toEqual(changed.body);
    expectRefusal(await worker.admin("GET", onePath), 404);
  });

  it("refuse an unknown organization, another role, and a change of organization", async () => {
    const organizationId = await addOrganization(worker, "refuse");
    const create = (body: object) => worker.admin("POST", path, { name: "x", organizationId, ...body });
    expectRefusal(await create({ organizationId: nowhere }), 400, /no organization/);
    expectRefusal(await create({ role: "owner" }), 422, /role/);
    expectRefusal(await create({ tokenGeneration: 7 }), 422, /tokenGeneration/);
    const { body } = await create({});
    const patch = (change: object) => worker.admin("PATCH", `${path}/${body.identity.id}`, change);
    expectRefusal(await patch({ organizationId }), 422, /organizationId/);
    expectRefusal(await patch({ name: null }), 422, /name/);
  });

  it.each(["x", nowhere, "%2e%2e", "%00", "..%2f..", "'--", "%ED%A0%80", "%"])(
    "404 for the id %s",
    async (id) => {
      for (const prefix of [
        "/api/v1/identities",
        "/api/v1/organizations",
        "/api/v1/auth/oci-auth/identities",
      ]) {
        expectRefusal(await worker.admin("GET", `${prefix}/${id}`), 404);
      }
    },
  );

  it("are found by an id in any case, in a path, a query or a body, and answered with their own", async () => {
    const organizationId = await addOrganization(worker, "any-case");
    const { body } = await worker.admin("POST", "/api/v1/identities", {
      name: "any-case",
      organizationId: organizationId.toUpperCase(),
    });
    const { identity } = body;
    expect(identity.organizationId).toBe(organizationId);
    const read = await worker.admin("GET", `/api/v1/identities/${identity.id.toUpperCase()}`);
    expect(read.body).toEqual({ identity });
    const query = `organizationId=${organizationId.toUpperCase()}`;
    const listed = await worker.admin("GET", `/api/v1/identities?${query}`);
    expect(listed.body.identities).toEqual([identity]);
    const event = async () =>
      (await worker.admin("GET", `/api/v1/audit-events?${query}`)).body.auditEvents.find(
        ({ type }: { type: string }) => type === "identity.create",
      );
    await expect.poll(event, { timeout: 10_000 }).toMatchObject({ organizationId, identityId: identity.id });
  });

  it("are listed by organization; an unknown one is 404", async () => {
    const organizationId = await addOrganization(worker, "list");
    for (const name of ["a", "b", "c"]) await worker.admin("POST", path, { name, organizationId });
    const first = await worker.admin("GET", `${path}?organizationId=${organizationId}&limit=2`);
    expect(first.body.identities.map(({ name }: { name: string }) => name)).toEqual(["a", "b"]);
    const rest = await worker.admin(
      "GET",
      `${path}?organizationId=${organizationId}&cursor=${first.body.nextCursor}`,
    );
    expect(rest.body).toMatchObject({ identities: [{ name: "c" }], nextCursor: null });
    expectRefusal(await worker.admin("GET", `${path}?organizationId=${nowhere}`), 404);
  });
});

describe("memberships", () => {
  it("are in a sub-organization of the identity's own root, and nowhere else", async () => {
    const rootId = await addOrganization(worker, "members");
    const [teamId, otherId] = [
      await addOrganization(worker, "team", rootId),
      await addOrganization(worker, "other", rootId),
    ];
    const elsewhere = await addOrganization(worker, "elsewhere", await addOrganization(worker, "foreign"));
    const { body } = await worker.admin("POST", "/api/v1/identities", { name: "x", organizationId: teamId });
    const identityId = body.identity.id;
    const put = (organizationId: string) =>
      worker.admin("PUT", `/api/v1/organizations/${organizationId}/identities/${identityId}`);
    const added = await put(otherId);
    expect([added.status, added.body]).toEqual([
      200,
      { membership: { organizationId: otherId, identityId, createdAt: time } },
    ]);
    expect((await put(otherId)).body).toEqual(added.body);
    expectRefusal(await put(rootId), 400, /root organization/);
    expectRefusal(await put(teamId), 400, /needs no membership/);
    expectRefusal(await put(elsewhere), 400, /another root/);
    expectRefusal(await put(nowhere), 404);
    const list = async (id: string) =>
      (await worker.admin("GET", `/api/v1/organizations/${id}/identities`)).body;
    expect(await list(otherId)).toEqual({ memberships: [added.body.membership], nextCursor: null });
    expect(await list(teamId)).toEqual({ memberships: [], nextCursor: null });
    const remove = () => worker.admin("DELETE", `/api/v1/organizations/${otherId}/identities/${identityId}`);
    expect((await remove()).body).toEqual(added.body);
    expectRefusal(await remove(), 404);
  });
});

describe("memberships in numbers", () => {
  it("are listed in pages, each once", async () => {
    const rootId = await addOrganization(worker, "crowd");
    const teamId = await addOrganization(worker, "team", rootId);
    const ids: string[] = [];
    for (let count = 0; count < 5; count++) {
      const { body } = await worker.admin("POST", "/api/v1/identities", {
        name: "x",
        organizationId: rootId,
      });
      ids.push(body.identity.id);
      await worker.admin("PUT", `/api/v1/organizations/${teamId}/identities/${body.identity.id}`);
    }
    const listed: string[] = [];
    let query = "?limit=2";
    for (let page = 0; page < 3; page++) {
      const { body } = await worker.admin("GET", `/api/v1/organizations/${teamId}/identities${query}`);
      listed.push(...body.memberships.map(({ identityId }: { identityId: string }) => identityId));
      query = `?limit=2&cursor=${body.nextCursor}`;
      expect(body.nextCursor === null).toBe(page === 2);
    }
    expect(listed).toEqual(ids.sort());
  });

  it("are 1000 at most of one identity, which bounds what its deletion takes along", async () => {
    const rootId = await addOrganization(worker, "joiner");
    const { body } = await worker.admin("POST", "/api/v1/identities", { name: "x", organizationId: rootId });
    const identityId = body.identity.id;
    const { DB } = await worker.env();
    const teams = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999) ";
    await DB.prepare(
      `${teams} INSERT INTO organizations (id, name, slug, parent_id, root_id, created_at, updated_at) SELECT 'team-' || i, 'x', 'team-' || i, ?1, ?1, '', '' FROM n`,
    )
      .bind(rootId)
      .all();
    await DB.prepare(
      `${teams} INSERT INTO organization_members SELECT 'team-' || i, ?1, '' FROM n WHERE i > 0`,
    )
      .bind(identityId)
      .all();
    const join = async (slug: string) => {
      const teamId = await addOrganization(worker, slug, rootId);
      const path = `/api/v1/organizations/${teamId}/identities/${identityId}`;
      return { path, answer: await worker.admin("PUT", path) };
    };
    const last = await join("last");
    expect(last.answer.status).toBe(200);
    expectRefusal(
      (await join("beyond")).answer,
      400,
      /a member of 1000 organizations, and cannot be of more/,
    );
    expect((await worker.admin("PUT", last.path)).body).toEqual(last.answer.body);
    expect((await worker.admin("DELETE", `/api/v1/identities/${identityId}`)).status).toBe(200);
    expect(
      await DB.prepare("SELECT count(*) AS left FROM organization_members WHERE identity_id = ?")
        .bind(identityId)
        .first(),
    ).toEqual({ left: 0 });
  });
});

describe("OCI Auth", () => {
  let organizationId: string;
  let tenancyOcid: string;
  beforeAll(async () => {
    organizationId = await addOrganization(worker, "oci-auth");
    ({ tenancyOcid } = await addTenancy(worker, [organizationId]));
  });

  async function newIdentity() {
    const { body } = await worker.admin("POST", "/api/v1/identities", { name: "x", organizationId });
    return `/api/v1/auth/oci-auth/identities/${body.identity.id}`;
  }

  it("is attached with the defaults, read, changed and detached", async () => {
    const path = await newIdentity();
    expectRefusal(await worker.admin("GET", path), 404, /OCI auth method not found for identity/);
    const attached = await worker.admin("POST", path, { tenancyOcid });
    const identityOciAuth = {
      id: uuid,
      identityId: path.split("/").at(-1),
      type: "iam",
      tenancyOcid,
      allowedUsernames: null,
      accessTokenTTL: 2592000,
      accessTokenMaxTTL: 2592000,
      accessTokenNumUsesLimit: 0,
      accessTokenPeriod: 0,
      accessTokenTrustedIps: [
        { ipAddress: "0.0.0.0", type: "ipv4", prefix: 0 },
        { ipAddress: "::", type: "ipv6", prefix: 0 },
      ],
      accessTokenAudience: null,
      signatureReuse: "allow",
      createdAt: time,
      updatedAt: time,
    };
    expect([attached.status, attached.body]).toEqual([200, { identityOciAuth }]);
    expect((await worker.admin("GET", path)).body).toEqual(attached.body);
    expectRefusal(await worker.admin("POST", path, { tenancyOcid }), 400, /already/);
    expect((await worker.admin("DELETE", path)).body).toEqual(attached.body);
    for (const [method, body] of [["GET"], ["PATCH", {}], ["DELETE"]] as const) {
      expectRefusal(await worker.admin(method, path, body), 404, /OCI auth method not found/);
    }
  });

  it("that is not there is not detached, and no generation is raised without an event", async () => {
    const path = await newIdentity();
    expectRefusal(await worker.admin("DELETE", path), 404, /OCI auth method not found/);
    const { DB } = await worker.env();
    const row = DB.prepare("SELECT token_generation FROM identities WHERE id = ?").bind(
      path.split("/").at(-1),
    );
    expect(await row.first()).toEqual({ token_generation: 0 });
  });

  it("PATCH changes what it names and nothing else", async () => {
    const path = await newIdentity();
    const settings = {
      tenancyOcid,
      allowedUsernames: "alice@example.com, bob",
      accessTokenTTL: 600,
      accessTokenMaxTTL: 3600,
      accessTokenNumUsesLimit: 3,
      accessTokenPeriod: 60,
      accessTokenTrustedIps: [{ ipAddress: "10.0.0.0/8" }, { ipAddress: "2001:db8::1" }],
      accessTokenAudience: "https://service.example.com",
      signatureReuse: "reject",
    };
    let current = (await worker.admin("POST", path, settings)).body.identityOciAuth;
    expect(current).toMatchObject({
      ...settings,
      accessTokenTrustedIps: [
        { ipAddress: "10.0.0.0", type: "ipv4", prefix: 8 },
        { ipAddress: "2001:db8::1", type: "ipv6" },
      ],
    });
    for (const change of [
      {},
      { accessTokenTTL: 300 },
      { signatureReuse: "allow" },
      { accessTokenAudience: null },
      { allowedUsernames: "carol" },
      { allowedUsernames: null },
    ]) {
      const { status, body } = await worker.admin("PATCH", path, change);
      const expected = { ...current, ...change, updatedAt: time };
      expect([status, body.identityOciAuth]).toEqual([200, expected]);
      current = body.identityOciAuth;
    }
  });

  const misfits: [what: string, settings: object, field: string][] = [
    ["a malformed tenancy OCID", { tenancyOcid: "ocid1.tenancy" }, "tenancyOcid"],
    ["the OCID of a user", { tenancyOcid: "ocid1.user.oc1..aaaa" }, "tenancyOcid"],
    ["blank usernames", { allowedUsernames: " " }, "allowedUsernames"],
    ["a blank username among others", { allowedUsernames: "a,,b" }, "allowedUsernames"],
    ["501 characters of usernames", { allowedUsernames: "x".repeat(501) }, "allowedUsernames"],
    ["a negative TTL", { accessTokenTTL: -1 }, "accessTokenTTL"],
    ["a TTL of ten years and a second", { accessTokenTTL: 315360001 }, "accessTokenTTL"],
    ["a fraction of a second", { accessTokenTTL: 0.5 }, "accessTokenTTL"],
    ["a max TTL of 0", { accessTokenMaxTTL: 0 }, "accessTokenMaxTTL"],
    ["a TTL above the max TTL", { accessTokenTTL: 20, accessTokenMaxTTL: 10 }, "accessTokenTTL"],
    ["an invalid CIDR", { accessTokenTrustedIps: [{ ipAddress: "10.0.0.0/33" }] }, "accessTokenTrustedIps"],
    ["half an address", { accessTokenTrustedIps: [{ ipAddress: "10.1" }] }, "accessTokenTrustedIps"],
    ["half a range", { accessTokenTrustedIps: [{ ipAddress: "10.1/16" }] }, "accessTokenTrustedIps"],
    ["an octal range", { accessTokenTrustedIps: [{ ipAddress: "010.0.0.0/8" }] }, "accessTokenTrustedIps"],
    ["an IPv6 zone", { accessTokenTrustedIps: [{ ipAddress: "fe80::1%eth0" }] }, "accessTokenTrustedIps"],
    ["no trusted IPs", { accessTokenTrustedIps: [] }, "accessTokenTrustedIps"],
    ["an unknown policy", { signatureReuse: "maybe" }, "signatureReuse"],
    ["a blank audience", { accessTokenAudience: "" }, "accessTokenAudience"],
    ["another identity's id", { identityId: nowhere }, "identityId"],
    ["a type", { type: "iam" }, "type"],
  ];
  it.each(misfits)("422 for %s, when attaching and when changing", async (_, settings, field) => {
    const path = await newIdentity();
    expectRefusal(await worker.admin("POST", path, { tenancyOcid, ...settings }), 422, new RegExp(field));
    await worker.admin("POST", path, { tenancyOcid });
    expectRefusal(await worker.admin("PATCH", path, settings), 422, new RegExp(field));
  });

  it("400 for what does not go with what is stored", async () => {
    const path = await newIdentity();
    const post = (settings: object) => worker.admin("POST", path, { tenancyOcid, ...settings });
    expectRefusal(
      await post({ tenancyOcid: newOcid("tenancy") }),
      400,
      /is not registered for this organization/,
    );
    const other = await addTenancy(worker, [await addOrganization(worker, "other")]);
    expectRefusal(
      await post({ tenancyOcid: other.tenancyOcid }),
      400,
      /is not registered for this organization/,
    );
    expectRefusal(
      await post({ accessTokenAudience: issuer }),
      400,
      /accessTokenAudience may not be the issuer/,
    );
    await post({ accessTokenTTL: 100, accessTokenMaxTTL: 200 });
    const patch = (change: object) => worker.admin("PATCH", path, change);
    expectRefusal(await patch({ accessTokenTTL: 201 }), 400, /accessTokenTTL would be greater/);
    expectRefusal(await patch({ accessTokenMaxTTL: 99 }), 400, /accessTokenTTL would be greater/);
    await Promise.all([patch({ accessTokenTTL: 180 }), patch({ accessTokenMaxTTL: 150 })]);
    const { accessTokenTTL, accessTokenMaxTTL } = (await worker.admin("GET", path)).body.identityOciAuth;
    expect(accessTokenTTL).toBeLessThanOrEqual(accessTokenMaxTTL);
    expectRefusal(await patch({ tenancyOcid: other.tenancyOcid }), 400, /is not registered/);
    expectRefusal(await patch({ accessTokenAudience: issuer }), 400, /issuer/);
    expectRefusal(
      await worker.admin("POST", `/api/v1/auth/oci-auth/identities/${nowhere}`, { tenancyOcid }),
      404,
    );
  });

  it("shapes the token: audience, TTL, period, use limit", async () => {
    const user = await addUser(worker, tenancyOcid);
    const login = async (settings: object) => {
      const identityId = await addIdentity(worker, organizationId, tenancyOcid, {
        settings: { ...settings },
      });
      const { body } = await worker.login({ identityId, userOcid: user.userOcid, headers: signAsGo(user) });
      return { ...body, claims: decodeJwt(body.accessToken) };
    };
    expect(await login({ accessTokenAudience: "svc", accessTokenNumUsesLimit: 5 })).toMatchObject({
      claims: { aud: "svc", numUsesLimit: 5 },
    });
    expect(await login({ accessTokenTTL: 60, accessTokenMaxTTL: 90 })).toMatchObject({
      expiresIn: 60,
      accessTokenMaxTTL: 90,
      claims: { accessTokenTTL: 60, accessTokenMaxTTL: 90 },
    });
    expect(await login({ accessTokenTTL: 0, accessTokenMaxTTL: 90 })).toMatchObject({ expiresIn: 90 });
    expect(await login({ accessTokenPeriod: 120, accessTokenTTL: 10 })).toMatchObject({ expiresIn: 120 });
    expect(await login({ accessTokenPeriod: 1e6 })).toMatchObject({ expiresIn: 3600 });
  });
});

describe("tenancies", () => {
  const path = (tenancyOcid: string) => `/api/v1/oci/tenancies/${tenancyOcid}`;

  async function registration(about: { realm?: string; others?: number } = {}) {
    const tenancyOcid = newOcid("tenancy", about.realm);
    const reader = await addUser(worker, tenancyOcid);
    for (let i = 0; i < (about.others ?? 1); i++) await addUser(worker, tenancyOcid);
    const body = {
      region: "us-ashburn-1",
      organizationIds: [await addOrganization(worker, "tenant")],
      userOcid: reader.userOcid,
      fingerprint: reader.fingerprint,
      privateKey: reader.privateKey,
    };
    return {
      tenancyOcid,
      reader,
      body,
      put: (change: object = {}) => worker.admin("PUT", path(tenancyOcid), { ...body, ...change }),
    };
  }

  it("are tried, stored, listed and deleted, and never give the private key back", async () => {
    const { tenancyOcid, reader, body, put } = await registration();
    await worker.emulator("DELETE", "requests");
    const stored = await put();
    const { privateKey, ...rest } = body;
    const tenancy = { tenancyOcid, ...rest, createdAt: time, updatedAt: time };
    expect([stored.status, stored.body]).toEqual([200, { tenancy }]);
    const { requests } = (await worker.emulator("GET", "requests")).body;
    expect(requests.map(({ path }: { path: string }) => path)).toEqual([
      `/20160918/users?compartmentId=${tenancyOcid}&limit=2`,
      expect.stringMatching(new RegExp(`^/20160918/users/(?!${reader.userOcid}).*/apiKeys$`)),
    ]);
    expect((await worker.admin("GET", path(tenancyOcid))).body).toEqual(stored.body);
    const listed = await worker.admin("GET", "/api/v1/oci/tenancies?limit=100");
    expect(listed.body.tenancies).toContainEqual(stored.body.tenancy);
    expect(JSON.stringify([stored.body, listed.body])).not.toMatch(/PRIVATE|encrypted|v1\./i);
    const { DB } = await worker.env();
    const row = await DB.prepare("SELECT * FROM oci_tenancies WHERE tenancy_ocid = ?")
      .bind(tenancyOcid)
      .first();
    expect(row.encrypted_private_key).toMatch(/^v1\.one\.[\w-]{16}\.[\w-]{1000,}$/);
    expect((await worker.admin("DELETE", path(tenancyOcid))).body).toEqual(stored.body);
    expectRefusal(await worker.admin("GET", path(tenancyOcid)), 404);
    expectRefusal(await worker.admin("DELETE", path(tenancyOcid)), 404);
  });

  it("take the keys that OCI's users have, in either PEM, with the console's last line", async () => {
    const { put, body } = await registration();
    const { createPrivateKey } = await import("node:crypto");
    const pkcs1 = createPrivateKey(body.privateKey).export({ type: "pkcs1", format: "pem" });
    for (const privateKey of [`${body.privateKey}OCI_API_KEY`, pkcs1, `${pkcs1}OCI_API_KEY\n`]) {
      expect(await put({ privateKey })).toMatchObject({ status: 200 });
    }
  });

  it("are accepted where the reader is the only user", async () => {
    const { put } = await registration({ others: 0 });
    expect(await put()).toMatchObject({ status: 200 });
  });

  it("422 for what is wrong by itself, saying what", async () => {
    const { put, reader } = await registration();
    const other = newRsaKey();
    const misfits: [change: object, message: RegExp][] = [
      [{ region: "ashburn" }, /region/],
      [{ organizationIds: "x" }, /organizationIds/],
      [{ userOcid: "x" }, /userOcid/],
      [{ userOcid: newOcid("user", "oc2") }, /another realm/],
      [{ fingerprint: "x" }, /fingerprint/],
      [{ fingerprint: other.fingerprint }, new RegExp(reader.fingerprint)],
      [{ privateKey: other.publicKey }, /public key/],
      [
        { privateKey: other.privateKey.replaceAll("PRIVATE", "ENCRYPTED PRIVATE") },
        /encrypted with a passphrase/,
      ],
      [{ privateKey: "x" }, /PEM/],
      [{ privateKey: reader.privateKey.slice(0, 900) }, /PEM|cannot be read/],
      [{ extra: 1 }, /extra/],
    ];
    for (const [change, message] of misfits) expectRefusal(await put(change), 422, message);
    for (const ocid of ["x", newOcid("user"), "ocid1.tenancy.oc999..aaaa"]) {
      expectRefusal(await worker.admin("PUT", path(ocid), (await registration()).body), 422, /tenancyOcid/);
      expectRefusal(await worker.admin("GET", path(ocid)), 404);
    }
  });

  it("400 for organizations that are not roots, and nothing is stored", async () => {
    const { put, tenancyOcid, body } = await registration();
    const team = await addOrganization(worker, "team", body.organizationIds[0]);
    for (const organizationId of [team, nowhere, "x"]) {
      expectRefusal(await put({ organizationIds: [organizationId] }), 400, /no root organization/);
    }
    expectRefusal(await worker.admin("GET", path(tenancyOcid)), 404);
  });

  it("400 with OCI's code and message where OCI refuses the credential, and nothing is stored", async () => {
    const { put, tenancyOcid, reader } = await registration();
    await worker.emulator("PUT", `users/${reader.userOcid}`, { tenancyOcid, name: "reader", apiKeys: [] });
    const refused = await put();
    expectRefusal(refused, 400, /list the tenancy's users/);
    expect(refused.body.details.oci).toMatchObject({
      status: 401,
      code: "NotAuthenticated",
      message: expect.any(String),
      opcRequestId: expect.any(String),
    });
    expectRefusal(await worker.admin("GET", path(tenancyOcid)), 404);
  });

  it("503 where OCI does not answer, and nothing is stored", async () => {
    const { put, tenancyOcid } = await registration();
    await worker.emulator("PUT", "faults", { delayMs: 5000 });
    const answer = await put();
    await worker.emulator("DELETE", "faults");
    expect(answer).toMatchObject({ status: 503, body: { error: "ServiceUnavailable" } });
    expectRefusal(await worker.admin("GET", path(tenancyOcid)), 404);
  });

  it("cannot be taken from an organization that uses them, nor deleted while in use", async () => {
    const { put, tenancyOcid, body } = await registration();
    await put();
    const [rootId] = body.organizationIds as [string];
    const identityId = await addIdentity(worker, rootId, tenancyOcid);
    const other = await addOrganization(worker, "another");
    expectRefusal(await put({ organizationIds: [other] }), 400, new RegExp(rootId));
    expectRefusal(await worker.admin("DELETE", path(tenancyOcid)), 400, new RegExp(rootId));
    const both = [rootId, other].sort();
    expect((await put({ organizationIds: both })).body.tenancy.organizationIds).toEqual(both);
    await worker.admin("DELETE", `/api/v1/auth/oci-auth/identities/${identityId}`);
    expect((await put({ organizationIds: [other] })).body.tenancy.organizationIds).toEqual([other]);
    expect((await worker.admin("DELETE", path(tenancyOcid))).status).toBe(200);
  });

  it("404 for the cache of a user of an unknown tenancy, or of no user", async () => {
    const { put, tenancyOcid } = await registration();
    const purge = (ocid: string, user: string) => worker.admin("DELETE", `${path(ocid)}/users/${user}/cache`);
    expectRefusal(await purge(tenancyOcid, newOcid("user")), 404);
    await put();
    expectRefusal(await purge(tenancyOcid, "x"), 404);
    expect(await purge(tenancyOcid, newOcid("user"))).toMatchObject({
      status: 200,
      body: { purgedAt: time },
    });
  });
});

it("wakes a user's sixteen ledgers, and 404 for what is no tenancy or no user", async () => {
  const wake = (tenancy: string, user: string) =>
    worker.admin("POST", `/api/v1/oci/tenancies/${tenancy}/users/${user}/wake-ledgers`);
  const before = (await worker.ledgers()).length;
  const [tenancyOcid, userOcid] = [newOcid("tenancy"), newOcid("user")];
  expect(await wake(tenancyOcid, userOcid)).toMatchObject({ status: 200, body: { woken: 16 } });
  expect(await wake(tenancyOcid, userOcid)).toMatchObject({ status: 200, body: { woken: 16 } });
  expect(await worker.ledgers()).toHaveLength(before + 16);
  expectRefusal(await wake("x", userOcid), 404);
  expectRefusal(await wake(tenancyOcid, "x"), 404);
});

describe("an organization's admin", () => {
  it("reaches its own subtree; what lies outside answers like what does not exist", async () => {
    const rootId = await addOrganization(worker, "mine");
    const teamId = await addOrganization(worker, "team", rootId);
    const { token, identityId: own } = await tokenOf("admin", rootId);
    const theirs = await addOrganization(worker, "theirs");
    const theirTeam = await addOrganization(worker, "team", theirs);
    const theirTenancy = (await addTenancy(worker, [theirs])).tenancyOcid;
    const theirIdentity = await addIdentity(worker, theirs, theirTenancy);
    const call = (method: string, path: string, body?: unknown) =>
      worker.json(method, `/api/v1/${path}`, body, token);

    for (const [method, path, body] of [
      ["GET", "organizations/ID"],
      ["PATCH", "organizations/ID", { name: "x" }],
      ["DELETE", "organizations/ID"],
      ["GET", "identities?organizationId=ID"],
    ] as const) {
      for (const id of [theirs, theirTeam]) {
        const answer = await call(method, path.replace("ID", id), body);
        const unknown = await call(method, path.replace("ID", nowhere), body);
        expectRefusal(answer, 404);
        expect({ ...answer.body, reqId: "" }).toEqual({ ...unknown.body, reqId: "" });
      }
    }
    for (const [method, path, body] of [
      ["GET", "identities/ID"],
      ["PATCH", "identities/ID", { role: "admin" }],
      ["DELETE", "identities/ID"],
      ["GET", "auth/oci-auth/identities/ID"],
      ["POST", "auth/oci-auth/identities/ID", { tenancyOcid: theirTenancy }],
      ["PATCH", "auth/oci-auth/identities/ID", { allowedUsernames: null }],
      ["DELETE", "auth/oci-auth/identities/ID"],
      ["PUT", `organizations/${teamId}/identities/ID`],
      ["DELETE", `organizations/${teamId}/identities/ID`],
    ] as const) {
      const answer = await call(method, path.replace("ID", theirIdentity), body);
      const unknown = await call(method, path.replace("ID", nowhere), body);
      expectRefusal(answer, 404);
      expect({ ...answer.body, reqId: "" }).toEqual({ ...unknown.body, reqId: "" });
    }
    expectRefusal(await call("PUT", `organizations/${theirTeam}/identities/${own}`), 404);

    // References in a body are 400, the same for what is elsewhere and what is nowhere.
    expectRefusal(await call("POST", "organizations", { name: "x", slug: "x", parentId: theirs }), 400);
    expectRefusal(await call("POST", "identities", { name: "x", organizationId: theirs }), 400);
    const mine = (await call("POST", "identities", { name: "x", organizationId: teamId })).body.identity.id;
    expectRefusal(await call("POST", `auth/oci-auth/identities/${mine}`, { tenancyOcid: theirTenancy }), 400);

    // What belongs to the deployment is the operator's.
    expectRefusal(await call("POST", "organizations", { name: "x", slug: "x" }), 403);
    for (const [method, path] of [
      ["GET", "oci/tenancies"],
      ["GET", `oci/tenancies/${theirTenancy}`],
      ["PUT", `oci/tenancies/${theirTenancy}`],
      ["DELETE", `oci/tenancies/${theirTenancy}`],
      ["DELETE", `oci/tenancies/${theirTenancy}/users/${newOcid("user")}/cache`],
      ["POST", `oci/tenancies/${theirTenancy}/users/${newOcid("user")}/wake-ledgers`],
    ] as const) {
      expectRefusal(await call(method, path, method === "PUT" ? {} : undefined), 403);
    }

    // Nothing of the others changed, and nothing of them is listed.
    expect((await worker.admin("GET", `/api/v1/identities/${theirIdentity}`)).body.identity.role).toBe(
      "member",
    );
    const listed = await call("GET", "organizations");
    expect(listed.body.organizations.map(({ id }: { id: string }) => id)).toEqual([rootId, teamId]);
    const identities = await call("GET", "identities");
    expect(identities.body.identities.map(({ id }: { id: string }) => id).sort()).toEqual([own, mine].sort());
  });

  it("of a sub-organization reaches neither its root nor its siblings", async () => {
    const rootId = await addOrganization(worker, "parent");
    const [teamId, siblingId] = [
      await addOrganization(worker, "team", rootId),
      await addOrganization(worker, "sibling", rootId),
    ];
    const { token } = await tokenOf("admin", teamId, rootId);
    const get = (id: string) => worker.json("GET", `/api/v1/organizations/${id}`, undefined, token);
    expect(await get(teamId)).toMatchObject({ status: 200 });
    expectRefusal(await get(rootId), 404);
    expectRefusal(await get(siblingId), 404);
    const create = await worker.json(
      "POST",
      "/api/v1/organizations",
      { name: "x", slug: "x", parentId: rootId },
      token,
    );
    expectRefusal(create, 400);
  });

  it("is a member and no more in a sub-organization that it was invited to", async () => {
    const rootId = await addOrganization(worker, "inviting");
    const [teamId, invitedId] = [
      await addOrganization(worker, "team", rootId),
      await addOrganization(worker, "invited", rootId),
    ];
    const { identityId, login } = await tokenOf("admin", teamId, rootId);
    await worker.admin("PUT", `/api/v1/organizations/${invitedId}/identities/${identityId}`);
    const token = await login("invited");
    expect(decodeJwt(token)).toMatchObject({ orgId: invitedId, aud: "api" });
    expectRefusal(await worker.json("GET", "/api/v1/organizations", undefined, token), 403);
  });
});

describe("published keys", () => {
  it("verify a token, are cacheable for five minutes, and may be read from any page", async () => {
    const rootId = await addOrganization(worker, "keys");
    const { token } = await tokenOf("member", rootId);
    for (const path of ["/.well-known/jwks.json", "/.well-known/openid-configuration"]) {
      const { status, headers } = await worker.send(path, {
        headers: { origin: "https://page.example.com" },
      });
      expect([status, headers.get("cache-control"), headers.get("access-control-allow-origin")]).toEqual([
        200,
        "public, max-age=300",
        "*",
      ]);
    }
    const { body: jwks } = await worker.send("/.well-known/jwks.json");
    expect(jwks.keys.map((key: object) => Object.keys(key).sort())).toEqual([
      ["alg", "crv", "kid", "kty", "use", "x", "y"],
    ]);
    const { createLocalJWKSet } = await import("jose");
    await jwtVerify(token, createLocalJWKSet(jwks), { issuer, audience: "api" });
    const { body: discovery } = await worker.send("/.well-known/openid-configuration");
    expect(discovery).toMatchObject({
      issuer,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      id_token_signing_alg_values_supported: ["ES256"],
      subject_types_supported: ["public"],
    });
  });
});
