import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addIdentity, addOrganization, addTenancy, addUser, newOcid, type OciUser } from "./oci-users.ts";
import { signAsGo } from "./signers.ts";
import { startWorker, type Worker } from "./worker.ts";

let worker: Worker;
let organizationId: string;
let tenancyOcid: string;
let user: OciUser;

beforeAll(async () => {
  worker = await startWorker();
  organizationId = await addOrganization(worker, "audited");
  ({ tenancyOcid } = await addTenancy(worker, [organizationId]));
  user = await addUser(worker, tenancyOcid);
});
afterAll(() => worker.close());

interface Event {
  id: string;
  type: string;
  outcome: string;
  reason: string | null;
  details: Record<string, unknown>;
}

async function events(query: string, bearer = worker.secrets.ADMIN_TOKEN): Promise<Event[]> {
  const { body } = await worker.json("GET", `/api/v1/audit-events?limit=100&${query}`, undefined, bearer);
  return body.auditEvents;
}

async function arrived(query: string, count: number): Promise<Event[]> {
  await expect.poll(async () => (await events(query)).length, { timeout: 15_000 }).toBe(count);
  return events(query);
}

const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

function login(identityId: string, more: object = {}) {
  return worker.send("/api/v1/auth/oci-auth/login", {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "cf-connecting-ip": "192.0.2.7",
      "user-agent": "workload/1.0",
    },
    body: JSON.stringify({ identityId, userOcid: user.userOcid, headers: signAsGo(user), ...more }),
  });
}

describe("a login's event", () => {
  it("says who, from where, with which key, where the key came from, and which token", async () => {
    const identityId = await addIdentity(worker, organizationId, tenancyOcid);
    await worker.admin("DELETE", `/api/v1/oci/tenancies/${tenancyOcid}/users/${user.userOcid}/cache`);
    const answers = [await login(identityId), await login(identityId)];
    const [second, first] = await arrived(`identityId=${identityId}&from=2026-01-01T00:00:00Z`, 4);
    for (const [event, answer, keySource] of [
      [first, answers[0], "oci"],
      [second, answers[1], "cache"],
    ] as const) {
      expect(event).toEqual({
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        at: time,
        type: "login",
        outcome: "success",
        reason: null,
        organizationId,
        identityId,
        actor: `oci/${user.userOcid}`,
        ip: "192.0.2.7",
        userAgent: "workload/1.0",
        reqId: answer?.headers.get("x-request-id"),
        details: {
          tenancyOcid,
          userOcid: user.userOcid,
          fingerprint: user.fingerprint,
          username: user.name,
          keySource,
          tokenId: decodeJwt(answer?.body.accessToken).jti,
          // Both were signed in one second, if it did not turn between them.
          ...(event?.details.signatureReused === undefined
            ? {}
            : { signatureReused: { count: 2, firstAt: time, firstIp: "192.0.2.7" } }),
        },
      });
    }
  });

  it("of a refusal after step 6 says why; earlier ones are only logged", async () => {
    const identityId = await addIdentity(worker, organizationId, tenancyOcid, {
      settings: { allowedUsernames: "x" },
    });
    const refused = await login(identityId);
    expect(refused.status).toBe(401);
    const old = { headers: signAsGo(user, { date: "Tue, 24 Nov 2020 03:04:57 GMT" }) };
    worker.clearLogs();
    const early = await login(identityId, old);
    const logged = () => worker.logs().map(({ message }) => message);
    await expect.poll(logged).toContainEqual(expect.stringContaining(early.body.reqId));
    expect(JSON.parse(logged()[0] ?? "")).toMatchObject({
      reqId: early.body.reqId,
      reason: "date-out-of-range",
    });
    const [event, ...rest] = await arrived(`identityId=${identityId}`, 3);
    expect(event).toMatchObject({
      type: "login",
      outcome: "failure",
      reason: "username-not-allowed",
      organizationId,
      identityId,
      reqId: refused.body.reqId,
      details: { username: user.name, fingerprint: user.fingerprint },
    });
    expect(rest.map(({ type }) => type)).toEqual(["oci-auth.attach", "identity.create"]);
  });
});

describe("a token's events", () => {
  it("are its renewal and its revocation, once each, and refused renewals", async () => {
    const identityId = await addIdentity(worker, organizationId, tenancyOcid);
    const { accessToken } = (await login(identityId)).body;
    const post = (what: string) => worker.json("POST", `/api/v1/auth/token/${what}`, { accessToken });
    await post("renew");
    await post("revoke");
    await post("revoke");
    await post("renew");
    const found = await arrived(`identityId=${identityId}`, 6);
    expect(found.map(({ type, outcome, reason }) => [type, outcome, reason]).sort()).toEqual([
      ["identity.create", "success", null],
      ["login", "success", null],
      ["oci-auth.attach", "success", null],
      ["token.renew", "failure", "token-revoked"],
      ["token.renew", "success", null],
      ["token.revoke", "success", null],
    ]);
    const tokenId = decodeJwt(accessToken).jti;
    for (const { type, details } of found.filter(({ type }) => /token|login/.test(type))) {
      expect([type, details.tokenId]).toEqual([type, tokenId]);
    }
  });
});

it("refusals of strangers hide no refusal of who holds a signature or a token", async () => {
  const settings = { signatureReuse: "reject" };
  const identityId = await addIdentity(worker, organizationId, tenancyOcid, { settings });
  const headers = signAsGo(user);
  const { accessToken } = (await login(identityId, { headers })).body;
  await worker.json("POST", "/api/v1/auth/token/revoke", { accessToken });
  const foreign = { headers: signAsGo({ ...user, tenancyOcid: newOcid("tenancy") }) };
  // More than two minutes' share.
  for (let count = 0; count < 140; count += 20) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => login(identityId, foreign)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
  }
  await login(identityId, { headers });
  await worker.json("POST", "/api/v1/auth/token/renew", { accessToken });
  const holders = async () =>
    (await events(`identityId=${identityId}`))
      .filter(({ outcome, reason }) => outcome === "failure" && reason !== "another-tenancy")
      .map(({ type, reason }) => [type, reason]);
  await expect
    .poll(async () => (await holders()).sort(), { timeout: 15_000 })
    .toEqual([
      ["login", "signature-reused"],
      ["token.renew", "token-revoked"],
    ]);
});

describe("a change's event", () => {
  it("is there for every change through the admin API, by whom, and none for what changed nothing", async () => {
    const rootId = await addOrganization(worker, "changing");
    const teamId = await addOrganization(worker, "team", rootId);
    const { tenancyOcid: ocid, reader } = await addTenancy(worker, [rootId]);
    const identityId = await addIdentity(worker, rootId, ocid);
    const identity = `/api/v1/identities/${identityId}`;
    const ociAuth = `/api/v1/auth/oci-auth/identities/${identityId}`;
    const membership = `/api/v1/organizations/${teamId}/identities/${identityId}`;
    const tenancy = `/api/v1/oci/tenancies/${ocid}`;
    for (const [method, path, body] of [
      ["PATCH", `/api/v1/organizations/${teamId}`, { name: "Team" }],
      ["PUT", membership],
      ["PUT", membership],
      ["DELETE", membership],
      ["DELETE", membership],
      ["PATCH", identity, { suspended: true }],
      ["POST", `${identity}/revoke-tokens`],
      ["PATCH", ociAuth, { accessTokenTTL: 60 }],
      ["DELETE", ociAuth],
      ["DELETE", ociAuth],
      ["DELETE", identity],
      ["DELETE", `${tenancy}/users/${reader.userOcid}/cache`],
      ["DELETE", tenancy],
      ["DELETE", `/api/v1/organizations/${teamId}`],
      ["DELETE", `/api/v1/organizations/${rootId}`],
    ] as const) {
      await worker.admin(method, path, body);
    }
    const from = (await events(`organizationId=${rootId}`)).at(-1);
    expect(from).toMatchObject({ type: "organization.create", details: { slug: "changing" } });
    const byOrganization = [
      ...(await arrived(`organizationId=${rootId}`, 9)),
      ...(await events(`organizationId=${teamId}`)),
    ];
    expect(byOrganization.map(({ type }) => type).sort()).toEqual([
      "identity.create",
      "identity.delete",
      "identity.revoke-tokens",
      "identity.update",
      "membership.add",
      "membership.remove",
      "oci-auth.attach",
      "oci-auth.detach",
      "oci-auth.update",
      "organization.create",
      "organization.create",
      "organization.delete",
      "organization.delete",
      "organization.update",
    ]);
    const ofTenancy = (await events("")).filter(({ details }) => details.tenancyOcid === ocid);
    expect(
      ofTenancy
        .map(({ type }) => type)
        .filter((type) => type.startsWith("tenancy"))
        .sort(),
    ).toEqual(["tenancy.delete", "tenancy.purge-user", "tenancy.put"]);
    for (const event of byOrganization)
      expect(event).toMatchObject({ actor: "operator", outcome: "success" });
  });
});

describe("who may read the log", () => {
  it("an admin reads its own subtree and nothing else", async () => {
    const rootId = await addOrganization(worker, "reading");
    const teamId = await addOrganization(worker, "team", rootId);
    const tenancy = await addTenancy(worker, [rootId]);
    const admins = await Promise.all(
      [rootId, teamId].map(async (home) => {
        const admin = await addUser(worker, tenancy.tenancyOcid);
        const identityId = await addIdentity(worker, home, tenancy.tenancyOcid, { role: "admin" });
        const { body } = await worker.login({
          identityId,
          userOcid: admin.userOcid,
          headers: signAsGo(admin),
        });
        return { identityId, token: body.accessToken as string };
      }),
    );
    const [ofRoot, ofTeam] = admins as [(typeof admins)[0], (typeof admins)[0]];
    await arrived(`organizationId=${rootId}`, 4);
    await arrived(`organizationId=${teamId}`, 4);
    const organizationsOf = async (query: string, token: string) =>
      [
        ...new Set(
          (await events(query, token)).map(
            (event) => (event as unknown as { organizationId: string }).organizationId,
          ),
        ),
      ].sort();

    expect(await organizationsOf("", ofRoot.token)).toEqual([rootId, teamId].sort());
    expect(await organizationsOf("", ofTeam.token)).toEqual([teamId]);
    expect(await organizationsOf(`organizationId=${teamId}`, ofRoot.token)).toEqual([teamId]);
    expect(await organizationsOf(`identityId=${ofTeam.identityId}`, ofRoot.token)).toEqual([teamId]);
    expect(await organizationsOf(`identityId=${ofRoot.identityId}`, ofTeam.token)).toEqual([]);

    const theirs = await addIdentity(worker, organizationId, tenancyOcid);
    await arrived(`identityId=${theirs}`, 2);
    expect(await events(`identityId=${theirs}`, ofRoot.token)).toEqual([]);
    for (const [token, foreign] of [
      [ofRoot.token, organizationId],
      [ofTeam.token, rootId],
      [ofRoot.token, "00000000-0000-4000-8000-000000000000"],
    ]) {
      const path = `/api/v1/audit-events?organizationId=${foreign}`;
      expect(await worker.json("GET", path, undefined, token)).toMatchObject({ status: 404 });
    }
  });

  it.each([
    "from=x",
    "to=2026-11-24",
    "to=9999-12-31T23:59:59-14:00",
    "limit=0",
    "cursor=x",
    "organizationId=a&organizationId=b",
  ])("422 for ?%s", async (query) => {
    expect(await worker.admin("GET", `/api/v1/audit-events?${query}`)).toMatchObject({ status: 422 });
  });
});

it("pages give each event once", async () => {
  const whole = await events(`organizationId=${organizationId}`);
  const paged: Event[] = [];
  let cursor: string | null = "";
  do {
    const query: string = `organizationId=${organizationId}&limit=3${cursor === "" ? "" : `&cursor=${cursor}`}`;
    const { body } = await worker.admin("GET", `/api/v1/audit-events?${query}`);
    paged.push(...body.auditEvents);
    cursor = body.nextCursor;
  } while (cursor !== null);
  expect(paged).toEqual(whole);
});

it("no event holds a token, a signature or a key", async () => {
  const identityId = await addIdentity(worker, organizationId, tenancyOcid);
  const headers = signAsGo(user);
  const { body } = await worker.login({ identityId, userOcid: user.userOcid, headers });
  await arrived(`identityId=${identityId}`, 3);
  const all = JSON.stringify(await events(""));
  const signature = /signature="([^"]+)"/.exec(headers.authorization)?.[1] ?? "";
  for (const secret of [
    body.accessToken,
    signature,
    "PRIVATE",
    "BEGIN",
    "encrypted",
    worker.secrets.ADMIN_TOKEN ?? "",
  ]) {
    expect(secret.length).toBeGreaterThan(4);
    expect(all).not.toContain(secret);
  }
});
