/**
 * Each dependency fails in each way: what is answered, what is served meanwhile, and that it heals by itself. Every
 * request is given up after 8 s, so one that takes longer fails its test.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type OciFault, startFaultyOci } from "./faulty-oci.ts";
import { addIdentity, addOrganization, addTenancy, addUser, newOcid, type OciUser } from "./oci-users.ts";
import { newRsaKey } from "./rsa-keys.ts";
import { signAsGo } from "./signers.ts";
import { type Answer, startWorker, type Worker } from "./worker.ts";

const maxMilliseconds = 8000;
let addresses = 0;

interface Setting {
  worker: Worker;
  oci: Awaited<ReturnType<typeof startFaultyOci>>;
  organizationId: string;
  tenancyOcid: string;
  /** A user of the tenancy, or of another one. */
  newUser(tenancyOcid?: string): Promise<{ user: OciUser; login(): Promise<Answer> }>;
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
    async newUser(tenancy = tenancyOcid) {
      const user = await addUser(worker, tenancy);
      const identityId = await addIdentity(worker, organizationId, tenancy);
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
      const unavailable = await waiting.login();
      expectUnavailable(unavailable);
      expect(await known.login()).toMatchObject({ status: 200 });
      stale.oci.set(undefined);
      await stale.worker.emulator("DELETE", "faults");
      // After a 429 OCI is left alone for as long as the caller was told to wait.
      const retryAfter = Number(unavailable.headers.get("retry-after"));
      const healed = { timeout: (retryAfter + 2) * 1000, interval: 500 };
      await expect.poll(async () => (await waiting.login()).status, healed).toBe(200);

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

describe("while OCI cannot be asked, a stale entry", () => {
  const calls = async () => (await stale.worker.emulator("GET", "requests")).body.requests.length;

  it.each([429, 401, 503])("has it called by no wrong signature, however many (%i)", async (status) => {
    // Of their own, since a 429 concerns the whole tenancy.
    const { tenancyOcid } = await addTenancy(stale.worker, [stale.organizationId]);
    const { user, login } = await stale.newUser(tenancyOcid);
    const identityId = await addIdentity(stale.worker, stale.organizationId, tenancyOcid);
    expect(await login()).toMatchObject({ status: 200 });
    await stale.worker.emulator("PUT", "faults", { status });
    await stale.worker.emulator("DELETE", "requests");
    const stranger = { ...user, privateKey: newRsaKey().privateKey };
    for (let count = 0; count < 150; count += 10) {
      const answers = await Promise.all(
        Array.from({ length: 10 }, () =>
          stale.worker.login({ identityId, userOcid: user.userOcid, headers: signAsGo(stranger) }),
        ),
      );
      for (const { status: refused, body } of answers) {
        expect([refused, body.message]).toEqual([401, "Access denied: the signature does not verify."]);
      }
    }
    expect(await calls()).toBe(0);
    expect(await login()).toMatchObject({ status: 200 });
    expect(await calls()).toBe(2);
  });

  it("answers its user, and renews their token, by one lookup in 30 s", async () => {
    const { login } = await stale.newUser();
    const { accessToken } = (await login()).body;
    await stale.worker.emulator("PUT", "faults", { status: 503 });
    await stale.worker.emulator("DELETE", "requests");
    for (let count = 0; count < 5; count++) {
      expect(await login()).toMatchObject({ status: 200 });
      expect(await stale.worker.json("POST", "/api/v1/auth/token/renew", { accessToken })).toMatchObject({
        status: 200,
      });
    }
    expect(await calls()).toBe(2);
  });

  it("keeps one login waiting while OCI hangs, and no other one calls", async () => {
    const { login } = await stale.newUser();
    expect(await login()).toMatchObject({ status: 200 });
    stale.oci.set("hang");
    for (let count = 0; count < 10; count++) expect(await login()).toMatchObject({ status: 200 });
    expect(stale.oci.calls()).toBe(2);
  });
});

describe("while OCI answers 429 to a tenancy's credential", () => {
  it("strangers have it called no more, and a key that was revoked still ends", async () => {
    const { worker, organizationId } = stale;
    const { tenancyOcid } = await addTenancy(worker, [organizationId]);
    const identityId = await addIdentity(worker, organizationId, tenancyOcid);
    const user = await addUser(worker, tenancyOcid);
    const key = newRsaKey();
    const login = (someone: OciUser, ip: string) =>
      worker.send("/api/v1/auth/oci-auth/login", {
        method: "POST",
        headers: { "content-type": "application/json", "cf-connecting-ip": ip },
        body: JSON.stringify({ identityId, userOcid: someone.userOcid, headers: signAsGo(someone) }),
      });
    const flood = async () => {
      for (let count = 0; count < 40; count++) {
        const unknown = { ...user, ...key, userOcid: newOcid("user") };
        expectUnavailable(await login(unknown, `10.9.0.${count}`));
        expectUnavailable(await login({ ...user, ...key }, `10.9.0.${count}`));
      }
    };
    expect(await login(user, "10.8.0.1")).toMatchObject({ status: 200 });
    const start = Date.now();
    await worker.emulator("PUT", "faults", { status: 429 });
    await worker.emulator("DELETE", "requests");
    await flood();
    const { requests } = (await worker.emulator("GET", "requests")).body;
    // One lookup in five seconds, of two calls, since OCI does not say how long.
    const pauses = 1 + Math.ceil((Date.now() - start) / 5000);
    expect(requests.length).toBeGreaterThan(0);
    expect(requests.length).toBeLessThanOrEqual(2 * pauses);

    // The last 429 of the flood is not over when the user's key is gone and OCI is back.
    await worker.emulator("DELETE", `users/${user.userOcid}`);
    await worker.emulator("DELETE", "faults");
    expect(await login(user, "10.8.0.1")).toMatchObject({ status: 401 });
  });
});

describe("while KV", () => {
  it("cannot be read, 90 of 90 users behind one address log in, and it has its budget afterwards", async () => {
    const { worker, organizationId } = fresh;
    const { tenancyOcid } = await addTenancy(worker, [organizationId]);
    const identityId = await addIdentity(worker, organizationId, tenancyOcid);
    const key = newRsaKey();
    const users = await Promise.all(Array.from({ length: 91 }, () => addUser(worker, tenancyOcid, { key })));
    const login = (user: OciUser) =>
      worker.send("/api/v1/auth/oci-auth/login", {
        method: "POST",
        headers: { "content-type": "application/json", "cf-connecting-ip": "10.7.0.1" },
        body: JSON.stringify({ identityId, userOcid: user.userOcid, headers: signAsGo(user) }),
      });
    const [newcomer, ...known] = users as [OciUser, OciUser, ...OciUser[]];
    await fresh.breaks({ KV_GET: "fail" });
    await worker.emulator("DELETE", "requests");
    const statuses: number[] = [];
    for (let first = 0; first < known.length; first += 10) {
      const answers = await Promise.all(known.slice(first, first + 10).map(login));
      statuses.push(...answers.map(({ status }) => status));
    }
    expect(statuses).toEqual(Array(90).fill(200));
    expect(await login(known[0])).toMatchObject({ status: 200 });
    // A lookup of two calls for each, and none for one that the isolate remembers.
    expect((await worker.emulator("GET", "requests")).body.requests).toHaveLength(180);
    await fresh.breaks({});
    expect(await login(newcomer)).toMatchObject({ status: 200 });
  });

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
