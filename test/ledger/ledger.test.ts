import {
  evictDurableObject,
  listDurableObjectIds,
  runDurableObjectAlarm,
  runInDurableObject,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { afterEach, beforeAll, beforeEach, describe, expect, it, type Mock, vi } from "vitest";
import type { OutgoingEvent } from "../../src/audit/event.ts";
import { ledgerOf, ledgerShards, ledgersOf, signatureDigest } from "../../src/ledger/address.ts";
import type { Ledger, LoginRecord, TokenUse } from "../../src/ledger/ledger.ts";
import { Ledgers, wakeLedger } from "../../src/ledger/ledgers.ts";
import { Refusal } from "../../src/refusal.ts";
import { Timings } from "../../src/timings.ts";
import { newLoginEvent } from "../audit/made-events.ts";
import { loggedIds, migrateDatabases } from "../databases.ts";
import { newTenancyOcid, newUserOcid } from "../oci/ocids.ts";

// A clock far ahead of the machine's: alarms run only when a test runs them.
const start = Date.parse("2100-01-01T00:00:00Z");
const startSeconds = start / 1000;

beforeAll(migrateDatabases);
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: start });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function wait(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000);
}

type Stub = DurableObjectStub<Ledger>;

/** A ledger that no other test uses. */
const newLedger = (): Stub => env.LEDGER.getByName(crypto.randomUUID());

const newDigest = () => createHash("sha256").update(crypto.randomUUID()).digest("hex");

function newLogin(about: Partial<LoginRecord> = {}): LoginRecord {
  return {
    signatureDigest: newDigest(),
    rememberUntil: Date.now() + 360_000,
    signatureReuse: "reject",
    event: newLoginEvent(),
    ...about,
  };
}

function newUse(about: Partial<TokenUse> = {}): TokenUse {
  return { tokenId: crypto.randomUUID(), expiresAt: startSeconds + 600, usesLimit: 0, ...about };
}

/** An action of the holder of a token, or an alarm. */
const renew = (ledger: Stub, token: TokenUse, event = newLoginEvent({ type: "token.renew" })) =>
  ledger.recordRenewal({ ...token, event });
const revoke = (ledger: Stub, token: TokenUse, event = newLoginEvent({ type: "token.revoke" })) =>
  ledger.recordRevocation({ ...token, event });

const rows = (ledger: Stub, table: "signatures" | "tokens" | "outbox") =>
  runInDurableObject(ledger, (_, { storage }) => storage.sql.exec(`SELECT * FROM ${table}`).toArray());

async function waiting(ledger: Stub): Promise<OutgoingEvent[]> {
  return (await rows(ledger, "outbox")).map(({ event }) => JSON.parse(String(event)));
}

const alarmOf = (ledger: Stub) => runInDurableObject(ledger, (_, { storage }) => storage.getAlarm());
const loseAlarm = (ledger: Stub) => runInDurableObject(ledger, (_, { storage }) => storage.deleteAlarm());

describe("a signature", () => {
  it("is counted at each presentation, for all identities, with the time and address of the first", async () => {
    const ledger = newLedger();
    const first = newLogin({ signatureReuse: "allow" });
    const presentations = (count: number) => ({
      recorded: true,
      presentations: { count, firstAt: first.event.at, firstIp: "192.0.2.1" },
    });
    expect(await ledger.recordLogin(first)).toEqual(presentations(1));
    for (let count = 2; count <= 4; count++) {
      wait(1);
      const event = newLoginEvent({ identityId: `identity-${count}`, ip: "198.51.100.7" });
      expect(await ledger.recordLogin({ ...first, event })).toEqual(presentations(count));
    }
    expect(await ledger.recordLogin(newLogin())).toMatchObject({ presentations: { count: 1 } });
  });

  it("that is used again, if that is allowed, has an event that says how often and from where first", async () => {
    const ledger = newLedger();
    const login = newLogin({ signatureReuse: "allow" });
    const again = { ...login, event: newLoginEvent({ ip: "198.51.100.7" }) };
    await ledger.recordLogin(login);
    await ledger.recordLogin(again);
    const signatureReused = { count: 2, firstAt: login.event.at, firstIp: "192.0.2.1" };
    expect(await waiting(ledger)).toEqual([
      login.event,
      { ...again.event, details: { ...again.event.details, signatureReused } },
    ]);
  });

  it("shows the time and address of its first use only to that organization", async () => {
    const ledger = newLedger();
    const login = newLogin({ signatureReuse: "allow" });
    const shownTo = (organizationId: string, signatureReuse: "allow" | "reject" = "allow") =>
      ledger.recordLogin({ ...login, signatureReuse, event: newLoginEvent({ organizationId }) });
    await shownTo("one");
    const firstAt = login.event.at;
    expect((await shownTo("another")).presentations).toEqual({ count: 2 });
    expect((await shownTo("another", "reject")).presentations).toEqual({ count: 3 });
    expect((await shownTo("one")).presentations).toEqual({ count: 4, firstAt, firstIp: "192.0.2.1" });
    expect((await waiting(ledger)).map(({ details }) => details.signatureReused)).toEqual([
      undefined,
      { count: 2 },
      { count: 4, firstAt, firstIp: "192.0.2.1" },
    ]);
  });

  it("that is used again, if reuse is rejected, is counted and refused and has no event", async () => {
    const ledger = newLedger();
    const login = newLogin();
    expect(await ledger.recordLogin(login)).toMatchObject({ recorded: true });
    for (let count = 2; count <= 3; count++) {
      const again = { ...login, event: newLoginEvent() };
      expect(await ledger.recordLogin(again)).toMatchObject({ recorded: false, presentations: { count } });
    }
    expect(await waiting(ledger)).toEqual([login.event]);
  });

  it("follows the policy of the identity that is named now, and not of the one before", async () => {
    const ledger = newLedger();
    const login = newLogin({ signatureReuse: "reject" });
    const presented = async (signatureReuse: "allow" | "reject") =>
      (await ledger.recordLogin({ ...login, signatureReuse, event: newLoginEvent() })).recorded;
    expect([await presented("reject"), await presented("allow"), await presented("reject")]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it("is recorded once among 60 parallel logins", async () => {
    const ledger = newLedger();
    const login = newLogin();
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, () => ledger.recordLogin({ ...login, event: newLoginEvent() })),
    );
    expect(outcomes.filter(({ recorded }) => recorded)).toHaveLength(1);
    expect(outcomes.map(({ presentations }) => presentations.count).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 60 }, (_, index) => index + 1),
    );
    expect(await waiting(ledger)).toHaveLength(1);
  });
});

describe("an event and the change that it describes are stored together or not at all", () => {
  const limited = newUse({ usesLimit: 1 });
  // The outbox accepts an id once, so an event with an existing id cannot be written.
  const taken = newLogin();
  const cases: [string, (ledger: Stub) => Promise<unknown>, (ledger: Stub) => Promise<unknown>, unknown][] = [
    [
      "a login",
      (ledger) => ledger.recordLogin({ ...newLogin(), event: taken.event }),
      async (ledger) => (await rows(ledger, "signatures")).length,
      1,
    ],
    [
      "a reuse of a signature",
      (ledger) => ledger.recordLogin({ ...taken, signatureReuse: "allow" }),
      async (ledger) => (await rows(ledger, "signatures")).map(({ presentations }) => presentations),
      [1],
    ],
    ["a renewal", (ledger) => renew(ledger, limited, taken.event), (ledger) => rows(ledger, "tokens"), []],
    [
      "a revocation",
      (ledger) => revoke(ledger, limited, taken.event),
      (ledger) => ledger.use(limited),
      "active",
    ],
  ];
  it.each(cases)("%s", async (_, fail, look, as) => {
    const ledger = newLedger();
    await ledger.recordLogin(taken);
    await expect(runInDurableObject(ledger, (instance) => fail(instance as unknown as Stub))).rejects.toThrow(
      "UNIQUE",
    );
    expect(await waiting(ledger)).toEqual([taken.event]);
    expect(await look(ledger)).toEqual(as);
  });
});

describe("a token", () => {
  type Step = "use" | "renew" | "revoke";
  it.each<[string, usesLimit: number, [Step, unknown][]]>([
    [
      "without a limit may be used and renewed without end",
      0,
      [
        ["use", "active"],
        ["use", "active"],
        ["renew", "active"],
        ["use", "active"],
      ],
    ],
    [
      "that was revoked is refused for every use",
      0,
      [
        ["use", "active"],
        ["revoke", true],
        ["use", "revoked"],
        ["renew", "revoked"],
        ["use", "revoked"],
      ],
    ],
    [
      "may be revoked again, which changes nothing",
      0,
      [
        ["revoke", true],
        ["revoke", false],
        ["revoke", false],
        ["use", "revoked"],
      ],
    ],
    [
      "may be used as often as its limit says",
      3,
      [
        ["use", "active"],
        ["use", "active"],
        ["use", "active"],
        ["use", "used-up"],
        ["use", "used-up"],
      ],
    ],
    [
      "is not used by its renewal",
      1,
      [
        ["renew", "active"],
        ["renew", "active"],
        ["use", "active"],
        ["use", "used-up"],
      ],
    ],
    [
      "keeps its count through a renewal",
      2,
      [
        ["use", "active"],
        ["renew", "active"],
        ["use", "active"],
        ["use", "used-up"],
      ],
    ],
    [
      "that is used up cannot be renewed",
      1,
      [
        ["use", "active"],
        ["renew", "used-up"],
      ],
    ],
    [
      "that is used up may still be revoked",
      1,
      [
        ["use", "active"],
        ["revoke", true],
        ["use", "revoked"],
        ["revoke", false],
      ],
    ],
    [
      "that was revoked before its first use cannot be used",
      5,
      [
        ["revoke", true],
        ["use", "revoked"],
      ],
    ],
  ])("%s", async (_, usesLimit, steps) => {
    const ledger = newLedger();
    const token = newUse({ usesLimit });
    const take = {
      use: () => ledger.use(token),
      renew: () => renew(ledger, token),
      revoke: () => revoke(ledger, { ...token, usesLimit: 0 }),
    };
    for (const [index, [step, outcome]] of steps.entries()) {
      expect({ index, step, outcome: await take[step]() }).toEqual({ index, step, outcome });
    }
    // Everything recorded has an event, and nothing else has one.
    const recorded = steps.filter(
      ([step, outcome]) => step !== "use" && (outcome === "active" || outcome === true),
    );
    expect((await waiting(ledger)).map(({ type }) => type)).toEqual(
      recorded.map(([step]) => `token.${step}`),
    );
  });

  it("with a limit of 5 is active 5 times among 25 uses at once", async () => {
    const ledger = newLedger();
    const token = newUse({ usesLimit: 5 });
    const states = await Promise.all(Array.from({ length: 25 }, () => ledger.use(token)));
    expect(states.filter((state) => state === "active")).toHaveLength(5);
    expect(states.filter((state) => state === "used-up")).toHaveLength(20);
  });

  it("does not affect another token", async () => {
    const ledger = newLedger();
    await revoke(ledger, newUse());
    const limited = newUse({ usesLimit: 1 });
    await ledger.use(limited);
    expect(await ledger.use(newUse({ usesLimit: 1 }))).toBe("active");
  });

  it("without a limit stores nothing when it is used", async () => {
    const ledger = newLedger();
    for (let use = 0; use < 3; use++) await ledger.use(newUse());
    expect(await rows(ledger, "tokens")).toEqual([]);
    expect(await alarmOf(ledger)).toBeNull();
  });
});

describe("expired rows are purged, and nothing before its expiry", () => {
  const copy = newUse({ expiresAt: startSeconds + 600 });
  const renewed = { ...copy, expiresAt: startSeconds + 1200 };
  const login = newLogin({ rememberUntil: start + 360_000 });

  it.each<[string, did: (ledger: Stub) => Promise<unknown>, table: "signatures" | "tokens", overAt: number]>([
    ["a signature, once it has expired", (ledger) => ledger.recordLogin(login), "signatures", 360],
    [
      "a token's uses, a minute after it has expired",
      (ledger) => ledger.use({ ...copy, usesLimit: 5 }),
      "tokens",
      660,
    ],
    ["a revocation, a minute after the token has expired", (ledger) => revoke(ledger, copy), "tokens", 660],
    [
      "a renewal, a minute after the new copy has expired",
      (ledger) => renew(ledger, renewed),
      "tokens",
      1260,
    ],
  ])("%s", async (_, did, table, overAt) => {
    const ledger = newLedger();
    await did(ledger);
    wait(overAt);
    await runDurableObjectAlarm(ledger);
    expect(await rows(ledger, table)).toHaveLength(1);
    expect(await rows(ledger, "outbox")).toEqual([]);

    // The next purge is at most a minute after the expiry.
    const next = Number(await alarmOf(ledger));
    expect(next).toBeGreaterThan(Date.now());
    expect(next).toBeLessThanOrEqual(Date.now() + 60_000);
    vi.setSystemTime(next);
    await runDurableObjectAlarm(ledger);
    expect(await rows(ledger, table)).toEqual([]);
    expect(await alarmOf(ledger)).toBeNull();
  });

  it.each<[string, TokenUse]>([
    ["an older copy", copy],
    ["the renewed copy", renewed],
  ])("a revocation with %s outlives the older copy, and ends with the renewed one", async (_, shown) => {
    const ledger = newLedger();
    await renew(ledger, renewed);
    await revoke(ledger, shown);
    wait(1259);
    await runDurableObjectAlarm(ledger);
    expect(await ledger.use(renewed)).toBe("revoked");
    expect(await ledger.use(copy)).toBe("revoked");
    expect(await renew(ledger, { ...renewed, expiresAt: startSeconds + 4000 })).toBe("revoked");
    wait(2);
    await runDurableObjectAlarm(ledger);
    expect(await rows(ledger, "tokens")).toEqual([]);
  });

  it.each<[string, TokenUse[]]>([
    ["the older copy after the renewed one", [renewed, copy]],
    ["the renewed copy after the older one", [copy, renewed]],
  ])("the uses of %s count until the renewed one's end", async (_, shown) => {
    const ledger = newLedger();
    for (const token of shown) await ledger.use({ ...token, usesLimit: 2 });
    wait(1259);
    await runDurableObjectAlarm(ledger);
    expect(await ledger.use({ ...renewed, usesLimit: 2 })).toBe("used-up");
  });

  it("so after a day of logins only the last minutes are left", async () => {
    const ledger = newLedger();
    for (let hour = 0; hour < 24; hour++) {
      for (let count = 0; count < 5; count++) {
        await ledger.recordLogin(newLogin({ rememberUntil: Date.now() + 360_000 }));
        await ledger.use(newUse({ usesLimit: 5, expiresAt: Date.now() / 1000 + 600 }));
      }
      await runDurableObjectAlarm(ledger);
      wait(3600);
    }
    expect(await rows(ledger, "signatures")).toHaveLength(5);
    expect(await rows(ledger, "tokens")).toHaveLength(5);
    await runDurableObjectAlarm(ledger);
    for (const table of ["signatures", "tokens", "outbox"] as const) {
      expect(await rows(ledger, table)).toEqual([]);
    }
  }, 30_000);
});

describe("the alarm", () => {
  it.each<[string, (ledger: Stub) => Promise<unknown>]>([
    ["a login", (ledger) => ledger.recordLogin(newLogin())],
    ["a renewal", (ledger) => renew(ledger, newUse())],
    ["a revocation", (ledger) => revoke(ledger, newUse())],
  ])("is armed for the event of %s", async (_, did) => {
    const ledger = newLedger();
    await did(ledger);
    expect(await alarmOf(ledger)).toBe(Date.now() + 1000);
  });

  it.each<[string, (ledger: Stub) => Promise<void>]>([
    ["and the object was evicted", (ledger) => evictDurableObject(ledger)],
    ["though the object stays in memory", async () => wait(3600)],
  ])("is armed again by any call, if it was lost while events wait, %s", async (_, then) => {
    const ledger = newLedger();
    await ledger.recordLogin(newLogin());
    await loseAlarm(ledger);
    await then(ledger);
    expect(await alarmOf(ledger)).toBeNull();
    await ledger.use(newUse());
    expect(await alarmOf(ledger)).toBe(Date.now() + 1000);
  });

  it("is armed again by a call that wakes the ledger and changes nothing", async () => {
    const ledger = newLedger();
    await ledger.recordLogin(newLogin());
    const before = [
      await rows(ledger, "signatures"),
      await rows(ledger, "tokens"),
      await rows(ledger, "outbox"),
    ];
    await loseAlarm(ledger);
    await evictDurableObject(ledger);
    await wakeLedger(ledger);
    expect(await alarmOf(ledger)).toBe(Date.now() + 1000);
    expect([
      await rows(ledger, "signatures"),
      await rows(ledger, "tokens"),
      await rows(ledger, "outbox"),
    ]).toEqual(before);
  });

  it("is armed again by any call, if it was lost while there is something to purge", async () => {
    const ledger = newLedger();
    await ledger.use(newUse({ usesLimit: 5 }));
    await loseAlarm(ledger);
    await evictDurableObject(ledger);
    await ledger.use(newUse());
    expect(await alarmOf(ledger)).toBe((startSeconds + 660) * 1000 + 1);
  });

  it("is not postponed by calls while it is armed", async () => {
    const ledger = newLedger();
    await ledger.recordLogin(newLogin());
    const armedFor = await alarmOf(ledger);
    for (let touch = 0; touch < 9; touch++) {
      wait(0.1);
      await ledger.recordLogin(newLogin());
      await ledger.use(newUse({ usesLimit: 1, expiresAt: startSeconds + 5 }));
    }
    expect(await alarmOf(ledger)).toBe(armedFor);
  });

  it("for a purge runs earlier if an event waits", async () => {
    const ledger = newLedger();
    await ledger.use(newUse({ usesLimit: 5 }));
    expect(await alarmOf(ledger)).toBeGreaterThan(Date.now() + 60_000);
    await ledger.recordLogin(newLogin());
    expect(await alarmOf(ledger)).toBe(Date.now() + 1000);
  });

  it("for purges runs at most once a minute", async () => {
    const ledger = newLedger();
    await ledger.use(newUse({ usesLimit: 5, expiresAt: startSeconds - 59 }));
    expect(await alarmOf(ledger)).toBe(Date.now() + 60_000);
  });

  it("delivers the events of a login, a renewal and a revocation, and is then not armed for them", async () => {
    const ledger = newLedger();
    const events = [
      newLoginEvent(),
      newLoginEvent({ type: "token.renew" }),
      newLoginEvent({ type: "token.revoke" }),
    ] as const;
    await ledger.recordLogin(newLogin({ event: events[0] }));
    await renew(ledger, newUse(), events[1]);
    await revoke(ledger, newUse(), events[2]);
    expect(await runDurableObjectAlarm(ledger)).toBe(true);
    expect(await waiting(ledger)).toEqual([]);
    expect(await loggedIds()).toEqual(expect.arrayContaining(events.map(({ id }) => id)));
    expect(await alarmOf(ledger)).toBeGreaterThan(Date.now() + 60_000);
  });
});

describe("an alarm never throws, and arms the next one, if this fails:", () => {
  let errors: Mock;
  beforeEach(() => {
    errors = vi.spyOn(console, "error").mockReturnValue();
  });
  const messages = () => errors.mock.calls.map(([line]) => JSON.parse(line).message);
  /** Runs the alarm with something to purge, a waiting event, and storage that fails for statements that match `fails`. */
  async function ring(fails: RegExp, failingAlarms = 0) {
    const ledger = newLedger();
    await ledger.use(newUse({ usesLimit: 5 }));
    await ledger.recordLogin(newLogin());
    await runInDurableObject<Ledger, void>(ledger, async (instance, { storage }) => {
      await storage.deleteAlarm();
      const { exec } = storage.sql;
      storage.sql.exec = function (this: SqlStorage, sql: string, ...values: unknown[]) {
        if (fails.test(sql)) throw new Error("injected");
        return exec.call(this, sql, ...values);
      } as typeof exec;
      const setAlarm = vi.spyOn(storage, "setAlarm");
      for (let failing = 0; failing < failingAlarms; failing++) {
        setAlarm.mockRejectedValueOnce(new Error("injected"));
      }
      await instance.alarm();
      storage.sql.exec = exec;
      setAlarm.mockRestore();
    });
    return ledger;
  }

  it.each<[string, RegExp, message: string, waiting: number, wait: number]>([
    ["the purge", /^DELETE FROM signatures/, "what is over cannot be purged from the ledger", 0, 360_001],
    ["the outbox", /^SELECT id, event/, "the ledger's events cannot be moved; they wait", 1, 2000],
    [
      "storing that a delivery failed",
      /^SELECT id, event|INTO failed/,
      "the ledger's events cannot be moved; they wait",
      1,
      1000,
    ],
    ["the query for remaining work", /^SELECT EXISTS/, "the ledger's alarm cannot be armed", 0, 60_000],
  ])("%s", async (_, fails, message, left, wait) => {
    const ledger = await ring(fails);
    expect(messages()).toEqual([message]);
    expect(await waiting(ledger)).toHaveLength(left);
    const armed = Number(await alarmOf(ledger)) - Date.now();
    expect(armed).toBeLessThanOrEqual(wait);
    expect(armed).toBeGreaterThanOrEqual(wait * 0.75);
  });

  it("the alarm", async () => {
    const ledger = await ring(/never/, 1);
    expect(messages()).toEqual(["the ledger's alarm cannot be armed"]);
    expect(await alarmOf(ledger)).toBe(Date.now() + 60_000);
  });

  it("the alarm, twice: then the next call arms it", async () => {
    const ledger = await ring(/never/, 2);
    expect(messages()).toEqual([
      "the ledger's alarm cannot be armed",
      "the ledger has no alarm; its events wait for its next call",
    ]);
    expect(await alarmOf(ledger)).toBeNull();
    await ledger.use(newUse());
    expect(await alarmOf(ledger)).not.toBeNull();
  });
});

describe("a ledger of another release", () => {
  // The tables as that version made them; it stored no version.
  const tables = `
    CREATE TABLE signatures (digest TEXT PRIMARY KEY, presentations INTEGER NOT NULL, first_at TEXT NOT NULL,
      first_ip TEXT, over_at INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX signatures_by_end ON signatures (over_at);
    CREATE TABLE tokens (id TEXT PRIMARY KEY, uses INTEGER NOT NULL DEFAULT 0, revoked INTEGER NOT NULL DEFAULT 0,
      over_at INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX tokens_by_end ON tokens (over_at);
    CREATE TABLE outbox (sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, event TEXT NOT NULL);`;

  it("of 0.1.0 keeps its rows, and gets this version's tables", async () => {
    const ledger = newLedger();
    const login = newLogin();
    const token = newUse();
    await runInDurableObject(ledger, async (_, { storage: { sql } }) => {
      for (const table of ["schema_version", "failed_delivery", "signatures", "tokens", "outbox"]) {
        sql.exec(`DROP TABLE ${table}`);
      }
      sql.exec(tables);
      const { signatureDigest, rememberUntil, event } = login;
      sql.exec(
        "INSERT INTO signatures VALUES (?, 1, ?, ?, ?)",
        signatureDigest,
        event.at,
        event.ip,
        rememberUntil,
      );
      sql.exec("INSERT INTO tokens VALUES (?, 0, 1, ?)", token.tokenId, start + 600_000);
      sql.exec("INSERT INTO outbox (id, event) VALUES (?, ?)", event.id, JSON.stringify(event));
    });
    await evictDurableObject(ledger);

    expect(await ledger.use(token)).toBe("revoked");
    // The first organization is unknown, so nobody learns of the first use.
    expect(await ledger.recordLogin({ ...login, event: newLoginEvent() })).toEqual({
      recorded: false,
      presentations: { count: 2 },
    });
    await runDurableObjectAlarm(ledger);
    expect(await waiting(ledger)).toEqual([]);
    expect(await loggedIds()).toContain(login.event.id);
    const version = () =>
      runInDurableObject(ledger, (_, { storage }) =>
        storage.sql.exec("SELECT version FROM schema_version").toArray(),
      );
    expect(await version()).toEqual([{ version: 2 }]);
    await evictDurableObject(ledger);
    expect(await version()).toEqual([{ version: 2 }]);
  });

  it("that is newer is not changed", async () => {
    const ledger = newLedger();
    await runInDurableObject(ledger, (_, { storage }) =>
      storage.sql.exec("UPDATE schema_version SET version = 99").toArray(),
    );
    await evictDurableObject(ledger);
    expect(await ledger.recordLogin(newLogin())).toMatchObject({ recorded: true });
    expect(
      await runInDurableObject(ledger, (_, { storage }) =>
        storage.sql.exec("SELECT version FROM schema_version").toArray(),
      ),
    ).toEqual([{ version: 99 }]);
  });
});

it("a ledger keeps its state through an eviction", async () => {
  const ledger = newLedger();
  const login = newLogin();
  const [limited, gone] = [newUse({ usesLimit: 2 }), newUse()];
  await ledger.recordLogin(login);
  await ledger.use(limited);
  await revoke(ledger, gone);
  const before = await waiting(ledger);

  await evictDurableObject(ledger);
  expect(await waiting(ledger)).toEqual(before);
  expect(await alarmOf(ledger)).toBe(start + 1000);
  expect(await ledger.recordLogin({ ...login, event: newLoginEvent() })).toEqual({
    recorded: false,
    presentations: { count: 2, firstAt: login.event.at, firstIp: "192.0.2.1" },
  });
  expect([await ledger.use(limited), await ledger.use(limited)]).toEqual(["active", "used-up"]);
  expect(await ledger.use(gone)).toBe("revoked");
});

describe("a ledger's address", () => {
  const principal = { authority: newTenancyOcid(), subject: newUserOcid() };
  const addressOf = (digestOrTokenId: string, about = {}) =>
    ledgerOf(env.LEDGER, { ...principal, ...about }, digestOrTokenId).id.toString();

  it("is the same for one signature or token, and differs for another user or tenancy", () => {
    const digest = newDigest();
    expect(addressOf(digest)).toBe(addressOf(digest));
    expect(addressOf(digest, { subject: newUserOcid() })).not.toBe(addressOf(digest));
    expect(addressOf(digest, { authority: newTenancyOcid() })).not.toBe(addressOf(digest));
  });

  it.each([
    ["signatures", newDigest],
    ["tokens", () => crypto.randomUUID()],
  ])("spreads the %s of one user over all shards", (_, newId) => {
    const addresses = new Set(Array.from({ length: 1000 }, () => addressOf(newId())));
    expect(addresses.size).toBe(ledgerShards);
  });

  it("is one of the ledgers that are woken together", async () => {
    const woken = ledgersOf(env.LEDGER, principal).map(({ id }) => id.toString());
    expect(new Set(woken).size).toBe(ledgerShards);
    for (let count = 0; count < 100; count++) expect(woken).toContain(addressOf(newDigest()));
  });

  // With another number of shards, used signatures and revoked tokens would be looked up in other ledgers.
  it("is the same as in earlier versions", () => {
    const named = (name: string) => env.LEDGER.idFromName(name).toString();
    const { authority: tenancyOcid, subject: userOcid } = principal;
    expect(addressOf("a7".padEnd(64, "0"))).toBe(named(`${tenancyOcid}/${userOcid}/7`));
    expect(addressOf("ff2b5e8a-0000-4000-8000-000000000000")).toBe(named(`${tenancyOcid}/${userOcid}/15`));
  });

  it("makes no object until something is recorded there", async () => {
    const { id } = ledgerOf(env.LEDGER, principal, newDigest());
    const known = async () => (await listDurableObjectIds(env.LEDGER)).map(String);
    expect(await known()).not.toContain(id.toString());
    await env.LEDGER.get(id).recordLogin(newLogin());
    expect(await known()).toContain(id.toString());
  });

  it("has a digest of the bytes of a signature, as hexadecimal SHA-256", async () => {
    const bytes = crypto.getRandomValues(new Uint8Array(256));
    expect(await signatureDigest(bytes)).toBe(createHash("sha256").update(Buffer.from(bytes)).digest("hex"));
  });
});

describe("a ledger that does not answer", () => {
  const fault = new Error("the object was reset");
  const down = new Proxy({}, { get: () => () => Promise.reject(fault) });
  const namespace = { getByName: () => down } as unknown as DurableObjectNamespace<Ledger>;
  const principal = { authority: newTenancyOcid(), subject: newUserOcid() };
  const use = { tokenId: crypto.randomUUID(), expiresAt: 0, usesLimit: 0, event: newLoginEvent() };

  it.each<[string, (ledgers: Ledgers) => Promise<unknown>]>([
    ["of a login", (ledgers) => ledgers.recordLogin(principal, newLogin())],
    ["of a renewal", (ledgers) => ledgers.recordRenewal(principal, use)],
    ["of a revocation", (ledgers) => ledgers.recordRevocation(principal, use)],
    ["of a use", (ledgers) => ledgers.use(principal, use)],
    ["that is woken", (ledgers) => ledgers.wake(principal)],
  ])("is a 503 %s, whose duration is reported, and whose cause is kept for the log", async (_, call) => {
    const timings = new Timings();
    const refusal = await call(new Ledgers(namespace, timings)).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(Refusal);
    expect(refusal).toMatchObject({ reason: "ledger-unavailable", status: 503, cause: fault });
    expect((refusal as Refusal).message).not.toContain("reset");
    expect(timings.milliseconds).toEqual({ ledger: expect.any(Number) });
  });
});
