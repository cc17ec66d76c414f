/** `oci-auth admin`, as a process, against the built Worker. */
import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { addIdentity, addOrganization, addTenancy, addUser, newOcid } from "../e2e/oci-users.ts";
import { newRsaKey } from "../e2e/rsa-keys.ts";
import { startWorker, type Worker } from "../e2e/worker.ts";
import { type BuiltCommand, buildCommand, type Run } from "./built-command.ts";

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: string[];
  readonly body: string[];
}

let worker: Worker;
let command: BuiltCommand;
let server: Server;
/** The requests of the command line, on their way to the Worker. */
const seen: Seen[] = [];
/** Answers in the Worker's place, where it gives an answer. */
let instead: (request: Seen) => { status: number; retryAfter?: string } | undefined = () => undefined;
let origin: string;

beforeAll(async () => {
  worker = await startWorker();
  command = buildCommand();
  server = createServer(async (incoming, response) => {
    const { method = "", headers } = incoming;
    const url = new URL(incoming.url ?? "", worker.url);
    const body = await text(incoming);
    const request = {
      method,
      path: url.pathname,
      query: [...url.searchParams.keys()],
      body: body === "" ? [] : Object.keys(JSON.parse(body)),
    };
    seen.push(request);
    const other = instead(request);
    if (other !== undefined) {
      const { status: statusCode, retryAfter } = other;
      response.writeHead(statusCode, retryAfter === undefined ? {} : { "retry-after": retryAfter });
      response.end(JSON.stringify({ reqId: "req-00000000000000", statusCode, message: "No", error: "x" }));
      return;
    }
    const answer = await fetch(url, {
      method,
      headers: {
        authorization: headers.authorization ?? "",
        ...(body === "" ? {} : { "content-type": headers["content-type"] ?? "" }),
      },
      ...(body === "" ? {} : { body }),
    });
    const retryAfter = answer.headers.get("retry-after");
    response.writeHead(answer.status, retryAfter === null ? {} : { "retry-after": retryAfter });
    response.end(await answer.text());
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
  command.remove();
  await worker.close();
});

const environment = () => ({ OCI_AUTH_URL: origin, OCI_AUTH_ADMIN_TOKEN: worker.secrets.ADMIN_TOKEN ?? "" });

function admin(...args: string[]): Promise<Run> {
  return command.run(["admin", ...args], environment());
}

// biome-ignore lint/suspicious/noExplicitAny: tests say what they expect of it.
async function adminJson(...args: string[]): Promise<any> {
  const { code, stdout, stderr } = await admin(...args, "--json");
  expect([code, stderr], `${args.join(" ")}: ${stdout}`).toEqual([0, ""]);
  return JSON.parse(stdout);
}

function keyFile(pem: string): string {
  const path = join(command.folder, `${Math.random()}.pem`);
  writeFileSync(path, pem);
  return path;
}

describe("oci-auth admin", () => {
  it("reaches every admin operation of /openapi.json, with every field of its query and body", async () => {
    seen.length = 0;
    const { organization } = await adminJson("organizations", "create", "--name", "Acme", "--slug", "cli");
    const { organization: team } = await adminJson(
      ...["organizations", "create", "--name", "Team", "--slug", "team", "--parent-id", organization.id],
    );
    expect(team).toMatchObject({ name: "Team", slug: "team", parentId: organization.id });
    expect(await adminJson("organizations", "get", team.id)).toEqual({ organization: team });
    const renamed = await adminJson("organizations", "update", team.id, "--name", "A-Team", "--slug", "a");
    expect(renamed.organization).toMatchObject({ name: "A-Team", slug: "a" });
    expect((await adminJson("organizations", "suspend", team.id)).organization.suspended).toBe(true);
    expect((await adminJson("organizations", "resume", team.id)).organization.suspended).toBe(false);

    const tenancyOcid = newOcid("tenancy");
    const reader = await addUser(worker, tenancyOcid);
    const { tenancy } = await adminJson(
      ...["tenancies", "put", tenancyOcid, "--region", "us-ashburn-1", "--organization-id", organization.id],
      ...["--user-ocid", reader.userOcid, "--key-file", keyFile(`${reader.privateKey}OCI_API_KEY\n`)],
    );
    expect(tenancy).toMatchObject({
      organizationIds: [organization.id],
      userOcid: reader.userOcid,
      fingerprint: reader.fingerprint,
    });
    expect(await adminJson("tenancies", "get", tenancyOcid)).toEqual({ tenancy });
    expect(await adminJson("tenancies", "list")).toEqual({ tenancies: [tenancy], nextCursor: null });
    expect(await adminJson("tenancies", "purge-user", tenancyOcid, reader.userOcid)).toEqual({
      purgedAt: expect.any(String),
    });
    expect(await adminJson("tenancies", "wake-ledgers", tenancyOcid, reader.userOcid)).toEqual({ woken: 16 });

    const { identity } = await adminJson(
      ...["identities", "create", "--name", "payments", "--organization-id", organization.id],
      ...["--role", "introspector"],
    );
    expect(identity.role).toBe("introspector");
    const updated = await adminJson("identities", "update", identity.id, "--name", "pay", "--role", "member");
    expect(updated.identity).toMatchObject({ name: "pay", role: "member" });
    expect((await adminJson("identities", "suspend", identity.id)).identity.suspended).toBe(true);
    expect((await adminJson("identities", "resume", identity.id)).identity.suspended).toBe(false);
    await adminJson("identities", "revoke-tokens", identity.id);
    const listed = await adminJson("identities", "list", "--organization-id", organization.id);
    expect(listed).toEqual({
      identities: [(await adminJson("identities", "get", identity.id)).identity],
      nextCursor: null,
    });

    const settings = [
      ...["--allowed-usernames", "alice,bob", "--ttl", "60", "--max-ttl", "120", "--uses-limit", "3"],
      ...["--period", "30", "--trusted-ip", "192.0.2.0/24", "--trusted-ip", "2001:db8::1"],
      ...["--audience", "billing", "--signature-reuse", "reject"],
    ];
    const { identityOciAuth } = await adminJson(
      ...["oci-auth", "attach", identity.id, "--tenancy-ocid", tenancyOcid, ...settings],
    );
    expect(identityOciAuth).toMatchObject({
      tenancyOcid,
      allowedUsernames: "alice,bob",
      accessTokenTTL: 60,
      accessTokenMaxTTL: 120,
      accessTokenNumUsesLimit: 3,
      accessTokenPeriod: 30,
      accessTokenTrustedIps: [
        { ipAddress: "192.0.2.0", type: "ipv4", prefix: 24 },
        { ipAddress: "2001:db8::1", type: "ipv6" },
      ],
      accessTokenAudience: "billing",
      signatureReuse: "reject",
    });
    expect(await adminJson("oci-auth", "get", identity.id)).toEqual({ identityOciAuth });
    await adminJson("oci-auth", "update", identity.id, "--tenancy-ocid", tenancyOcid, ...settings);
    const cleared = await adminJson(
      "oci-auth",
      "update",
      identity.id,
      "--all-usernames",
      "--default-audience",
    );
    expect(cleared.identityOciAuth).toEqual({
      ...identityOciAuth,
      allowedUsernames: null,
      accessTokenAudience: null,
      updatedAt: expect.any(String),
    });

    const instanceOcid = "ocid1.instance.oc1.iad.aaaa";
    const instanceSettings = [
      ...[
        "--allowed-compartment-ocids",
        "ocid1.compartment.oc1..aaaa",
        "--allowed-instance-ocids",
        instanceOcid,
      ],
      ...["--allowed-regions", "us-ashburn-1,us-phoenix-1", "--ttl", "60", "--max-ttl", "120"],
      ...["--uses-limit", "3", "--period", "30", "--trusted-ip", "192.0.2.0/24", "--audience", "billing"],
    ];
    const { identityOciInstanceAuth } = await adminJson(
      ...["instance-auth", "attach", identity.id, "--tenancy-ocid", tenancyOcid, ...instanceSettings],
    );
    expect(identityOciInstanceAuth).toMatchObject({
      tenancyOcid,
      allowedCompartmentOcids: "ocid1.compartment.oc1..aaaa",
      allowedInstanceOcids: instanceOcid,
      allowedRegions: "us-ashburn-1,us-phoenix-1",
      accessTokenTTL: 60,
      accessTokenAudience: "billing",
    });
    expect(await adminJson("instance-auth", "get", identity.id)).toEqual({ identityOciInstanceAuth });
    await adminJson(
      ...["instance-auth", "update", identity.id, "--tenancy-ocid", tenancyOcid, ...instanceSettings],
    );
    const everyInstance = await adminJson(
      ...["instance-auth", "update", identity.id, "--all-compartments", "--all-instances", "--all-regions"],
    );
    expect(everyInstance.identityOciInstanceAuth).toEqual({
      ...identityOciInstanceAuth,
      ...{ allowedCompartmentOcids: null, allowedInstanceOcids: null, allowedRegions: null },
      updatedAt: expect.any(String),
    });
    await adminJson("instance-auth", "detach", identity.id, "--yes");
    const woken = await adminJson("tenancies", "wake-instance-ledgers", tenancyOcid, instanceOcid);
    expect(woken).toEqual({ woken: 16 });

    const { membership } = await adminJson("members", "add", team.id, identity.id);
    expect(membership).toMatchObject({ organizationId: team.id, identityId: identity.id });
    expect(await adminJson("members", "list", team.id)).toEqual({
      memberships: [membership],
      nextCursor: null,
    });
    await adminJson("members", "remove", team.id, identity.id, "--yes");
    await adminJson("oci-auth", "detach", identity.id, "--yes");
    await adminJson("identities", "delete", identity.id, "--yes");
    await adminJson("tenancies", "delete", tenancyOcid, "--yes");
    const anyCursor = Buffer.from(JSON.stringify(["2026", ""])).toString("base64url");
    const { stdout: noMembers } = await admin(
      ...["members", "list", team.id, "--limit", "1", "--cursor", anyCursor, "--json"],
    );
    expect(JSON.parse(noMembers)).toEqual({ memberships: [], nextCursor: null });
    await adminJson("organizations", "delete", team.id, "--yes");

    // Every page by its cursor, and all at once: the same events.
    const between = ["--from", "2020-01-01T00:00:00Z", "--to", "2099-01-01T00:00:00+01:00"];
    const of = ["audit-events", "list", "--organization-id", organization.id, "--identity-id", identity.id];
    const first = await command.run(["admin", ...of, ...between, "--limit", "2", "--json"], environment());
    const page = JSON.parse(first.stdout);
    expect(page.auditEvents).toHaveLength(2);
    const second = await adminJson(...of, ...between, "--limit", "100", "--cursor", page.nextCursor);
    const all = await adminJson(...of, ...between, "--limit", "2", "--all");
    expect(all).toEqual({ auditEvents: [...page.auditEvents, ...second.auditEvents], nextCursor: null });
    expect(new Set(all.auditEvents.map(({ type }: { type: string }) => type))).toEqual(
      new Set([
        ...["identity.create", "identity.update", "identity.revoke-tokens", "identity.delete"],
        ...["oci-auth.attach", "oci-auth.update", "oci-auth.detach"],
        ...["instance-auth.attach", "instance-auth.update", "instance-auth.detach"],
      ]),
    );
    for (const list of ["organizations", "identities", "tenancies"]) {
      await adminJson(list, "list", "--limit", "1", "--all");
      const { stdout } = await admin(list, "list", "--cursor", page.nextCursor, "--json");
      expect(JSON.parse(stdout)).toMatchObject({ nextCursor: null });
    }

    // More than a page of either.
    const more = await Promise.all(Array.from({ length: 21 }, () => addTenancy(worker, [organization.id])));
    const { ready, tenancies } = await adminJson("ready");
    expect([ready, tenancies.map((each: { tenancyOcid: string }) => each.tenancyOcid).sort()]).toEqual([
      true,
      more.map((each) => each.tenancyOcid).sort(),
    ]);
    expect(await adminJson("tenancies", "re-encrypt")).toEqual({
      ...{ reEncrypted: 0, current: 21, changed: 0, undecryptable: [], nextCursor: null },
    });

    const { body: document } = await worker.send("/openapi.json");
    const operations = Object.entries<Record<string, Described>>(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, described]) => ({
        path,
        method: method.toUpperCase(),
        described,
      })),
    );
    // No command is for a service's calls.
    const adminOperations = operations.filter(
      ({ path, described }) => described.security !== undefined && path !== "/oauth2/introspect",
    );
    expect(adminOperations.length).toBeGreaterThan(20);
    for (const { path, method, described } of adminOperations) {
      const pattern = new RegExp(`^${path.replace(/\{\w+\}/g, "[^/]+")}$`);
      const requests = seen.filter((one) => one.method === method && pattern.test(one.path));
      const inQuery = (described.parameters ?? []).filter((parameter) => parameter.in === "query");
      const content = described.requestBody?.content["application/json"].schema.properties ?? {};
      expect.soft(requests, `${method} ${path}`).not.toHaveLength(0);
      expect
        .soft(new Set(requests.flatMap(({ query }) => query)), `${method} ${path}`)
        .toEqual(new Set(inQuery.map(({ name }) => name)));
      const sent = new Set(requests.flatMap(({ body }) => body));
      expect.soft(sent, `${method} ${path}`).toEqual(new Set(Object.keys(content)));
    }
    // Some fifty processes.
  }, 180_000);

  it("shows tables that a person and grep can read", async () => {
    const rootId = await addOrganization(worker, "tables");
    const names = ["orders", "stock"];
    for (const name of names) {
      await worker.admin("POST", "/api/v1/identities", { name, organizationId: rootId });
    }
    const list = await admin("identities", "list", "--organization-id", rootId);
    const [head, ...rows] = list.stdout.trimEnd().split("\n");
    expect(head?.split(/ {2,}/)).toEqual(["ID", "NAME", "ORGANIZATION ID", "ROLE", "SUSPENDED"]);
    expect(rows.map((row) => row.split(/ {2,}/).slice(1))).toEqual(
      names.map((name) => [name, rootId, "member", "false"]),
    );
    const first = await admin("identities", "list", "--organization-id", rootId, "--limit", "1");
    expect(first.stderr).toMatch(/^There are more: --all reads every page, --cursor \S+ the next\.\n$/);

    const one = await admin("organizations", "get", rootId);
    expect(one.stdout).toMatch(new RegExp(`^ID +${rootId}\nNAME +tables\nSLUG +tables\nPARENT ID +-\n`));
  });

  it("succeeds although a reader stops early", async () => {
    const run = await command.runUnread(["admin", "organizations", "list", "--json"], environment());
    expect([run.code, run.stderr]).toEqual([0, ""]);
  });

  it("cannot be made to move a terminal's cursor by a name", async () => {
    const rootId = await addOrganization(worker, "escapes");
    await worker.admin("PATCH", `/api/v1/organizations/${rootId}`, { name: "a\u202etxt.exe" });
    for (const json of [[], ["--json"]]) {
      const { stdout } = await admin("organizations", "get", rootId, ...json);
      expect(stdout).toContain("a\\u202etxt.exe");
    }
  });
});

interface Described {
  readonly security?: unknown;
  readonly parameters?: { readonly in: string; readonly name: string }[];
  readonly requestBody?: {
    readonly content: { readonly "application/json": { readonly schema: { readonly properties?: object } } };
  };
}

describe("before a deletion, it", () => {
  const inTerminal = (args: string[], prompt: string, answer: string) =>
    command.runInTerminal(["admin", ...args], environment(), prompt, answer);
  const exists = async (path: string) => (await worker.admin("GET", path)).status === 200;

  it("asks for a confirmation in a terminal, naming what it deletes, and accepts only a yes", async () => {
    const rootId = await addOrganization(worker, "confirmed");
    const path = `/api/v1/organizations/${rootId}`;
    const prompt = `Delete organization confirmed (${rootId})?`;
    for (const answer of ["\r", "n\r", "\u0003"]) {
      const refused = await inTerminal(["organizations", "delete", rootId], prompt, answer);
      expect([refused.code, refused.stdout]).toEqual([1, expect.stringMatching(/nothing was changed/)]);
      expect(await exists(path)).toBe(true);
    }
    const done = await inTerminal(["organizations", "delete", rootId], prompt, "y\r");
    expect([done.code, done.stdout]).toEqual([0, expect.stringContaining(rootId)]);
    expect(await exists(path)).toBe(false);
  });

  it("names the identity, the tenancy, and both ends of a membership", async () => {
    const rootId = await addOrganization(worker, "named");
    const teamId = await addOrganization(worker, "crew", rootId);
    const { tenancyOcid } = await addTenancy(worker, [rootId]);
    const id = await addIdentity(worker, rootId, tenancyOcid);
    await worker.admin("PUT", `/api/v1/organizations/${teamId}/identities/${id}`);
    for (const [args, prompt] of [
      [
        ["members", "remove", teamId, id],
        `Remove identity workload (${id}) from organization crew (${teamId})?`,
      ],
      [
        ["oci-auth", "detach", id],
        `Detach OCI Auth from identity workload (${id}), and end all of its tokens?`,
      ],
      [["tenancies", "delete", tenancyOcid], `Delete tenancy ${tenancyOcid} and its credential?`],
      [["identities", "delete", id], `Delete identity workload (${id})?`],
      [
        ["organizations", "delete", teamId, "--with-identities"],
        `Delete organization crew (${teamId}) with all of its identities?`,
      ],
      [
        ["organizations", "delete", rootId, "--with-identities"],
        `Delete organization named (${rootId}) with all of its identities and sub-organizations?`,
      ],
    ] as const) {
      expect(await inTerminal([...args], prompt, "y\r"), prompt).toMatchObject({ code: 0 });
    }
    for (const path of [`identities/${id}`, `oci/tenancies/${tenancyOcid}`, `organizations/${teamId}`]) {
      expect(await exists(`/api/v1/${path}`)).toBe(false);
    }
  });

  it("does nothing without a terminal and without --yes", async () => {
    const rootId = await addOrganization(worker, "unasked");
    const { code, stderr } = await admin("organizations", "delete", rootId);
    expect([code, stderr]).toEqual([
      2,
      "oci-auth: this deletes something and must be confirmed, but there is no terminal; give --yes to confirm\n",
    ]);
    expect(await exists(`/api/v1/organizations/${rootId}`)).toBe(true);
  });
});

describe("organizations delete --with-identities", () => {
  afterEach(() => {
    instead = () => undefined;
  });

  /** A root and two sub-organizations, one with so many identities, and a membership in each direction. */
  async function newTree(
    slug: string,
    many = 30,
  ): Promise<{ rootId: string; teamId: string; left(): Promise<number[]> }> {
    const rootId = await addOrganization(worker, slug);
    const [teamId, otherId] = [
      await addOrganization(worker, "team", rootId),
      await addOrganization(worker, "other", rootId),
    ];
    const { tenancyOcid } = await addTenancy(worker, [rootId]);
    const [inRoot, inTeam] = [
      await addIdentity(worker, rootId, tenancyOcid),
      await addIdentity(worker, teamId, tenancyOcid),
    ];
    await worker.admin("PUT", `/api/v1/organizations/${teamId}/identities/${inRoot}`);
    await worker.admin("PUT", `/api/v1/organizations/${otherId}/identities/${inTeam}`);
    const { DB } = await worker.env();
    await DB.prepare(
      "INSERT INTO identities (id, name, organization_id, role, created_at, updated_at) SELECT value, 'many', ?, 'member', '2026', '2026' FROM json_each(?)",
    )
      .bind(teamId, JSON.stringify(Array.from({ length: many - 1 }, () => crypto.randomUUID())))
      .all();
    const left = async () =>
      Object.values(
        await DB.prepare(
          "SELECT (SELECT count(*) FROM organizations WHERE root_id = ?1) AS a, (SELECT count(*) FROM identities JOIN organizations o ON o.id = organization_id WHERE o.root_id = ?1) AS b, (SELECT count(*) FROM organization_members m JOIN organizations o ON o.id = m.organization_id WHERE o.root_id = ?1) AS c, (SELECT count(*) FROM oci_auth_configs WHERE root_organization_id = ?1) AS d",
        )
          .bind(rootId)
          .first(),
      ).map(Number);
    expect(await left()).toEqual([3, many + 1, 2, 2]);
    return { rootId, teamId, left };
  }
  const deleteWhole = (id: string, ...more: string[]) =>
    admin("organizations", "delete", id, "--with-identities", "--yes", ...more);

  it("suspends a root, empties it page by page, reports each step, deletes it, and nothing else", async () => {
    const [{ rootId, left }, other] = [await newTree("whole", 121), await newTree("untouched")];
    seen.length = 0;
    const { code, stdout, stderr } = await deleteWhole(rootId, "--json");
    expect([code, JSON.parse(stdout).organization.id]).toEqual([0, rootId]);
    expect(stderr.split("\n").map((line) => line.replace(/ \([^)]*\)/, ""))).toEqual([
      "oci-auth: whole is suspended",
      ...["oci-auth: team: 1 memberships deleted", "oci-auth: team: 100 identities deleted"],
      ...[
        "oci-auth: team: 121 identities deleted",
        "oci-auth: team is deleted",
        "oci-auth: other is deleted",
      ],
      ...["oci-auth: whole: 1 identities deleted", ""],
    ]);
    const changes = seen.filter(({ method }) => method !== "GET").map(({ method, path }) => [method, path]);
    expect([changes[0], changes.at(-1)]).toEqual([
      ["PATCH", `/api/v1/organizations/${rootId}`],
      ["DELETE", `/api/v1/organizations/${rootId}`],
    ]);
    expect(changes.slice(1).every(([method]) => method === "DELETE")).toBe(true);
    expect(await left()).toEqual([0, 0, 0, 0]);
    expect(await other.left()).toEqual([3, 31, 2, 2]);
  });

  it("of a sub-organization keeps its root, and the members from there", async () => {
    const { teamId, left } = await newTree("partly");
    expect(await deleteWhole(teamId)).toMatchObject({ code: 0 });
    expect(await left()).toEqual([2, 1, 0, 1]);
  });

  it("continues when it is run again after an interruption, and says so; meanwhile the organization is suspended", async () => {
    const { rootId, left } = await newTree("cut");
    let deletions = 0;
    instead = ({ method }) => {
      if (method !== "DELETE") return undefined;
      deletions += 1;
      return deletions === 11 ? { status: 401 } : undefined;
    };
    const cut = await deleteWhole(rootId);
    expect([cut.code, cut.stdout]).toEqual([1, ""]);
    expect(cut.stderr).toMatch(
      /not all could be deleted: \/api\/v1\/identities\/\S+: No \(401, .*; the organization stays suspended, and another run continues\n$/,
    );
    // After the refusal, it started no deletion beside those that were running.
    expect(deletions).toBeLessThanOrEqual(18);
    expect((await worker.admin("GET", `/api/v1/organizations/${rootId}`)).body.organization.suspended).toBe(
      true,
    );
    expect((await left())[1]).toBeGreaterThan(10);
    instead = () => undefined;
    expect(await deleteWhole(rootId)).toMatchObject({ code: 0 });
    expect(await left()).toEqual([0, 0, 0, 0]);
  });

  it("waits as long as a 429 or 503 says, and counts what is gone already as deleted", async () => {
    const { rootId, left } = await newTree("limited");
    let calls = 0;
    instead = ({ method, path }) => {
      calls += 1;
      if (method === "DELETE" && calls % 11 === 0) return { status: 404 };
      return calls % 7 === 0 ? { status: path.endsWith("0") ? 503 : 429, retryAfter: "1" } : undefined;
    };
    const first = await deleteWhole(rootId);
    // The Worker said 'gone' of something that is there: the organization is not deleted, and the message says so.
    expect([first.code, first.stderr]).toEqual([1, expect.stringMatching(/is not empty: .*\(400, req-/)]);
    instead = () => {
      calls += 1;
      return calls % 5 === 0 ? { status: 429, retryAfter: "1" } : undefined;
    };
    expect(await deleteWhole(rootId)).toMatchObject({ code: 0 });
    expect(await left()).toEqual([0, 0, 0, 0]);
  });

  it("is refused with a token of the organization itself, which would end in the middle", async () => {
    const { rootId, left } = await newTree("own");
    const claims = Buffer.from(JSON.stringify({ orgId: rootId })).toString("base64url");
    const run = await command.run(
      ["admin", "organizations", "delete", rootId, "--with-identities", "--yes"],
      { ...environment(), OCI_AUTH_ADMIN_TOKEN: `e30.${claims}.e30` },
    );
    expect([run.code, run.stderr]).toEqual([
      2,
      expect.stringMatching(/use ADMIN_TOKEN, or the access token/),
    ]);
    expect(await left()).toEqual([3, 31, 2, 2]);
    expect((await worker.admin("GET", `/api/v1/organizations/${rootId}`)).body.organization.suspended).toBe(
      false,
    );
  });
});

describe("it says in one sentence on stderr what is wrong and what to do, and exits", () => {
  const token = { OCI_AUTH_ADMIN_TOKEN: "x".repeat(32) };
  const closed = "http://127.0.0.1:9";
  const list = ["organizations", "list"];
  const put = (file: string) => [
    ...["tenancies", "put", newOcid("tenancy"), "--region", "us-ashburn-1", "--organization-id", "x"],
    ...["--user-ocid", newOcid("user"), "--key-file", file],
  ];
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const encrypted = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({
    ...{ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "open sesame" },
  });

  it.each<[what: string, args: () => string[], env: Record<string, string>, stderr: RegExp]>([
    ["no Worker", () => list, token, /no Worker is named; give --url/],
    ["http beyond this machine", () => list, { ...token, OCI_AUTH_URL: "http://a.example" }, /use https/],
    ["a path in --url", () => [...list, "--url", "https://a.example/x"], token, /the Worker's origin alone/],
    ["no token", () => list, { OCI_AUTH_URL: closed }, /set OCI_AUTH_ADMIN_TOKEN, or give --token-file/],
    [
      "a missing token file",
      () => [...list, "--token-file", "/nowhere"],
      { OCI_AUTH_URL: closed },
      /token file cannot be read: ENOENT.*check --token-file/,
    ],
    [
      "a token of two lines",
      () => [...list, "--token-file", keyFile("a\nb\n")],
      { OCI_AUTH_URL: closed },
      /does not hold a token/,
    ],
    ["an unknown command", () => ["organizations", "lst"], token, /unknown command 'lst'/],
    [
      "a missing option",
      () => ["organizations", "create", "--slug", "x"],
      token,
      /--name <name>' not specified/,
    ],
    ["a missing argument", () => ["organizations", "get"], token, /missing required argument/],
    [
      "an update of nothing",
      () => ["identities", "update", "x"],
      { ...token, OCI_AUTH_URL: closed },
      /--name, --role/,
    ],
    ["a limit of 0", () => [...list, "--limit", "0"], token, /from 1 to 100/],
    ["words for a number", () => ["oci-auth", "update", "x", "--ttl", "1h"], token, /not a whole number/],
    [
      "an unknown role",
      () => ["identities", "update", "x", "--role", "root"],
      token,
      /Allowed choices are member/,
    ],
    [
      "a value and its absence at once",
      () => ["oci-auth", "update", "x", "--all-usernames", "--allowed-usernames", "a"],
      token,
      /cannot be used with option/,
    ],
    [
      "a missing key file",
      () => put("/nowhere"),
      { ...token, OCI_AUTH_URL: closed },
      /ENOENT.*check --key-file/,
    ],
    [
      "a public key",
      () => put(keyFile(newRsaKey().publicKey)),
      { ...token, OCI_AUTH_URL: closed },
      /this is a public key .*correct --key-file/,
    ],
    [
      "a key that is not RSA",
      () => put(keyFile(ec.export({ type: "pkcs8", format: "pem" }).toString())),
      { ...token, OCI_AUTH_URL: closed },
      /not an RSA key/,
    ],
    [
      "a key with a passphrase, and no terminal",
      () => put(keyFile(encrypted.toString())),
      { ...token, OCI_AUTH_URL: closed },
      /encrypted with a passphrase.*openssl pkey/,
    ],
  ])("2 for %s", async (_, args, env, stderr) => {
    const run = await command.run(["admin", ...args()], env);
    expect([run.code, run.stdout]).toEqual([2, ""]);
    expect(run.stderr.replace(/^\(.*\)\n/gm, "")).toMatch(/^[^\n]+\n$/);
    expect(run.stderr).toMatch(stderr);
  });

  it("1 for what the Worker refuses, with its message, status and request id", async () => {
    const rootId = await addOrganization(worker, "refused");
    await addOrganization(worker, "taken", rootId);
    const { tenancyOcid } = await addTenancy(worker, [rootId]);
    const id = await addIdentity(worker, rootId, tenancyOcid);
    const refused: [args: string[], stderr: RegExp][] = [
      [["organizations", "get", "nowhere"], /Organization not found \(404, REQ\); the list commands show/],
      [["organizations", "get", "../identities"], /not found \(404, REQ\)/],
      [
        ["organizations", "create", "--name", "x", "--slug", "taken", "--parent-id", rootId],
        /'taken' is taken.*\(400, REQ\)$/,
      ],
      [
        ["organizations", "create", "--name", "", "--slug", "Not A Slug"],
        /name: .*; slug: 1 to 64 .* \(422, REQ\); correct that/,
      ],
      [
        ["oci-auth", "update", id, "--trusted-ip", "10.0.0.0/8", "--trusted-ip", "x"],
        /accessTokenTrustedIps\.1\.ipAddress: /,
      ],
      [["tenancies", "delete", tenancyOcid, "--yes"], /\(400, REQ\)$/],
    ];
    for (const [args, stderr] of refused) {
      const run = await admin(...args);
      expect([run.code, run.stdout], args.join(" ")).toEqual([1, ""]);
      expect(run.stderr).toMatch(/^oci-auth: [^\n]+\n$/);
      expect(run.stderr.trimEnd().replace(/req-[\w-]{14}/, "REQ")).toMatch(stderr);
    }
  });

  it("1 for a token that is unknown, or whose role is too low", async () => {
    const unknown = await command.run(["admin", ...list], { ...environment(), ...token });
    expect([unknown.code, unknown.stderr]).toEqual([
      1,
      expect.stringMatching(/\(401, req-\S+\); check the token in OCI_AUTH_ADMIN_TOKEN or --token-file\n$/),
    ]);
    expect(unknown.stderr).not.toContain(token.OCI_AUTH_ADMIN_TOKEN);
  });

  it("1 for a credential that OCI refuses, with what OCI says", async () => {
    const rootId = await addOrganization(worker, "credential");
    const stranger = newRsaKey();
    const run = await admin(
      ...["tenancies", "put", newOcid("tenancy"), "--region", "us-ashburn-1", "--organization-id", rootId],
      ...["--user-ocid", newOcid("user"), "--key-file", keyFile(stranger.privateKey)],
    );
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/\(OCI says NotAuthenticated: .*, opc-request-id \S+\) \(400, req-/);
  });

  it("1 for a redirect, which is not followed, and for a server that is not this Worker", async () => {
    const others: Record<string, () => { status: number; headers?: Record<string, string>; body: string }> = {
      "302": () => ({ status: 302, headers: { location: origin }, body: "" }),
      "200": () => ({ status: 200, body: "<html>" }),
      "404": () => ({ status: 404, body: "{}" }),
    };
    for (const [status, answer] of Object.entries(others)) {
      const other = createServer((_, response) => {
        const { status, headers, body } = answer();
        response.writeHead(status, headers).end(body);
      }).listen(0, "127.0.0.1");
      await new Promise((resolve) => other.once("listening", resolve));
      const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
      seen.length = 0;
      const run = await admin(...list, "--url", url);
      other.close();
      expect([run.code, run.stderr]).toEqual([
        1,
        `oci-auth: ${url} answered ${status}, and not as an oci-auth-worker does; check --url\n`,
      ]);
      expect(seen).toEqual([]);
    }
  });

  it("3 for a Worker that cannot be reached, and for one that cannot answer now", async () => {
    const closedPort = await admin(...list, "--url", closed);
    expect([closedPort.code, closedPort.stderr]).toEqual([
      3,
      expect.stringMatching(/cannot be reached: .*; check --url and the network, and try again\n$/),
    ]);
    const changed = await admin("organizations", "create", "--name", "x", "--slug", "x", "--url", closed);
    expect([changed.code, changed.stderr]).toEqual([
      3,
      expect.stringMatching(/may or may not have been done/),
    ]);

    await worker.emulator("PUT", "faults", { delayMs: 5000 });
    const reader = await addUser(worker, newOcid("tenancy"));
    const rootId = await addOrganization(worker, "unavailable");
    const run = await admin(
      ...["tenancies", "put", reader.tenancyOcid, "--region", "us-ashburn-1", "--organization-id", rootId],
      ...["--user-ocid", reader.userOcid, "--key-file", keyFile(reader.privateKey)],
    );
    await worker.emulator("DELETE", "faults");
    expect([run.code, run.stderr]).toEqual([
      3,
      expect.stringMatching(/\(503, req-\S+\); try again in 5 s\n$/),
    ]);
  });
});

it("reads the token from a file, and prompts for the passphrase of a key", async () => {
  const rootId = await addOrganization(worker, "passphrase");
  const tenancyOcid = newOcid("tenancy");
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const key = { ...newRsaKey(), publicKey: publicKey.export({ type: "spki", format: "pem" }).toString() };
  const reader = await addUser(worker, tenancyOcid, { key });
  const encrypted = privateKey.export({
    ...{ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "open sesame" },
  });
  const put = [
    ...["admin", "tenancies", "put", tenancyOcid, "--region", "us-ashburn-1", "--organization-id", rootId],
    ...["--user-ocid", reader.userOcid, "--key-file", keyFile(encrypted.toString())],
    ...["--url", origin, "--token-file", keyFile(`${worker.secrets.ADMIN_TOKEN}\n`)],
  ];
  const wrong = await command.runInTerminal(put, {}, "Passphrase of", "sesame\r");
  expect([wrong.code, wrong.stdout]).toEqual([2, expect.stringMatching(/is the passphrase right/)]);
  const right = await command.runInTerminal(put, {}, "Passphrase of", "open sesame\r");
  expect([right.code, right.stdout]).toEqual([0, expect.stringContaining(reader.fingerprint)]);
  expect(right.stdout).not.toContain("open sesame");
});

it("every command says how it is used, with an example", async () => {
  const help = async (...args: string[]) => {
    const { code, stdout } = await command.run([...args, "--help"]);
    expect(code).toBe(0);
    return stdout;
  };
  const commandsOf = (text: string) =>
    [...(text.split("\nCommands:\n")[1]?.split("\n\n")[0] ?? "").matchAll(/^ {2}([a-z-]+)/gm)]
      .map(([, name = ""]) => name)
      .filter((name) => name !== "help");
  const top = await help("admin");
  expect(top).toContain("Exit codes:");
  for (const group of commandsOf(top)) {
    const text = await help("admin", group);
    const names = group === "import" ? [] : commandsOf(text);
    await Promise.all(
      names.map(async (name) =>
        expect(await help("admin", group, name)).toContain(`\n  $ oci-auth admin ${group} ${name}`),
      ),
    );
  }
});
