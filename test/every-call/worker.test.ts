/**
 * Changes through the admin API, a login, the purge of the log and the encryption of credentials anew, with each call
 * to D1, KV and a ledger failing in turn, and the isolate gone there: a change and its event come together or not at
 * all, what was answered holds, every event is in the log once, and what was begun can be ended.
 */
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { writeEvents } from "../../src/audit/mover.ts";
import { moveChanges } from "../../src/audit/outbox.ts";
import type { Env } from "../../src/env.ts";
import worker from "../../src/index.ts";
import { encryptPrivateKey, importEncryptionKeys } from "../../src/keys/credential-encryption.ts";
import { ledgersOf } from "../../src/ledger/address.ts";
import { maintain } from "../../src/operations/maintenance.ts";
import { primarySession } from "../../src/storage/session.ts";
import { newLoginEvent } from "../audit/made-events.ts";
import { loggedIds, migrateDatabases } from "../databases.ts";
import { base64, newRsaKeyPair } from "../oci/key-pairs.ts";
import { newTenancyOcid, newUserOcid } from "../oci/ocids.ts";
import { atEveryCall, countStoreCalls } from "./store-calls.ts";

const [tenancyOcid, userOcid, readerOcid] = [newTenancyOcid(), newUserOcid(), newUserOcid()];
const [key, credential] = [newRsaKeyPair(), newRsaKeyPair()];
let addresses = 0;

/** OCI as far as it is called: a tenancy with one user, who has one key. */
function answerAsOci(): void {
  const about = { compartmentId: tenancyOcid, name: "alice", lifecycleState: "ACTIVE" };
  const apiKey = { keyValue: key.publicPem, fingerprint: key.fingerprint, lifecycleState: "ACTIVE" };
  const answers: Record<string, unknown> = {
    "/20160918/users": [{ ...about, id: userOcid }],
    [`/20160918/users/${userOcid}`]: { ...about, id: userOcid },
    [`/20160918/users/${userOcid}/apiKeys`]: [{ ...apiKey, userId: userOcid }],
  };
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input) => {
    const { pathname } = new URL(input instanceof Request ? input.url : input);
    return Response.json(answers[pathname] ?? { code: "x", message: "x" }, {
      status: pathname in answers ? 200 : 404,
    });
  });
}

/** The answer, once what goes on after it is done too. */
async function send(method: string, path: string, body?: unknown, bindings: Env = env) {
  const background: Promise<unknown>[] = [];
  const context = { waitUntil: (promise: Promise<unknown>) => void background.push(promise) };
  addresses += 1;
  const headers = {
    "content-type": "application/json",
    authorization: `Bearer ${env.ADMIN_TOKEN}`,
    "cf-connecting-ip": `10.${(addresses >> 16) & 255}.${(addresses >> 8) & 255}.${addresses & 255}`,
  };
  const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  const request = new Request(`https://auth.example.com/api/v1${path}`, init);
  const response = await worker.fetch(request, bindings, context as unknown as ExecutionContext);
  const answer = { status: response.status, body: await response.json<Record<string, never>>() };
  await Promise.all(background);
  return answer;
}

async function made(method: string, path: string, body?: unknown): Promise<Record<string, { id: string }>> {
  const answer = await send(method, path, body);
  if (answer.status !== 200) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

const tables = [
  "organizations",
  "identities",
  "organization_members",
  "oci_tenancies",
  "oci_tenancy_organizations",
  "oci_auth_configs",
];

async function rowsOf(table: string) {
  return (await env.DB.prepare(`SELECT * FROM ${table}`).all()).results;
}

/** All that is configured. */
async function configured() {
  const all = await Promise.all(tables.map(async (table) => [table, await rowsOf(table)] as const));
  return Object.fromEntries(all);
}

/** The types of the events of changes, in the log and on their way there, each as often as it is there. */
async function changes(): Promise<string[]> {
  await moveChanges(env, Date.now());
  const waiting = await env.DB.prepare("SELECT id FROM audit_outbox").all();
  expect(waiting.results, "nothing waits").toEqual([]);
  const { results } = await env.AUDIT_DB.prepare("SELECT type FROM audit_events").all<{ type: string }>();
  return results.map(({ type }) => type);
}

/** From those that are referred to, to those that refer. */
async function restore(rows: { [table: string]: Record<string, unknown>[] }): Promise<void> {
  const inserts = Object.entries(rows).flatMap(([table, all]) =>
    all.map((row) =>
      env.DB.prepare(`INSERT INTO ${table} VALUES (${Object.keys(row).map(() => "?")})`).bind(
        ...Object.values(row),
      ),
    ),
  );
  const deletions = ["audit_outbox", ...tables.toReversed()].map((table) =>
    env.DB.prepare(`DELETE FROM ${table}`),
  );
  await env.DB.batch([env.DB.prepare("PRAGMA defer_foreign_keys = on"), ...deletions, ...inserts]);
  await env.AUDIT_DB.prepare("DELETE FROM audit_events").run();
}

const registration = (organizationIds: string[]) => ({
  region: "us-ashburn-1",
  organizationIds,
  userOcid: readerOcid,
  fingerprint: credential.fingerprint,
  privateKey: credential.privateKey.export({ type: "pkcs8", format: "pem" }),
});

/** A root with a team, and in the root an identity with OCI Auth. */
async function configure() {
  await restore({});
  const root = (await made("POST", "/organizations", { name: "Acme", slug: "acme" })).organization?.id ?? "";
  const team =
    (await made("POST", "/organizations", { name: "Team", slug: "team", parentId: root })).organization?.id ??
    "";
  await made("PUT", `/oci/tenancies/${tenancyOcid}`, registration([root]));
  const identity =
    (await made("POST", "/identities", { name: "ci", organizationId: root })).identity?.id ?? "";
  const bare = (await made("POST", "/identities", { name: "bare", organizationId: root })).identity?.id ?? "";
  await made("POST", `/auth/oci-auth/identities/${identity}`, { tenancyOcid });
  return { root, team, identity, bare };
}

type Ids = Awaited<ReturnType<typeof configure>>;

beforeAll(async () => {
  for (const level of ["info", "warn", "error"] as const) vi.spyOn(console, level).mockReturnValue();
  answerAsOci();
  await migrateDatabases();
  await countStoreCalls();
});
afterAll(() => {
  vi.restoreAllMocks();
});

describe("a change through the admin API and its event are one", () => {
  const cases: [type: string, method: string, path: (ids: Ids) => string, body?: (ids: Ids) => unknown][] = [
    ["organization.create", "POST", () => "/organizations", () => ({ name: "Other", slug: "other" })],
    ["organization.update", "PATCH", ({ root }) => `/organizations/${root}`, () => ({ suspended: true })],
    ["organization.delete", "DELETE", ({ team }) => `/organizations/${team}`],
    ["membership.add", "PUT", ({ team, identity }) => `/organizations/${team}/identities/${identity}`],
    ["identity.create", "POST", () => "/identities", ({ root }) => ({ name: "new", organizationId: root })],
    ["identity.update", "PATCH", ({ identity }) => `/identities/${identity}`, () => ({ role: "admin" })],
    ["identity.revoke-tokens", "POST", ({ identity }) => `/identities/${identity}/revoke-tokens`],
    ["identity.delete", "DELETE", ({ identity }) => `/identities/${identity}`],
    ["oci-auth.attach", "POST", ({ bare }) => `/auth/oci-auth/identities/${bare}`, () => ({ tenancyOcid })],
    [
      "oci-auth.update",
      "PATCH",
      ({ identity }) => `/auth/oci-auth/identities/${identity}`,
      () => ({ accessTokenTTL: 60 }),
    ],
    ["oci-auth.detach", "DELETE", ({ identity }) => `/auth/oci-auth/identities/${identity}`],
    ["tenancy.put", "PUT", () => `/oci/tenancies/${tenancyOcid}`, ({ root }) => registration([root])],
  ];
  it.each(cases)("%s", { timeout: 120_000 }, async (type, method, path, body) => {
    const ids = await configure();
    const before = await configured();
    const calls = await atEveryCall({
      prepare: () => restore(before),
      run: () => send(method, path(ids), body?.(ids)),
      async check(_, outcome, where) {
        const changed = !isDeepStrictEqual(await configured(), before);
        expect(await changes(), where).toEqual(changed ? [type] : []);
        if (!outcome.answered) return;
        expect([200, 503], `${where}: ${JSON.stringify(outcome.answer.body)}`).toContain(
          outcome.answer.status,
        );
        if (outcome.answer.status === 200) expect(changed, `${where}: what was answered holds`).toBe(true);
      },
    });
    expect(calls).toBeGreaterThan(3);
  });

  it.each<[string, (ids: Ids) => Promise<unknown>, method: string, path: (ids: Ids) => string]>([
    [
      "membership.remove",
      ({ team, identity }) => made("PUT", `/organizations/${team}/identities/${identity}`),
      "DELETE",
      ({ team, identity }) => `/organizations/${team}/identities/${identity}`,
    ],
    [
      "tenancy.delete",
      ({ identity }) => made("DELETE", `/auth/oci-auth/identities/${identity}`),
      "DELETE",
      () => `/oci/tenancies/${tenancyOcid}`,
    ],
  ])("%s", { timeout: 120_000 }, async (type, first, method, path) => {
    const ids = await configure();
    await first(ids);
    const before = await configured();
    await atEveryCall({
      prepare: () => restore(before),
      run: () => send(method, path(ids)),
      async check(_, outcome, where) {
        const changed = !isDeepStrictEqual(await configured(), before);
        expect(await changes(), where).toEqual(changed ? [type] : []);
        if (outcome.answered && outcome.answer.status === 200) expect(changed, where).toBe(true);
      },
    });
  });
});

const directoryKey = `${tenancyOcid}/${userOcid}`;

it("a purge of a user that was answered is in the log, and the user is forgotten", {
  timeout: 60_000,
}, async () => {
  await configure();
  const before = await configured();
  const calls = await atEveryCall({
    async prepare() {
      await restore(before);
      await env.DIRECTORY.put(directoryKey, "{}");
    },
    run: () => send("DELETE", `/oci/tenancies/${tenancyOcid}/users/${userOcid}/cache`),
    async check(_, outcome, where) {
      const forgotten = (await env.DIRECTORY.get(directoryKey)) === null;
      const events = await changes();
      // It is recorded before it is done, so that it is not done unrecorded.
      if (forgotten) expect(events, where).toEqual(["tenancy.purge-user"]);
      else expect(events.length, where).toBeLessThanOrEqual(1);
      if (outcome.answered && outcome.answer.status === 200) expect(forgotten, where).toBe(true);
    },
  });
  expect(calls).toBeGreaterThan(4);
});

it("a purge of the log, and the mover of changes before it, end what they began", {
  timeout: 60_000,
}, async () => {
  const now = Date.parse("2026-11-24T03:04:57Z");
  const calls = await atEveryCall({
    async prepare() {
      await restore({});
      const [old, kept, waits] = [
        newLoginEvent({ at: "2026-01-01T00:00:00.000Z" }),
        newLoginEvent({ at: "2026-11-01T00:00:00.000Z" }),
        newLoginEvent({ at: "2026-11-02T00:00:00.000Z" }),
      ];
      await writeEvents(primarySession(env.AUDIT_DB), [old, kept]);
      await env.DB.prepare("INSERT INTO audit_outbox (id, event) VALUES (?, ?)")
        .bind(waits.id, JSON.stringify(waits))
        .run();
      return [kept.id, waits.id].sort();
    },
    run: () => maintain(env, now),
    async check(left, _, where) {
      await maintain(env, now);
      expect((await loggedIds()).sort(), where).toEqual(left);
      expect(await changes(), where).toHaveLength(2);
    },
  });
  expect(calls).toBeGreaterThan(4);
});

it("credentials that are encrypted anew: each once, with its event, and none is lost", {
  timeout: 60_000,
}, async () => {
  const [current] = JSON.parse(env.ENCRYPTION_KEYS ?? "").keys;
  const next = {
    ...current,
    kid: "next",
    k: base64(crypto.getRandomValues(new Uint8Array(32)))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replace("=", ""),
  };
  const rotated: Env = { ...env, ENCRYPTION_KEYS: JSON.stringify({ keys: [next, current] }) };
  const onlyNext: Env = { ...env, ENCRYPTION_KEYS: JSON.stringify({ keys: [next] }) };
  await configure();
  // The ciphertexts of others are made for them: a credential is bound to its tenancy.
  const keys = await importEncryptionKeys({ keys: [current] });
  for (const other of [newTenancyOcid(), newTenancyOcid()]) {
    await env.DB.prepare(
      "INSERT INTO oci_tenancies SELECT ?, region, user_ocid, fingerprint, ?, created_at, updated_at FROM oci_tenancies WHERE tenancy_ocid = ?",
    )
      .bind(other, await encryptPrivateKey(keys, other, credential.pkcs8), tenancyOcid)
      .run();
  }
  const before = await configured();
  const calls = await atEveryCall({
    prepare: () => restore(before),
    run: () => send("POST", "/oci/tenancies/re-encrypt", undefined, rotated),
    async check(_, __, where) {
      const events = await changes();
      expect(events, where).toEqual(
        isDeepStrictEqual(await configured(), before) ? [] : Array(3).fill("tenancy.re-encrypt"),
      );
      expect(await send("POST", "/oci/tenancies/re-encrypt", undefined, rotated), where).toMatchObject({
        status: 200,
      });
      expect(await changes(), where).toEqual(Array(3).fill("tenancy.re-encrypt"));
      expect(await send("POST", "/oci/tenancies/re-encrypt", undefined, onlyNext), where).toMatchObject({
        body: { reEncrypted: 0, current: 3, changed: 0, undecryptable: [] },
      });
    },
  });
  expect(calls).toBeGreaterThan(2);
});

describe("a login", () => {
  let signingKey: CryptoKey;
  let ids: Ids;
  beforeAll(async () => {
    const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
    signingKey = await crypto.subtle.importKey("pkcs8", key.pkcs8, algorithm, false, ["sign"]);
    ids = await configure();
  });
  // The isolate remembers whom it looked up: a minute later it does not.
  let now = Date.parse("2100-01-01T00:00:00Z");
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["Date"], now });
    return () => vi.useRealTimers();
  });

  async function signedBody() {
    const date = new Date().toUTCString();
    const host = "identity.us-ashburn-1.oci.oraclecloud.com";
    const text = `date: ${date}\n(request-target): get /20160918/users/${userOcid}\nhost: ${host}`;
    const signature = await crypto.subtle.sign(
      "RSASSA-PKCS1-v1_5",
      signingKey,
      new TextEncoder().encode(text),
    );
    const keyId = `${tenancyOcid}/${userOcid}/${key.fingerprint}`;
    const authorization = `Signature version="1",headers="date (request-target) host",keyId="${keyId}",algorithm="rsa-sha256",signature="${base64(new Uint8Array(signature))}"`;
    return { identityId: ids.identity, userOcid, headers: { authorization, host, date } };
  }

  it.each<[string, number]>([
    ["of a user who is not cached", 7200],
    ["of a user who is cached", 1],
  ])(
    "%s that was answered is in the log once, and none is there that was not recorded",
    { timeout: 60_000 },
    async (_, apart) => {
      const calls = await atEveryCall({
        async prepare() {
          now += apart * 1000;
          vi.setSystemTime(now);
          return { at: new Date().toISOString(), body: await signedBody() };
        },
        run: ({ body }) => send("POST", "/auth/oci-auth/login", body),
        async check({ at }, outcome, where) {
          now += 60_000;
          vi.setSystemTime(now);
          for (const { id } of ledgersOf(env.LEDGER, { authority: tenancyOcid, subject: userOcid })) {
            await runDurableObjectAlarm(env.LEDGER.get(id));
          }
          // Of this login: one that was killed while its ledger worked may still be on its way.
          const { results } = await env.AUDIT_DB.prepare(
            "SELECT outcome, reason FROM audit_events WHERE at = ?",
          )
            .bind(at)
            .all();
          if (outcome.answered && outcome.answer.status === 200) {
            expect(results, where).toEqual([{ outcome: "success", reason: null }]);
          } else {
            // Recorded, perhaps, and the answer lost on the way; then it was refused for that too.
            expect(results.filter(({ reason }) => reason === null).length, where).toBeLessThanOrEqual(1);
            const refused = results.flatMap(({ reason }) => (reason === null ? [] : [reason]));
            expect([[], ["ledger-unavailable"], ["oci-unavailable"]], where).toContainEqual(refused);
            if (outcome.answered) expect(outcome.answer.status, where).toBe(503);
          }
        },
      });
      expect(calls).toBeGreaterThan(4);
    },
  );
});
