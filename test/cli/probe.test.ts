/** `oci-auth probe`, as a process, against the built Worker, with and without its defences. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Weakening } from "../e2e/bundle.ts";
import {
  addIdentity,
  addOrganization,
  addTenancy,
  addUser,
  newOcid,
  type OciUser,
} from "../e2e/oci-users.ts";
import { newRsaKey } from "../e2e/rsa-keys.ts";
import { issuer, startWorker, type Worker, type WorkerOptions } from "../e2e/worker.ts";
import { type BuiltCommand, buildCommand } from "./built-command.ts";
import { makeHomeFolder, type ProfileValues, profileOf, profileText } from "./home-folder.ts";

let command: BuiltCommand;
beforeAll(() => {
  command = buildCommand();
});
afterAll(() => command.remove());

interface Check {
  readonly name: string;
  readonly expected: number | string;
  readonly got: number | string | null;
  readonly ok: boolean;
  readonly milliseconds: number;
  readonly message?: string;
}

function keyOptions(user: OciUser, change: ProfileValues = {}): string[] {
  const folder = makeHomeFolder(command.folder);
  const values = { ...profileOf(user, folder.key(user)), ...change };
  return ["--config-file", folder.write("config", profileText("DEFAULT", values))];
}

async function runProbe(...args: string[]) {
  const run = await command.run(["probe", "--json", ...args]);
  const json: { url: string; ok: boolean; checks: Check[] } | undefined =
    run.stdout === "" ? undefined : JSON.parse(run.stdout);
  return { ...run, json, failed: (json?.checks ?? []).filter(({ ok }) => !ok) };
}

const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

/** A server in the Worker's place. */
async function standIn(answer: (path: string, init: RequestInit) => Promise<Response>): Promise<string> {
  const server = createServer(async (request, response) => {
    const { method = "" } = request;
    const body = await text(request);
    const headers = { "content-type": "application/json" };
    const init = { method, headers, ...(body === "" ? {} : { body }) };
    const answered = await answer(request.url ?? "", init);
    response.writeHead(answered.status).end(await answered.text());
  }).listen(0, "127.0.0.1");
  servers.push(server);
  await new Promise((resolve) => server.once("listening", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Target {
  readonly worker: Worker;
  readonly rootId: string;
  readonly user: OciUser;
  readonly identityId: string;
  readonly options: string[];
}

async function startTarget(options: WorkerOptions = {}, more: Record<string, unknown> = {}): Promise<Target> {
  const worker = await startWorker(options);
  const rootId = await addOrganization(worker, "probed");
  const { tenancyOcid } = await addTenancy(worker, [rootId]);
  const user = await addUser(worker, tenancyOcid);
  const settings = { allowedUsernames: user.name, ...more };
  const identityId = await addIdentity(worker, rootId, tenancyOcid, { settings });
  return {
    worker,
    rootId,
    user,
    identityId,
    options: [
      ...["--url", worker.url.origin, "--issuer", issuer, "--identity-id", identityId],
      ...keyOptions(user),
    ],
  };
}

describe("of a sound Worker", () => {
  let target: Target;
  beforeAll(async () => {
    target = await startTarget();
  });
  afterAll(() => target.worker.close());

  it("exits 0: one login is verified, and each forgery is refused by its own status", async () => {
    const { code, stderr, json } = await runProbe(...target.options);
    expect([code, stderr]).toEqual([0, ""]);
    expect(json).toMatchObject({ url: target.worker.url.origin, ok: true });
    expect(json?.checks.map(({ name, got }) => [name, got])).toEqual([
      ["login", 200],
      ["token", "verified"],
      ["wrong-signer", 401],
      ["unknown-key", 401],
      ["another-user", 401],
      ["another-tenancy", 401],
      ["another-realm", 401],
      ["foreign-host", 400],
      ["security-token", 400],
      ["old-date", 401],
      ["future-date", 401],
      ["unsigned-date", 400],
      ["unsigned-target", 400],
      ["unsigned-host", 400],
      ["tampered-signature", 401],
      ["tampered-date", 401],
      ["tampered-target", 401],
      ["tampered-host", 401],
      ["another-algorithm", 401],
      ["unknown-algorithm", 400],
      ["no-signature", 400],
      ["unknown-identity", 404],
      ["unknown-organization", 404],
      ["unknown-field", 422],
      ["unknown-header", 422],
      ["oversized-body", 413],
    ]);
    for (const check of json?.checks ?? []) {
      expect(check).toEqual({
        name: check.name,
        expected: check.got,
        got: check.got,
        ok: true,
        milliseconds: expect.any(Number),
      });
    }
  });

  it("exits 0 for an identity that accepts each signature once", async () => {
    const { worker, rootId, user } = target;
    const settings = { signatureReuse: "reject" };
    const identityId = await addIdentity(worker, rootId, user.tenancyOcid, { settings });
    const options = [...target.options, "--identity-id", identityId];
    expect(await runProbe(...options)).toMatchObject({ code: 0 });
  });

  it("exits 0 for a tenancy of another realm", async () => {
    const { worker, rootId } = target;
    const { tenancyOcid } = await addTenancy(worker, [rootId], { realm: "oc19", region: "eu-frankfurt-2" });
    const user = await addUser(worker, tenancyOcid);
    const identityId = await addIdentity(worker, rootId, tenancyOcid);
    const own = [...keyOptions(user), "--region", "eu-frankfurt-2", "--identity-id", identityId];
    expect(await runProbe(...target.options, ...own)).toMatchObject({ code: 0 });
  });

  it("reads its key from OCI's own variables and the identity from login's, and shows a table", async () => {
    const { worker, user, identityId } = target;
    const run = await command.run(["probe", "--issuer", issuer], {
      OCI_AUTH_URL: worker.url.origin,
      OCI_AUTH_IDENTITY_ID: identityId,
      OCI_CLI_TENANCY: user.tenancyOcid,
      OCI_CLI_USER: user.userOcid,
      OCI_CLI_FINGERPRINT: user.fingerprint,
      OCI_CLI_KEY_FILE: makeHomeFolder(command.folder).key(user),
      OCI_CLI_REGION: "us-ashburn-1",
    });
    expect([run.code, run.stderr]).toEqual([0, ""]);
    const [head, ...rows] = run.stdout.trimEnd().split("\n");
    expect(head?.split(/ {2,}/)).toEqual(["CHECK", "EXPECTED", "GOT", "RESULT", "MILLISECONDS"]);
    expect(rows).toHaveLength(26);
    expect(rows[2]).toMatch(/^wrong-signer +401 +401 +ok +\d+$/);
  });

  it("exits 1 if the good login is refused, with the Worker's message", async () => {
    const { worker, rootId, user } = target;
    const settings = { allowedUsernames: "somebody else" };
    const identityId = await addIdentity(worker, rootId, user.tenancyOcid, { settings });
    const { code, stderr, failed } = await runProbe(...target.options, "--identity-id", identityId);
    expect([code, failed.map(({ name, got }) => [name, got])]).toEqual([
      1,
      [
        ["login", 401],
        ["unknown-organization", 401],
      ],
    ]);
    expect(stderr).toMatch(
      /did not answer as it must: login \(Access denied: OCI account username not allowed\.\)/,
    );
  });

  it.each([
    [
      "another issuer",
      ["--issuer", "https://other.example.com"],
      /its issuer is https:\/\/auth\.example\.com, not/,
    ],
    ["another audience", ["--audience", "other"], /unexpected "aud" claim value/],
  ])("exits 1 where the token is for %s", async (_, options, message) => {
    const { code, failed, stderr } = await runProbe(...target.options, ...options);
    expect([code, failed.map(({ name }) => name)]).toEqual([1, ["token"]]);
    expect(stderr).toMatch(message);
  });

  it("expects the issuer to be --url, unless --issuer names another", async () => {
    const { origin } = target.worker.url;
    const { code, stderr } = await runProbe(
      ...target.options.filter((part) => !["--issuer", issuer].includes(part)),
    );
    expect([code, stderr]).toEqual([1, expect.stringContaining(`its issuer is ${issuer}, not ${origin})`)]);
  });

  it("exits 1 if the token is not signed with a published key", async () => {
    const url = await standIn(async (path, init) =>
      path === "/.well-known/jwks.json"
        ? Response.json({ keys: [] })
        : fetch(new URL(path, target.worker.url), init),
    );
    const { code, failed, stderr } = await runProbe(...target.options, "--url", url);
    expect([code, failed.map(({ name }) => name)]).toEqual([1, ["token"]]);
    expect(stderr).toContain("no applicable key found in the JSON Web Key Set");
  });

  it("exits 3 while OCI cannot be called about the user", async () => {
    const { worker, rootId } = target;
    const { tenancyOcid } = await addTenancy(worker, [rootId]);
    const user = await addUser(worker, tenancyOcid);
    const identityId = await addIdentity(worker, rootId, tenancyOcid);
    await worker.emulator("PUT", "faults", { status: 500 });
    const options = [...target.options, ...keyOptions(user), "--identity-id", identityId];
    const { code, stderr, failed } = await runProbe(...options);
    await worker.emulator("DELETE", "faults");
    expect([code, new Set(failed.map(({ got }) => got))]).toEqual([3, new Set([503])]);
    expect(stderr).toMatch(
      /^oci-auth: the checks could not be completed: login \(OCI cannot be asked.*; try again later\n$/,
    );
  });

  it.each<[what: string, options: () => string[], message: RegExp]>([
    ["no identity", () => ["--url", "https://a.example"], /no identity is named; give --identity-id/],
    ["no Worker", () => ["--identity-id", "x"], /no Worker is named; give --url/],
    ["no key", () => ["--url", "https://a.example", "--identity-id", "x"], /user, tenancy, .* are missing/],
    [
      "a user for a tenancy",
      () => [...target.options, ...keyOptions(target.user, { tenancy: newOcid("user") })],
      /not of a tenancy/,
    ],
    [
      "an invalid region",
      () => [...target.options, "--region", "ashburn"],
      /is not a region; use a name such as/,
    ],
    [
      "a public key",
      () => [...target.options, ...keyOptions({ ...target.user, privateKey: newRsaKey().publicKey })],
      /this is a public key/,
    ],
    ["http beyond this machine", () => ["--url", "http://a.example"], /use https/],
  ])("exits 2 for %s", async (_, options, message) => {
    const { code, stdout, stderr } = await runProbe(...options());
    expect([code, stdout, stderr]).toEqual([2, "", expect.stringMatching(message)]);
  });
});

describe("of a Worker that lacks a defence, exits 1 and names it:", () => {
  const lacking = async (weakenings: readonly Weakening[]) => {
    // If two forgeries had one signature, the second would be refused as a repetition and hide the missing defence.
    const target = await startTarget({ weakenings }, { signatureReuse: "reject" });
    try {
      return await runProbe(...target.options);
    } finally {
      await target.worker.close();
    }
  };
  const verification: Weakening = [
    "login/user/method.ts",
    "if (!(await verifySignature(key, algorithm, signature, signingString))) {",
    "if (false) {",
  ];
  const userInKeyId: Weakening = [
    "login/user/method.ts",
    "if (keyId.userOcid !== userOcid) {",
    "if (false) {",
  ];
  const date: Weakening = [
    "login/user/method.ts",
    "function checkDate(date: HttpDate | undefined, now: number): HttpDate {",
    'function checkDate(date: HttpDate | undefined, now: number): HttpDate {\n  return date ?? { text: "", epochMilliseconds: now };',
  ];

  it("the verification of the signature", async () => {
    const { code, stderr, failed } = await lacking([verification]);
    expect([code, failed.map(({ name, got }) => [name, got])]).toEqual([
      1,
      [
        ["wrong-signer", 200],
        ["tampered-signature", 200],
        ["tampered-date", 200],
        ["tampered-target", 200],
        ["tampered-host", 200],
        ["another-algorithm", 200],
      ],
    ]);
    expect(stderr).toMatch(
      /^oci-auth: ALARM: .*: wrong-signer \(a signature is verified with the key that its keyId names\), .*\n$/,
    );
  });

  it("any of the earlier checks, each by its own forgery", async () => {
    const { code, stderr, failed } = await lacking([
      userInKeyId,
      date,
      ["login/user/method.ts", "checkRealm(keyId, host);", ""],
      ["login/login.ts", "? home : checkOrganization(slug, configuration);", "? home : home;"],
      [
        "login/contract.ts",
        "export const loginBody = lazy(() =>\n  z\n    .strictObject({",
        "export const loginBody = lazy(() =>\n  z\n    .object({",
      ],
      [
        "login/contract.ts",
        "const headers = () =>\n  z\n    .strictObject(",
        "const headers = () =>\n  z\n    .object(",
      ],
      ["app.ts", "app.use(timeLimit, configured, limitedBody);", "app.use(timeLimit, configured);"],
      ["oci/identity-host.ts", "if (!isRealmDomain(domain)) {", "if (false) {"],
      [
        "oci/request-signature.ts",
        "return missing === undefined ? parsed(names)",
        "return true ? parsed(names)",
      ],
    ]);
    expect([code, failed.map(({ name, got }) => [name, got])]).toEqual([
      1,
      [
        ["another-user", 200],
        ["another-realm", 200],
        ["foreign-host", 200],
        ["old-date", 200],
        ["future-date", 200],
        ["unsigned-date", 200],
        ["unsigned-target", 200],
        ["unsigned-host", 200],
        ["unknown-organization", 200],
        ["unknown-field", 200],
        ["unknown-header", 200],
        ["oversized-body", 200],
      ],
    ]);
    expect(stderr).toContain("another-user (the user in keyId is userOcid)");
  });

  it("the form of its refusals", async () => {
    const { code, stderr, failed } = await lacking([
      [
        "http/envelope.ts",
        "return c.json(withDetails ? { ...body, details } : body, status, headers);",
        "return c.json({ ...body, stack: String(refusal.stack) }, status, headers);",
      ],
    ]);
    expect([code, failed.map(({ name }) => name)]).toEqual([
      1,
      expect.arrayContaining(["wrong-signer", "unknown-field"]),
    ]);
    expect(failed).toHaveLength(24);
    expect(stderr).toMatch(/wrong-signer \(the refusal does not have the documented form\)/);
    expect(stderr).not.toContain("ALARM");
  });
});

const nobody = (url: string) => [
  ...["--url", url, "--identity-id", crypto.randomUUID()],
  ...keyOptions({ ...newRsaKey(), name: "", tenancyOcid: newOcid("tenancy"), userOcid: newOcid("user") }),
];

it("raises the alarm for a refusal that carries a token", async () => {
  const refusal = { reqId: "req-uV1PNuuRpSBs1f", statusCode: 401, message: "no", error: "UnauthorizedError" };
  const url = await standIn(async () =>
    Response.json({ ...refusal, accessToken: "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.AAAA" }, { status: 401 }),
  );
  const { code, stderr } = await runProbe(...nobody(url));
  expect([code, stderr]).toEqual([1, expect.stringMatching(/ALARM: .*: wrong-signer \(/)]);
});

it("raises no alarm for a server that answers everything with a page", async () => {
  const url = await standIn(async () => new Response("<html>"));
  const { code, stderr, failed } = await runProbe(...nobody(url));
  expect([code, failed.length]).toEqual([1, 25]);
  expect(stderr).toMatch(/did not answer as it must: .*wrong-signer \(not an oci-auth-worker's answer\)/);
  expect(stderr).not.toContain("ALARM");
});

describe("exits 3", () => {
  it("if nothing answers, after one request", async () => {
    const { code, stderr, json } = await runProbe(...nobody("http://127.0.0.1:9"));
    expect([code, json?.ok, json?.checks.map(({ name, got }) => [name, got])]).toEqual([
      3,
      false,
      [["login", null]],
    ]);
    expect(stderr).toMatch(/^oci-auth: the checks could not be completed: login \(.+\); try again later\n$/);
  });

  it.each([429, 502])("if every answer is a %d", async (status) => {
    const url = await standIn(async () => new Response("<html>", { status }));
    const { code, failed } = await runProbe(...nobody(url));
    expect([code, failed.length]).toEqual([3, 25]);
  });
});
