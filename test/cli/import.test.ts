/** `oci-auth admin import`, as a process, against the built Worker. */
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { addOrganization, addTenancy, newOcid } from "../e2e/oci-users.ts";
import { startWorker, type Worker } from "../e2e/worker.ts";
import { type BuiltCommand, buildCommand } from "./built-command.ts";

let worker: Worker;
let command: BuiltCommand;
let server: Server;
/** Requests that change something, and those of them that get no answer from the Worker. */
let changes: string[] = [];
let failAt: number | undefined;
let origin: string;

beforeAll(async () => {
  worker = await startWorker();
  command = buildCommand();
  server = createServer(async (request, response) => {
    const { method = "", headers } = request;
    const body = await text(request);
    if (method !== "GET") changes.push(`${method} ${request.url}`);
    if (method !== "GET" && changes.length === failAt) return void response.writeHead(502).end();
    const answer = await fetch(new URL(request.url ?? "", worker.url), {
      method,
      headers: { authorization: headers.authorization ?? "", "content-type": "application/json" },
      ...(body === "" ? {} : { body }),
    });
    response.writeHead(answer.status).end(await answer.text());
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
  command.remove();
  await worker.close();
});
beforeEach(() => {
  changes = [];
  failAt = undefined;
});

/** An answer of Infisical: it has more than is imported, and an address apart from its prefix. */
function exported(name: string, tenancyOcid: string, settings: Record<string, unknown> = {}) {
  const id = crypto.randomUUID();
  return {
    identity: { id, name, authMethods: ["oci-auth"], hasDeleteProtection: false },
    identityOciAuth: {
      id: crypto.randomUUID(),
      identityId: id,
      type: "iam",
      tenancyOcid,
      allowedUsernames: "alice@example.com",
      accessTokenTTL: 600,
      accessTokenMaxTTL: 1200,
      accessTokenNumUsesLimit: 5,
      accessTokenTrustedIps: [
        { ipAddress: "192.0.2.0", type: "ipv4", prefix: 24 },
        { ipAddress: "2001:db8::7", type: "ipv6" },
      ],
      createdAt: "2025-01-01T00:00:00.000Z",
      updatedAt: "2025-01-01T00:00:00.000Z",
      ...settings,
    },
  };
}

let files = 0;
function fileOf(content: unknown): string {
  files += 1;
  const path = join(command.folder, `export-${files}.json`);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

async function runImport(organizationId: string, file: string, ...more: string[]) {
  const args = ["admin", "import", "--from-infisical", file, "--organization-id", organizationId, ...more];
  const run = await command.run(args, {
    OCI_AUTH_URL: origin,
    OCI_AUTH_ADMIN_TOKEN: worker.secrets.ADMIN_TOKEN ?? "",
  });
  // biome-ignore lint/suspicious/noExplicitAny: tests say what they expect of it.
  const json: any = more.includes("--json") && run.stdout !== "" ? JSON.parse(run.stdout) : undefined;
  return { ...run, json };
}

async function newRoot(slug: string) {
  const rootId = await addOrganization(worker, slug);
  const { tenancyOcid } = await addTenancy(worker, [rootId]);
  return { rootId, tenancyOcid };
}

async function identitiesOf(organizationId: string) {
  const { body } = await worker.admin("GET", `/api/v1/identities?organizationId=${organizationId}`);
  return body.identities as { id: string; name: string; role: string }[];
}

const ociAuthOf = (id: string) => worker.admin("GET", `/api/v1/auth/oci-auth/identities/${id}`);
const results = (json: { identities: { name: string; result: string }[] }) =>
  json.identities.map(({ name, result }) => [name, result]);

it("imports identities with their settings, says which id became which, and creates nothing twice", async () => {
  const { rootId, tenancyOcid } = await newRoot("import");
  const one = exported("payments", tenancyOcid);
  const open = exported("orders", tenancyOcid, {
    allowedUsernames: null,
    accessTokenTrustedIps: [
      { ipAddress: "0.0.0.0", type: "ipv4", prefix: 0 },
      { ipAddress: "::", type: "ipv6", prefix: 0 },
    ],
  });
  const file = fileOf({ identities: [one, open] });

  const dry = await runImport(rootId, file, "--dry-run", "--json");
  expect([dry.code, dry.json.dryRun, changes]).toEqual([0, true, []]);
  expect(results(dry.json)).toEqual([
    ["payments", "created"],
    ["orders", "created"],
  ]);
  expect(await identitiesOf(rootId)).toEqual([]);

  const { code, json } = await runImport(rootId, file, "--json");
  expect([code, json.organizationId, json.dryRun]).toEqual([0, rootId, false]);
  const [payments, orders] = await identitiesOf(rootId);
  expect(json.identities).toEqual([
    {
      name: "payments",
      oldIdentityId: one.identity.id,
      identityId: payments?.id,
      result: "created",
      differences: [],
    },
    {
      name: "orders",
      oldIdentityId: open.identity.id,
      identityId: orders?.id,
      result: "created",
      differences: [],
    },
  ]);
  expect([payments?.role, orders?.role]).toEqual(["member", "member"]);
  expect((await ociAuthOf(payments?.id ?? "")).body.identityOciAuth).toMatchObject({
    tenancyOcid,
    allowedUsernames: "alice@example.com",
    accessTokenTTL: 600,
    accessTokenMaxTTL: 1200,
    accessTokenNumUsesLimit: 5,
    accessTokenPeriod: 0,
    accessTokenTrustedIps: one.identityOciAuth.accessTokenTrustedIps,
  });
  expect((await ociAuthOf(orders?.id ?? "")).body.identityOciAuth).toMatchObject({
    allowedUsernames: null,
    accessTokenTrustedIps: open.identityOciAuth.accessTokenTrustedIps,
  });

  changes = [];
  const again = await runImport(rootId, file);
  expect([again.code, changes, (await identitiesOf(rootId)).length]).toEqual([0, [], 2]);
  const [head, ...rows] = again.stdout.trimEnd().split("\n");
  expect(head?.split(/ {2,}/)).toEqual(["NAME", "OLD IDENTITY ID", "IDENTITY ID", "RESULT"]);
  expect(rows.map((row) => row.split(/ {2,}/))).toEqual([
    ["payments", one.identity.id, payments?.id, "unchanged"],
    ["orders", open.identity.id, orders?.id, "unchanged"],
  ]);
});

it("imports them into a sub-organization, whose root may use the tenancy", async () => {
  const { rootId, tenancyOcid } = await newRoot("import-root");
  const teamId = await addOrganization(worker, "import-team", rootId);
  const { code } = await runImport(teamId, fileOf({ identities: [exported("payments", tenancyOcid)] }));
  expect([code, (await identitiesOf(teamId)).length, (await identitiesOf(rootId)).length]).toEqual([0, 1, 0]);
});

it("does not change what differs, names the difference, and imports the others", async () => {
  const { rootId, tenancyOcid } = await newRoot("import-different");
  const names = ["changed", "settled"];
  const first = names.map((name) => exported(name, tenancyOcid));
  await runImport(rootId, fileOf({ identities: first }));
  const [changed] = await identitiesOf(rootId);
  // Settings that Infisical does not have may differ.
  await worker.admin("PATCH", `/api/v1/auth/oci-auth/identities/${changed?.id}`, {
    allowedUsernames: "bob",
    accessTokenTrustedIps: [{ ipAddress: "10.0.0.0/8" }],
  });
  const [, settled] = await identitiesOf(rootId);
  await worker.admin("PATCH", `/api/v1/auth/oci-auth/identities/${settled?.id}`, {
    signatureReuse: "reject",
    accessTokenAudience: "billing",
  });

  const file = fileOf({ identities: [...first, exported("new", tenancyOcid)] });
  const run = await runImport(rootId, file, "--json");
  expect(results(run.json)).toEqual([
    ["changed", "conflict"],
    ["settled", "unchanged"],
    ["new", "created"],
  ]);
  expect(run.code).toBe(1);
  expect(run.stderr).toMatch(
    /changed \(allowedUsernames is bob here and alice@example\.com in the file, accessTokenTrustedIps is 10\.0\.0\.0\/8 here and 192\.0\.2\.0\/24, 2001:db8::7 in the file\)/,
  );
  expect((await ociAuthOf(changed?.id ?? "")).body.identityOciAuth.allowedUsernames).toBe("bob");
});

it.each(["admin", "introspector"])(
  "attaches nothing to an identity of the same name with the role %s",
  async (role) => {
    const { rootId, tenancyOcid } = await newRoot(`import-${role}`);
    const { body } = await worker.admin("POST", "/api/v1/identities", {
      name: "deployer",
      organizationId: rootId,
      role,
    });
    const run = await runImport(rootId, fileOf({ identities: [exported("deployer", tenancyOcid)] }));
    expect([run.code, changes]).toEqual([1, []]);
    expect(run.stderr).toContain(`deployer (its role is ${role})`);
    expect((await ociAuthOf(body.identity.id)).status).toBe(404);
  },
);

it("does not touch identities that share a name", async () => {
  const { rootId, tenancyOcid } = await newRoot("import-namesakes");
  for (let count = 0; count < 2; count++) {
    await worker.admin("POST", "/api/v1/identities", { name: "twin", organizationId: rootId });
  }
  const run = await runImport(rootId, fileOf({ identities: [exported("twin", tenancyOcid)] }));
  expect([run.code, changes]).toEqual([1, []]);
  expect(run.stderr).toContain("twin (2 identities have this name)");
});

it("finds an identity of the same name beyond the first page", async () => {
  const { rootId, tenancyOcid } = await newRoot("import-pages");
  const create = (name: string) =>
    worker.admin("POST", "/api/v1/identities", { name, organizationId: rootId });
  for (let count = 0; count < 100; count++) await create(`other-${count}`);
  const last = (await create("last")).body.identity.id;
  const { json } = await runImport(rootId, fileOf({ identities: [exported("last", tenancyOcid)] }), "--json");
  expect(json.identities).toMatchObject([{ identityId: last, result: "attached" }]);
});

describe("stopped in the middle, it says what is done, and continues when it is run again:", () => {
  it.each([
    [
      "before an identity is created",
      3,
      ["created", "not done", "not done"],
      ["unchanged", "created", "created"],
    ],
    [
      "between an identity and its OCI Auth",
      4,
      ["created", "not done", "not done"],
      ["unchanged", "attached", "created"],
    ],
  ])("%s", async (what, at, before, after) => {
    const { rootId, tenancyOcid } = await newRoot(`import-stopped-${at}`);
    const names = ["first", "second", "third"];
    const file = fileOf({ identities: names.map((name) => exported(name, tenancyOcid)) });
    failAt = at;
    const stopped = await runImport(rootId, file, "--json");
    expect([stopped.code, results(stopped.json).map(([, result]) => result)], what).toEqual([1, before]);
    expect(stopped.stderr).toMatch(/^oci-auth: the import stopped: .* 502.*another run continues\n$/);
    failAt = undefined;
    const resumed = await runImport(rootId, file, "--json");
    expect([resumed.code, results(resumed.json).map(([, result]) => result)]).toEqual([0, after]);
    const identities = await identitiesOf(rootId);
    expect(identities.map(({ name }) => name)).toEqual(names);
    for (const { id } of identities) expect((await ociAuthOf(id)).status).toBe(200);
  });
});

describe("changes nothing", () => {
  it("where tenancies are not registered or not for the root, and lists them", async () => {
    const { rootId, tenancyOcid } = await newRoot("import-tenancies");
    const elsewhere = (await newRoot("import-elsewhere")).tenancyOcid;
    const unknown = newOcid("tenancy");
    const identities = [tenancyOcid, elsewhere, unknown].map((ocid, at) => exported(`${at}`, ocid));
    const run = await runImport(rootId, fileOf({ identities }));
    expect([run.code, run.stdout, changes]).toEqual([1, "", []]);
    expect(run.stderr).toBe(
      `oci-auth: nothing was changed, because of tenancies: ${elsewhere} is not for the root organization ${rootId}; ${unknown} is not registered; register them with 'oci-auth admin tenancies put'\n`,
    );
  });

  it("where the organization does not exist", async () => {
    const run = await runImport("nowhere", fileOf({ identities: [] }));
    expect([run.code, changes, run.stderr]).toEqual([
      1,
      [],
      expect.stringContaining("Organization not found"),
    ]);
  });

  const ocid = newOcid("tenancy");
  const entry = exported("payments", ocid);
  const without = (field: string) => ({
    ...entry,
    identityOciAuth: Object.fromEntries(
      Object.entries(entry.identityOciAuth).filter(([name]) => name !== field),
    ),
  });
  it.each<[what: string, content: unknown, stderr: RegExp]>([
    ["not JSON", "{", /cannot be read as JSON.*make it as docs\/admin.md says/],
    ["a list", [], /the file: /],
    ["no identities", {}, /identities: /],
    ["no OCI Auth", { identities: [{ identity: entry.identity }] }, /identities\.0\.identityOciAuth: /],
    ["no name", { identities: [{ ...entry, identity: { id: "1" } }] }, /identities\.0\.identity\.name: /],
    ["no allow-list", { identities: [without("allowedUsernames")] }, /identityOciAuth\.allowedUsernames: /],
    ["no trusted IPs", { identities: [without("accessTokenTrustedIps")] }, /accessTokenTrustedIps: /],
    ["no TTL", { identities: [without("accessTokenTTL")] }, /identityOciAuth\.accessTokenTTL: /],
    [
      "a blank allow-list",
      { identities: [exported("x", ocid, { allowedUsernames: "" })] },
      /allowedUsernames: is blank or has a blank element/,
    ],
    [
      "the OCID of a user for a tenancy",
      { identities: [exported("x", newOcid("user"))] },
      /tenancyOcid: .* is the OCID of a user, not of a tenancy/,
    ],
    [
      "an invalid address, and a TTL that is too long",
      {
        identities: [
          exported("x", ocid, { accessTokenTrustedIps: [{ ipAddress: "10.0.0", prefix: 8 }] }),
          exported("y", ocid, { accessTokenTTL: 1201 }),
        ],
      },
      /identities\.0\.identityOciAuth\.accessTokenTrustedIps\.0\.ipAddress: .*; identities\.1\.identityOciAuth\.accessTokenTTL: is greater/,
    ],
    [
      "two identities of one name",
      { identities: [entry, exported("payments", ocid)] },
      /identities\.1\.identity\.name: there is another 'payments'/,
    ],
  ])("for a file with %s, and sends no request", async (_, content, stderr) => {
    const file = fileOf(content);
    const run = await command.run(
      ["admin", "import", "--from-infisical", file, "--organization-id", "x", "--url", "http://127.0.0.1:9"],
      { OCI_AUTH_ADMIN_TOKEN: "x".repeat(32) },
    );
    expect([run.code, run.stdout]).toEqual([2, ""]);
    expect(run.stderr).toMatch(/^oci-auth: [^\n]+\n$/);
    expect(run.stderr).toMatch(stderr);
  });
});
