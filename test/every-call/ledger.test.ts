/**
 * What a ledger does, with each of its calls to storage and to AUDIT_DB failing in turn, and the object killed there:
 * what was answered holds, an effect and its event come together or not at all, every event is in the log once, and
 * nothing waits without an alarm. The object is evicted before each run, and between alarms.
 */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import type { OutgoingEvent } from "../../src/audit/event.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { newLoginEvent } from "../audit/made-events.ts";
import { migrateDatabases } from "../databases.ts";
import { atEveryCall, countStoreCalls, runsIn } from "./store-calls.ts";

// A clock far ahead of the machine's: an alarm rings when a test rings it and never by itself.
const start = Date.parse("2100-01-01T00:00:00Z");

beforeAll(async () => {
  await migrateDatabases();
  await countStoreCalls();
});
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: start });
  for (const level of ["warn", "error"] as const) vi.spyOn(console, level).mockReturnValue();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A fresh stub: one that saw its object die is of no more use. */
const stubOf = (name: string) => env.LEDGER.getByName(name);

const inLedger = <T>(name: string, action: (ledger: Ledger, state: DurableObjectState) => T | Promise<T>) =>
  runInDurableObject<Ledger, T>(stubOf(name), (ledger, state) => {
    runsIn(state);
    return action(ledger, state);
  });

/** The first call after a kill only learns of it. */
async function revive(name: string): Promise<void> {
  await inLedger(name, () => {}).catch(() => {});
  await inLedger(name, () => {});
}

const rows = (name: string, sql: string) =>
  inLedger(name, (_, { storage }) => storage.sql.exec<Record<string, SqlStorageValue>>(sql).toArray());

const waitingIds = async (name: string) =>
  (await rows(name, "SELECT id FROM outbox WHERE retry_at IS NULL ORDER BY sequence")).map(({ id }) =>
    String(id),
  );

async function timesInLog(ids: readonly string[]): Promise<number[]> {
  const { results } = await env.AUDIT_DB.prepare(
    "SELECT each.value AS id, (SELECT count(*) FROM audit_events WHERE id = each.value) AS times FROM json_each(?) AS each",
  )
    .bind(JSON.stringify(ids))
    .all<{ times: number }>();
  return results.map(({ times }) => times);
}

/** Rings the alarm until nothing waits; at each look, what waits has an alarm. */
async function settle(name: string, where: string): Promise<void> {
  for (let ring = 0; ring < 10; ring++) {
    const waiting = await waitingIds(name);
    if (waiting.length === 0) return;
    const alarm = await inLedger(name, (_, { storage }) => storage.getAlarm());
    expect(alarm, `${where}: ${waiting.length} events wait, and an alarm is set`).not.toBeNull();
    vi.setSystemTime(Math.max(Date.now(), Number(alarm)));
    await runDurableObjectAlarm(stubOf(name));
    await evictDurableObject(stubOf(name));
  }
  expect.fail(`${where}: events still wait`);
}

const token = { tokenId: crypto.randomUUID(), expiresAt: start / 1000 + 600, usesLimit: 3 };

interface Operation {
  readonly title: string;
  /** What happened before it, without a fault. */
  before?(ledger: Ledger): Promise<unknown>;
  run(ledger: Ledger, event: OutgoingEvent): Promise<unknown>;
  /** An answer that has an effect; others have none, and no event. */
  readonly effectiveAnswer: unknown;
  /** Whether it has an event beside its effect. */
  readonly hasEvent: boolean;
  /** Rows that differ once it took effect. */
  readonly look: string;
}

const signatureDigest = "ab".repeat(32);
const login = (signatureReuse: "allow" | "reject") => (ledger: Ledger, event: OutgoingEvent) =>
  ledger.recordLogin({ signatureDigest, rememberUntil: start + 360_000, signatureReuse, event });
const uses = "SELECT uses, revoked, over_at FROM tokens";
const presentations = "SELECT presentations FROM signatures";

const operations: Operation[] = [
  {
    title: "a login",
    run: login("reject"),
    effectiveAnswer: expect.objectContaining({ recorded: true }),
    hasEvent: true,
    look: presentations,
  },
  {
    title: "a login with a signature that was used",
    before: (ledger) => login("allow")(ledger, newLoginEvent()),
    run: login("allow"),
    effectiveAnswer: expect.objectContaining({ recorded: true }),
    hasEvent: true,
    look: presentations,
  },
  {
    title: "a login that is refused, since its signature was used",
    before: (ledger) => login("allow")(ledger, newLoginEvent()),
    run: login("reject"),
    effectiveAnswer: expect.objectContaining({ recorded: false }),
    hasEvent: false,
    look: presentations,
  },
  {
    title: "a renewal",
    run: (ledger, event) => ledger.recordRenewal({ ...token, event }),
    effectiveAnswer: "active",
    hasEvent: true,
    look: uses,
  },
  {
    title: "a revocation",
    before: (ledger) => ledger.use(token),
    run: (ledger, event) => ledger.recordRevocation({ ...token, event }),
    effectiveAnswer: true,
    hasEvent: true,
    look: uses,
  },
  {
    title: "a use",
    before: (ledger) => ledger.use(token),
    run: (ledger) => ledger.use(token),
    effectiveAnswer: "active",
    hasEvent: false,
    look: uses,
  },
];

it.each(operations)(
  "$title",
  { timeout: 60_000 },
  async ({ before, run, effectiveAnswer, hasEvent, look }) => {
    const calls = await atEveryCall({
      async prepare() {
        const name = crypto.randomUUID();
        await before?.(stubOf(name) as unknown as Ledger);
        await settle(name, "before");
        const seen = await rows(name, look);
        await evictDurableObject(stubOf(name));
        return { name, event: newLoginEvent(), seen };
      },
      run: ({ name, event }) => inLedger(name, (ledger) => run(ledger, event)),
      async check({ name, event, seen }, outcome, where) {
        await revive(name);
        const changed = JSON.stringify(await rows(name, look)) !== JSON.stringify(seen);
        if (outcome.answered) {
          expect(outcome.answer, where).toEqual(effectiveAnswer);
          expect(changed, `${where}: what was answered holds`).toBe(true);
        }
        await settle(name, where);
        expect(await timesInLog([event.id]), where).toEqual([hasEvent && changed ? 1 : 0]);
      },
    });
    expect(calls).toBeGreaterThan(hasEvent ? 6 : 4);
  },
);

/** Of an object whose tables are there. */
const callsToStart = 2;

it("a delivery of two batches, with an event that the log refuses", { timeout: 120_000 }, async () => {
  const calls = await atEveryCall({
    async prepare() {
      const name = crypto.randomUUID();
      const good = Array.from({ length: 120 }, () => newLoginEvent());
      const bad = { ...newLoginEvent(), outcome: "?" } as unknown as OutgoingEvent;
      await inLedger(name, (_, { storage }) => {
        storage.sql.exec(
          "INSERT INTO outbox (id, event) SELECT value ->> 'id', value FROM json_each(?)",
          JSON.stringify([...good.slice(0, 70), bad, ...good.slice(70)]),
        );
        // What is over, to be purged on the way.
        storage.sql.exec("INSERT INTO tokens (id, over_at) VALUES ('over', 0)");
        return storage.setAlarm(Date.now());
      });
      await evictDurableObject(stubOf(name));
      return { name, ids: good.map(({ id }) => id), bad: bad.id };
    },
    async run({ name }) {
      // As the runtime does: the alarm is gone while its handler runs, and rings again if that is killed.
      await inLedger(name, async (ledger, { storage }) => {
        await storage.deleteAlarm();
        await ledger.alarm();
      });
    },
    async check({ name, ids, bad }, outcome, where, fault, failing) {
      await revive(name);
      // Nothing escapes the handler, once the object has started; else the runtime rings again.
      const started = failing > callsToStart;
      expect(outcome.answered, where).toBe(started && fault !== "killed");
      if (!outcome.answered) await inLedger(name, (_, { storage }) => storage.setAlarm(Date.now()));
      await settle(name, where);
      expect(new Set(await timesInLog(ids)), where).toEqual(new Set([1]));
      expect(await rows(name, "SELECT id FROM outbox"), where).toEqual([{ id: bad }]);
      const note = env.AUDIT_DB.prepare("SELECT id FROM refused_events WHERE id = ?").bind(bad);
      expect((await note.all()).results, where).toEqual([{ id: bad }]);
      // It is tried again, by an alarm that is set.
      const alarm = Number(await inLedger(name, (_, { storage }) => storage.getAlarm()));
      expect(alarm, where).toBeGreaterThan(0);
      expect(alarm, where).toBeLessThanOrEqual(Date.now() + 3_600_000);
    },
  });
  expect(calls).toBeGreaterThan(20);
});
