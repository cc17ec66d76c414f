/**
 * Each dependency fails in each way: what is answered, what is served meanwhile, and that it heals by itself. Every
 * request is given up after 8 s, so one that takes longer fails its test.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type OciFault, startFaultyOci } from "./faulty-oci.ts";
import { addIdentity, addOrganization, addTenancy, addUser, newRsaKey, type OciUser } from "./oci-users.ts";
import { signAsGo } from "./signers.ts";
import { type Answer, startWorker, type Worker } from "./worker.ts";

const maxMilliseconds = 8000;
let addresses = 0;

interface Setting {
  worker: Worker;
  oci: Awaited<ReturnType<typeof startFaultyOci>>;
  organizationId: string;
  tenancyOcid: string;
  newUser(): Promise<{ user: OciUser; login(): Promise<Answer> }>;
  breaks(faults: Record<string, string>): Promise<void>;
}

async function start(vars: Record<string, string>): Promise<Setting> {
  let oci: Setting["oci"] | undefined;
  const worker = await startWorker({
    vars,
    main: "test/faulty-worker.ts",
    oci: async (emulator) => {
      oci = await startFaultyOci(emulator);
      return oci.origin;
    },
  });
  if (oci === undefined) throw new Error("OCI was not started");
  const organizationId = await addOrganization(worker, "faults");
  const { tenancyOcid } = await addTenancy(worker, [organizationId]);
  return {
    worker,
    oci,
    organizationId,
    tenancyOcid,
    async newUser() {
      const user = await addUser(worker, tenancyOcid);
      const identityId = await addIdentity(worker, organizationId, tenancyOcid);
      // Each from an address of its own: one address may only ask so much about unknown users.
      addresses += 1;
      const headers = { "content-type": "application/json", "cf-connecting-ip": `10.0.0.${addresses}` };
      const login = () =>
        worker.send("/api/v1/auth/oci-auth/login", {
          method: "POST",
          headers,
          body: JSON.stringify({ identityId, userOcid: user.userOcid, headers: signAsGo(user) }),
          signal: AbortSignal.timeout(maxMilliseconds),
        });
      return { user, login };
    },
    async breaks(faults) {
      await worker.send("/_faults", { method: "PUT", body: JSON.stringify(faults) });
    },
  };
}

let fresh: Setting;
let stale: Setting;
beforeAll(async () => {
  // In one Worker a user's entry stays fresh, in the other it is stale at once.
  [fresh, stale] = await Promise.all([start({}), start({ DIRECTORY_TTL_SECONDS: "0" })]);
});
afterEach(async () => {
  for (const { oci, worker, breaks } of [fresh, stale]) {
    oci.set(undefined);
    await worker.emulator("DELETE", "faults");
    await breaks({});
  }
});
afterAll(async () => {
  for (const { worker, oci } of [fresh, stale]) {
    await worker.close();
    await oci.close();
  }
});

function expectUnavailable(answer: Answer): void {
  expect([answer.status, answer.body]).toEqual([
    503,
    {
      reqId: expect.stringMatching(/^req-[\w-]{14}$/),
      statusCode: 503,
      message: expect.not.stringMatching(/injected|secret|D1_|Error:|\n/),
      error: "ServiceUnavailable",
    },
  ]);
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
}

describe("while OCI cannot be asked", () => {
  const viaEmulator = (fault: object) => (setting: Setting) =>
    setting.worker.emulator("PUT", "faults", fault);
  const viaProxy = (fault: OciFault) => async (setting: Setting) => setting.oci.set(fault);
  const key = newRsaKey();
  const faults: [what: string, breakOci: (setting: Setting) => Promise<unknown>][] = [
    ["it answers 401 to us", viaEmulator({ status: 401 })],
    ["it answers 403 to us", viaEmulator({ status: 403 })],
    ["it answers 429", viaEmulator({ status: 429 })],
    ["it answers 500", viaEmulator({ status: 500 })],
    ["it answers 503", viaEmulator({ status: 503 })],
    [
      "it answers 404 without an OCI error",
      viaEmulator({ status: 404, body: "<html>", contentType: "text/html" }),
    ],
    ["it hangs", viaProxy("hang")],
    ["it hangs in the middle of an answer", viaProxy("hang-in-body")],
    ["it drops the connection", viaProxy("drop")],
    ["it redirects", viaProxy("redirect")],
    ["it sends HTML", viaEmulator({ body: "<html>", contentType: "text/html" })],
    ["it sends truncated JSON", viaProxy("truncated")],
    ["it sends JSON of another shape", viaEmulator({ body: { id: 1 } })],
    ["it sends 10 MB", viaProxy("10-megabytes")],
    [
      "it sends another user",
      viaProxy((path, answer) =>
        path.endsWith("/apiKeys") ? answer : { ...(answer as object), id: "ocid1.user.oc1..b" },
      ),
    ],
    [
      "it sends another user's keys",
      viaProxy((path, answer) =>
        path.endsWith("/apiKeys")
          ? (answer as object[]).map((each) => ({ ...each, userId: "ocid1.user.oc1..b" }))
          : answer,
      ),
    ],
    [
      "it sends a key of 200 KB",
      viaProxy((path, answer) =>
        path.endsWith("/apiKeys")
          ? (answer as object[]).map((each) => ({ ...each, keyValue: "A".repeat(200_000) }))
          : answer,
      ),
    ],
  ];
  it.each(faults)(
    "because %s: a new user waits, a stale or fresh entry serves, and it heals",
    async (_, breakOci) => {
      const [known, waiting] = [await stale.newUser(), await stale.newUser()];
      expect(await known.login()).toMatchObject({ status: 200 });
      await breakOci(stale);
      expectUnavailable(await waiting.login());
      expect(await known.login()).toMatchObject({ status: 200 });
      stale.oci.set(undefined);
      await stale.worker.emulator("DELETE", "faults");
      expect(await waiting.login()).toMatchObject({ status: 200 });

      const warm = await fresh.newUser();
      expect(await warm.login()).toMatchObject({ status: 200 });
      await breakOci(fresh);
      await fresh.worker.emulator("DELETE", "requests");
      expect(await warm.login()).toMatchObject({ status: 200 });
      expect((await fresh.worker.emulator("GET", "requests")).body.requests).toEqual([]);
    },
  );

  const definite: [what: string, breakOci: (setting: Setting) => Promise<unknown>][] = [
    ["404, and so our own policy may be gone", viaEmulator({ status: 404 })],
    [
      "another tenancy",
      viaProxy((path, answer) =>
        path.endsWith("/apiKeys") ? answer : { ...(answer as object), compartmentId: "ocid1.tenancy.oc1..b" },
      ),
    ],
    [
      "an inactive user",
      viaProxy((path, answer) =>
        path.endsWith("/apiKeys") ? answer : { ...(answer as object), lifecycleState: "INACTIVE" },
      ),
    ],
    [
      "a key whose fingerprint is not its own",
      viaProxy((path, answer) =>
        path.endsWith("/apiKeys")
          ? (answer as object[]).map((each) => ({ ...each, keyValue: key.publicKey }))
          : answer,
      ),
    ],
  ];
  it.each(definite)("but a definite answer wins over a stale entry: %s", async (_, breakOci) => {
    const { login } = await stale.newUser();
    expect(await login()).toMatchObject({ status: 200 });
    await breakOci(stale);
    expect(await login()).toMatchObject({ status: 401, body: { error: "UnauthorizedError" } });
    // It was not the entry's last word for one login only.
    await stale.worker.emulator("PUT", "faults", { status: 503 });
    stale.oci.set(undefined);
    expect((await login()).status).not.toBe(200);
    await stale.worker.emulator("DELETE", "faults");
    expect(await login()).toMatchObject({ status: 200 });
  });
});

describe("while KV", () => {
  it.each([
    ["cannot be read", { KV_GET: "fail" }],
    ["cannot be written", { KV_PUT: "fail" }],
    ["can be neither read nor written", { KV_GET: "fail", KV_PUT: "fail" }],
    ["does not answer", { KV_GET: "hang" }],
    ["does not answer to writes", { KV_PUT: "hang" }],
    ["holds junk of an older version", { KV_GET: "junk" }],
  ])("%s, users log in, new ones too", async (_, faults) => {
    const known = await fresh.newUser();
    expect(await known.login()).toMatchObject({ status: 200 });
    await fresh.breaks(faults as Record<string, string>);
    const newcomer = await fresh.newUser();
    for (const { login } of [known, newcomer]) expect(await login()).toMatchObject({ status: 200 });
    await fresh.breaks({});
    for (const { login } of [known, newcomer]) expect(await login()).toMatchObject({ status: 200 });
  });
});

it("while KV cannot be written, a purge of a user is not done, and says so", async () => {
  const { user, login } = await fresh.newUser();
  expect(await login()).toMatchObject({ status: 200 });
  await fresh.breaks({ KV_PUT: "fail" });
  const path = `/api/v1/oci/tenancies/${fresh.tenancyOcid}/users/${user.userOcid}/cache`;
  expectUnavailable(await fresh.worker.admin("DELETE", path));
  await fresh.breaks({});
  expect(await fresh.worker.admin("DELETE", path)).toMatchObject({ status: 200 });
});

describe("while D1", () => {
  it.each([
    ["fails", { DB: "fail" }],
    ["hangs", { DB: "hang" }],
    ["loses its connection", { DB: "lose" }],
  ])("%s, nobody logs in, and everybody again once it is over", async (_, faults) => {
    const { login } = await fresh.newUser();
    expect(await login()).toMatchObject({ status: 200 });
    await fresh.breaks(faults as Record<string, string>);
    expectUnavailable(await login());
    expectUnavailable(await fresh.worker.admin("GET", "/api/v1/organizations"));
    await fresh.breaks({});
    expect(await login()).toMatchObject({ status: 200 });
  });

  it("takes no writes, nothing changes, and logins go on", async () => {
    const { login, user } = await fresh.newUser();
    await fresh.breaks({ DB: "fail-writes" });
    const change = () =>
      fresh.worker.admin("PATCH", `/api/v1/organizations/${fresh.organizationId}`, { name: "changed" });
    const cache = `/api/v1/oci/tenancies/${fresh.tenancyOcid}/users/${user.userOcid}/cache`;
    expectUnavailable(await change());
    expectUnavailable(await fresh.worker.admin("DELETE", cache));
    expect(await login()).toMatchObject({ status: 200 });
    await fresh.breaks({});
    const read = await fresh.worker.admin("GET", `/api/v1/organizations/${fresh.organizationId}`);
    expect(read.body.organization.name).toBe("faults");
    expect(await change()).toMatchObject({ status: 200 });
  });

  it("fails or loses its connection, the log has what it says, and no parameter of a query", async () => {
    const { worker, organizationId } = fresh;
    const secret = `name-${crypto.randomUUID()}`;
    const cursor = Buffer.from(JSON.stringify([secret.slice(0, 30), secret])).toString("base64url");
    for (const [fault, said] of [
      ["fail", "D1_ERROR: injected secret-of-the-database"],
      ["lose", "Network connection lost."],
    ] as const) {
      worker.clearLogs();
      await fresh.breaks({ DB: fault });
      expectUnavailable(await worker.admin("GET", `/api/v1/organizations?cursor=${cursor}`));
      expectUnavailable(
        await worker.admin("PATCH", `/api/v1/organizations/${organizationId}`, { name: secret }),
      );
      expect(await worker.admin("GET", `/ready?cursor=${cursor}`)).toMatchObject({ status: 503 });
      await fresh.breaks({});
      const logged = JSON.stringify(worker.logs());
      expect(logged).toContain(said);
      expect(logged).not.toMatch(/Failed query|params:/);
      expect(logged).not.toContain(secret);
    }
  });

  it.each(["fail", "hang", "lose"])(
    "of the audit log %ss, an admin is told so of one identity too",
    async (fault) => {
      const { worker, organizationId, tenancyOcid, newUser } = fresh;
      const { user } = await newUser();
      const identityId = await addIdentity(worker, organizationId, tenancyOcid, { role: "admin" });
      const { body } = await worker.login({ identityId, userOcid: user.userOcid, headers: signAsGo(user) });
      const read = () =>
        worker.json("GET", `/api/v1/audit-events?identityId=${identityId}`, undefined, body.accessToken);
      await fresh.breaks({ AUDIT_DB: fault });
      expectUnavailable(await read());
      await fresh.breaks({});
      expect(await read()).toMatchObject({ status: 200 });
    },
  );

  it.each(["fail", "hang", "lose"])(
    "of the audit log %ss, logins and refusals go on, and their events come later, once",
    async (fault) => {
      const { login, user } = await fresh.newUser();
      await fresh.breaks({ AUDIT_DB: fault });
      const answer = await login();
      expect(answer.status).toBe(200);
      expectUnavailable(await fresh.worker.admin("GET", "/api/v1/audit-events"));
      const rename = fresh.worker.admin("PATCH", `/api/v1/organizations/${fresh.organizationId}`, {
        name: "faults",
      });
      expect(await rename).toMatchObject({ status: 200 });
      // The ledger's alarm rings a second after the login, and finds the log gone.
      await new Promise((resolve) => setTimeout(resolve, 2000));
      await fresh.breaks({});
      const events = async () => {
        const { body } = await fresh.worker.admin("GET", "/api/v1/audit-events?limit=100");
        return body.auditEvents.filter(({ actor }: { actor: string }) => actor === `oci/${user.userOcid}`)
          .length;
      };
      await expect.poll(events, { timeout: 30_000 }).toBe(1);
    },
  );
});

describe("while the ledger", () => {
  it.each(["fail", "hang"])(
    "%ss, no token is given, renewed, revoked or called active, and then again",
    async (fault) => {
      const { login } = await fresh.newUser();
      const { accessToken } = (await login()).body;
      const post = (what: string) => fresh.worker.json("POST", `/api/v1/auth/token/${what}`, { accessToken });
      await fresh.breaks({ LEDGER: fault });
      const answers = await Promise.all([
        login(),
        post("renew"),
        post("revoke"),
        fresh.worker.introspect(accessToken),
      ]);
      for (const answer of answers) expectUnavailable(answer);
      await fresh.breaks({});
      expect(await login()).toMatchObject({ status: 200 });
      expect(await fresh.worker.introspect(accessToken)).toMatchObject({ body: { active: true } });
      expect(await post("renew")).toMatchObject({ status: 200 });
    },
  );
});

describe("while the rate limits cannot be asked", () => {
  it.each(["fail", "hang"])("(they %s) nobody is refused for it", async (fault) => {
    const { login } = await fresh.newUser();
    await fresh.breaks({ LIMITS: fault });
    expect(await login()).toMatchObject({ status: 200 });
  });
});

describe("with another ENCRYPTION_KEYS than the credential was stored with", () => {
  it("users who are known log in, new ones wait, and the log says why", async () => {
    const { worker, tenancyOcid, newUser } = fresh;
    const { DB } = await worker.env();
    const row = await DB.prepare(
      "SELECT encrypted_private_key AS stored FROM oci_tenancies WHERE tenancy_ocid = ?",
    )
      .bind(tenancyOcid)
      .first();
    const store = (text: unknown) =>
      DB.prepare("UPDATE oci_tenancies SET encrypted_private_key = ? WHERE tenancy_ocid = ?")
        .bind(text, tenancyOcid)
        .first();
    const known = await newUser();
    expect(await known.login()).toMatchObject({ status: 200 });
    await store(String(row.stored).replace("v1.one.", "v1.gone."));
    const newcomer = await newUser();
    worker.clearLogs();
    expectUnavailable(await newcomer.login());
    expect(JSON.stringify(worker.logs())).toContain("ENCRYPTION_KEYS has no key with kid 'gone'");
    expect(await known.login()).toMatchObject({ status: 200 });
    await store(row.stored);
    expect(await newcomer.login()).toMatchObject({ status: 200 });
  });
});
