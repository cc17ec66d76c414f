/** `GET /ready`: what an operator is told while everything works, and while each thing does not. */
import { readdirSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { version } from "../../package.json";
import { neededMigrations } from "../../src/operations/migrations.ts";
import { type OciFault, startFaultyOci } from "./faulty-oci.ts";
import { addIdentity, addOrganization, addTenancy, addUser, type OciUser } from "./oci-users.ts";
import { signAsGo } from "./signers.ts";
import { startWorker, type Worker } from "./worker.ts";

let worker: Worker;
let oci: Awaited<ReturnType<typeof startFaultyOci>>;
let organizationId: string;
let tenancyOcid: string;
let reader: OciUser;

const breaks = (faults: object) => worker.send("/_faults", { method: "PUT", body: JSON.stringify(faults) });
const ready = (query = "") => worker.admin("GET", `/ready${query}`);
const readerIs = (about: object) =>
  worker.emulator("PUT", `users/${reader.userOcid}`, {
    tenancyOcid,
    name: reader.name,
    apiKeys: [{ publicKey: reader.publicKey }],
    ...about,
  });

beforeAll(async () => {
  worker = await startWorker({
    main: "test/faulty-worker.ts",
    oci: async (emulator) => {
      oci = await startFaultyOci(emulator);
      return oci.origin;
    },
  });
  organizationId = await addOrganization(worker, "ready");
  ({ tenancyOcid, reader } = await addTenancy(worker, [organizationId]));
  await addUser(worker, tenancyOcid);
});
afterEach(async () => {
  oci.set(undefined);
  await worker.emulator("DELETE", "faults");
  await breaks({});
  await readerIs({});
});
afterAll(async () => {
  await worker.close();
  await oci.close();
});

const fine = {
  ready: true,
  version: {
    release: version,
    versionId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    uploadedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
  },
  dependencies: {
    DB: { ok: true, sizeBytes: expect.any(Number), changesWaiting: 0, oldestChangeAt: null },
    AUDIT_DB: { ok: true, sizeBytes: expect.any(Number), eventsRefused: 0 },
    DIRECTORY: { ok: true },
    LEDGER: { ok: true },
  },
  nextCursor: null,
};

describe("while everything works", () => {
  it("says so, for each dependency and each tenancy", async () => {
    const answer = await ready();
    expect([answer.status, answer.body]).toEqual([200, { ...fine, tenancies: [{ tenancyOcid, ok: true }] }]);
    expect(answer.headers.get("x-request-id")).toMatch(/^req-/);
    expect(answer.body.dependencies.DB.sizeBytes).toBeGreaterThan(0);
  });

  it("changes nothing: no event, no cached user", async () => {
    const events = async () => (await worker.admin("GET", "/api/v1/audit-events?limit=100")).body.auditEvents;
    const { DIRECTORY } = await worker.env();
    const before = [await events(), (await DIRECTORY.list()).keys];
    await ready();
    expect([await events(), (await DIRECTORY.list()).keys]).toEqual(before);
  });

  it("checks a page of tenancies at a time, and each once", async () => {
    const more = await Promise.all(Array.from({ length: 6 }, () => addTenancy(worker, [organizationId])));
    const found: string[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const { status, body } = await ready(`?limit=5${cursor === "" ? "" : `&cursor=${cursor}`}`);
      expect([status, body.ready]).toEqual([200, true]);
      found.push(...body.tenancies.map((each: { tenancyOcid: string }) => each.tenancyOcid));
      cursor = body.nextCursor;
    }
    expect(found.sort()).toEqual([tenancyOcid, ...more.map((each) => each.tenancyOcid)].sort());
    for (const each of more) await worker.admin("DELETE", `/api/v1/oci/tenancies/${each.tenancyOcid}`);
  });
});

describe("only the holder of ADMIN_TOKEN", () => {
  it("is told: 401 without a bearer or with an unknown one, 403 for an admin of an organization", async () => {
    const user = await addUser(worker, tenancyOcid);
    const identityId = await addIdentity(worker, organizationId, tenancyOcid, { role: "admin" });
    const { body } = await worker.login({ identityId, userOcid: user.userOcid, headers: signAsGo(user) });
    expect(await worker.send("/ready")).toMatchObject({ status: 401, body: { statusCode: 401 } });
    expect(await worker.json("GET", "/ready", undefined, "unknown")).toMatchObject({ status: 401 });
    const refused = await worker.json("GET", "/ready", undefined, body.accessToken);
    expect(refused).toMatchObject({ status: 403, body: { error: "PermissionDenied" } });
  });
});

describe("while a dependency fails", () => {
  const secrets = /injected|secret|D1_|overloaded/;
  it.each([
    ["DB", { DB: "fail" }],
    ["DB", { DB: "hang" }],
    ["AUDIT_DB", { AUDIT_DB: "fail" }],
    ["AUDIT_DB", { AUDIT_DB: "hang" }],
    ["AUDIT_DB", { AUDIT_DB: "fail-writes" }],
    ["DIRECTORY", { KV_GET: "fail" }],
    ["DIRECTORY", { KV_GET: "hang" }],
    ["LEDGER", { LEDGER: "fail" }],
    ["LEDGER", { LEDGER: "hang" }],
  ])("%s is named, and no other: %j", async (name, faults) => {
    await breaks(faults);
    const { status, body } = await ready();
    expect([status, body]).toEqual([
      503,
      {
        ...fine,
        ready: false,
        dependencies: {
          ...fine.dependencies,
          [name]: { ok: false, problem: "unavailable", message: expect.not.stringMatching(secrets) },
        },
        tenancies: name === "DB" ? null : [{ tenancyOcid, ok: true }],
      },
    ]);
    await breaks({});
    expect(await ready()).toMatchObject({ status: 200, body: { ready: true } });
  });
});

describe("what waits for the audit log", () => {
  it("is told with its number and its age, and is no fault", async () => {
    await breaks({ AUDIT_DB: "fail-writes" });
    const before = new Date().toISOString();
    for (const name of ["first", "second"]) {
      await worker.admin("PATCH", `/api/v1/organizations/${organizationId}`, { name });
    }
    await breaks({ AUDIT_DB: "fail-writes" });
    const { DB } = (await ready()).body.dependencies;
    expect(DB).toMatchObject({ ok: true, changesWaiting: 2 });
    expect(DB.oldestChangeAt >= before && DB.oldestChangeAt <= new Date().toISOString()).toBe(true);
    await breaks({});
    await worker.admin("PATCH", `/api/v1/organizations/${organizationId}`, { name: "third" });
    await expect.poll(async () => (await ready()).body.dependencies.DB).toEqual(fine.dependencies.DB);
  });

  it("is a fault where the log refuses it, until it accepts it", async () => {
    const { AUDIT_DB } = await worker.env();
    const [{ id }] = (await worker.admin("GET", "/api/v1/audit-events?limit=1")).body.auditEvents;
    const note = (each: string) =>
      AUDIT_DB.prepare("INSERT INTO refused_events VALUES (?, '2026-11-24T03:04:57.000Z', 'because')").bind(
        each,
      );
    await note("an-event-that-is-not-in-the-log").all();
    await note(id).all();
    const { status, body } = await ready();
    expect([status, body.ready, body.dependencies.AUDIT_DB]).toEqual([
      503,
      false,
      {
        ok: false,
        problem: "events-refused",
        message: expect.stringContaining("It refuses 1 event"),
        sizeBytes: expect.any(Number),
        eventsRefused: 1,
      },
    ]);
    await AUDIT_DB.prepare("DELETE FROM refused_events").all();
  });
});

describe("a tenancy's credential", () => {
  const viaProxy = (fault: OciFault) => async () => oci.set(fault);
  const inactiveKey = () => ({ apiKeys: [{ publicKey: reader.publicKey, lifecycleState: "DELETED" }] });

  it.each<[problem: string, because: string, breakIt: () => Promise<unknown>, says: RegExp]>([
    [
      "policy-gone",
      "its group may not read users",
      () => readerIs({ mayOnUsers: "nothing" }),
      /policy is gone/,
    ],
    [
      "policy-gone",
      "its group may inspect users, and not read their keys",
      () => readerIs({ mayOnUsers: "inspect" }),
      /may read itself, but not list another user's API keys/,
    ],
    ["not-authenticated", "its API key is gone", () => readerIs({ apiKeys: [] }), /API key/],
    ["not-authenticated", "its API key is inactive", () => readerIs(inactiveKey()), /API key/],
    [
      "not-authenticated",
      "its user is gone, and OCI does not know the signer",
      () => worker.emulator("DELETE", `users/${reader.userOcid}`),
      /gone or inactive/,
    ],
    [
      "user-gone",
      "it cannot read itself",
      () => worker.emulator("PUT", "faults", { status: 404 }),
      /is gone/,
    ],
    ["oci-unavailable", "OCI says 429", () => worker.emulator("PUT", "faults", { status: 429 }), /429/],
    ["oci-unavailable", "OCI says 500", () => worker.emulator("PUT", "faults", { status: 500 }), /500/],
    ["oci-unavailable", "OCI hangs", viaProxy("hang"), /cannot be asked in us-ashburn-1/],
    ["oci-unavailable", "OCI drops the connection", viaProxy("drop"), /cannot be asked/],
    ["oci-unavailable", "OCI redirects", viaProxy("redirect"), /302/],
    ["oci-unavailable", "OCI sends nonsense", viaProxy("truncated"), /documented shape/],
  ])("is said to be %s when %s", async (problem, _, breakIt, says) => {
    await breakIt();
    const { status, body } = await ready();
    expect([status, body]).toEqual([
      503,
      {
        ...fine,
        ready: false,
        tenancies: [
          { tenancyOcid, ok: false, problem, message: expect.stringMatching(says), oci: expect.any(Object) },
        ],
      },
    ]);
    expect(JSON.stringify(body)).not.toMatch(/PRIVATE|Signature version|v1\.one/);
  });

  it("of one tenancy is told apart from another's that works", async () => {
    const other = await addTenancy(worker, [organizationId]);
    await readerIs({ mayOnUsers: "nothing" });
    const { status, body } = await ready();
    expect(status).toBe(503);
    expect(body.tenancies).toMatchObject([
      {
        tenancyOcid,
        ok: false,
        problem: "policy-gone",
        oci: { status: 404, code: "NotAuthorizedOrNotFound" },
      },
      { tenancyOcid: other.tenancyOcid, ok: true },
    ]);
    await worker.admin("DELETE", `/api/v1/oci/tenancies/${other.tenancyOcid}`);
  });

  it.each([
    ["gone", /the key 'gone', which is not in ENCRYPTION_KEYS/],
    ["one", /the key 'one', and not with its namesake in ENCRYPTION_KEYS/],
  ])("is said to be undecryptable when its key is: %s", async (kid, says) => {
    const { DB } = await worker.env();
    const stored = await DB.prepare("SELECT encrypted_private_key AS text FROM oci_tenancies").first();
    const store = (text: unknown) =>
      DB.prepare("UPDATE oci_tenancies SET encrypted_private_key = ?").bind(text).first();
    const [, , nonce, ciphertext] = String(stored.text).split(".");
    await store(`v1.${kid}.${nonce}.${ciphertext?.replace(/^.{4}/, "AAAA")}`);
    const { status, body } = await ready();
    await store(stored.text);
    expect([status, body.tenancies]).toEqual([
      503,
      [{ tenancyOcid, ok: false, problem: "undecryptable", message: expect.stringMatching(says) }],
    ]);
  });

  it("that there is no time for is said to be not-checked, and the report comes in time", async () => {
    const more = await Promise.all(Array.from({ length: 12 }, () => addTenancy(worker, [organizationId])));
    oci.set("hang");
    const { status, body } = await ready();
    expect(status).toBe(503);
    const problems = body.tenancies.map(({ problem }: { problem: string }) => problem);
    expect(problems).toHaveLength(13);
    expect(new Set(problems)).toEqual(new Set(["oci-unavailable", "not-checked"]));
    oci.set(undefined);
    for (const each of more) await worker.admin("DELETE", `/api/v1/oci/tenancies/${each.tenancyOcid}`);
  });
});

describe("before the migrations are applied", () => {
  it.each([
    ["DB", "migrations/db"],
    ["AUDIT_DB", "migrations/audit_db"],
  ] as const)("of %s: those that are needed are those of the folder", (name, folder) => {
    const files = readdirSync(new URL(`../../${folder}`, import.meta.url)).sort();
    expect(neededMigrations[name]).toEqual(files);
  });

  it("says which are missing, and every route that needs a table says 503 with a plain log line", async () => {
    const bare = await startWorker({ migrated: false });
    try {
      const { status, body } = await bare.admin("GET", "/ready");
      expect([status, body]).toEqual([
        503,
        {
          ...fine,
          ready: false,
          dependencies: {
            ...fine.dependencies,
            DB: {
              ok: false,
              problem: "migrations-missing",
              message: expect.stringContaining(`${neededMigrations.DB.join(", ")}. Apply them`),
              sizeBytes: expect.any(Number),
            },
            AUDIT_DB: {
              ok: false,
              problem: "migrations-missing",
              message: expect.stringContaining("wrangler d1 migrations apply AUDIT_DB --remote"),
              sizeBytes: expect.any(Number),
            },
          },
          tenancies: null,
        },
      ]);
      const { userOcid } = reader;
      const login = { identityId: crypto.randomUUID(), userOcid, headers: signAsGo(reader) };
      for (const send of [
        () => bare.login(login),
        () => bare.admin("GET", "/api/v1/organizations"),
        () => bare.admin("POST", "/api/v1/organizations", { name: "First", slug: "first" }),
        () => bare.admin("GET", "/api/v1/audit-events"),
      ]) {
        bare.clearLogs();
        const answer = await send();
        expect(answer).toMatchObject({ status: 503, body: { error: "ServiceUnavailable" } });
        expect(answer.headers.get("retry-after")).toBe("5");
        const lines = () => bare.logs().map((line) => JSON.parse(line.message));
        await expect.poll(lines).toEqual([
          expect.objectContaining({
            level: "error",
            reqId: answer.body.reqId,
            status: 503,
            reason: "storage-unavailable",
            message: expect.stringMatching(/no such table: \w+/),
          }),
        ]);
      }
    } finally {
      await bare.close();
    }
  });
});
