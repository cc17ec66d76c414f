import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, it, type Mock, vi } from "vitest";
import type { OutgoingEvent } from "../../src/audit/event.ts";
import { listEvents } from "../../src/audit/events.ts";
import { moveChanges } from "../../src/audit/outbox.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { loggedIds, migrateDatabases } from "../databases.ts";
import { newLoginEvent } from "./made-events.ts";

/** Where events wait, and what moves them to AUDIT_DB. */
interface Way {
  hold(events: readonly OutgoingEvent[]): Promise<void>;
  /** One run of the mover. Rejects if it does. */
  move(): Promise<void>;
  /** The ids of the events that wait. */
  waiting(): Promise<string[]>;
  /** Makes the removal of moved events fail, until told otherwise. */
  removalFails(fails: boolean): Promise<void>;
}

function throughLedger(ledger: DurableObjectStub<Ledger>): Way {
  const execute = (sql: string) =>
    runInDurableObject(ledger, (_, { storage }) => storage.sql.exec<{ id: string }>(sql).toArray());
  return {
    hold: (events) =>
      runInDurableObject(ledger, async (instance) => {
        for (const event of events) {
          const signatureDigest = crypto.randomUUID();
          const rememberUntil = Date.now() + 360_000;
          await instance.recordLogin({ signatureDigest, rememberUntil, signatureReuse: "reject", event });
        }
      }),
    async move() {
      await runDurableObjectAlarm(ledger);
    },
    waiting: async () => (await execute("SELECT id FROM outbox")).map(({ id }) => id),
    async removalFails(fails) {
      await execute(fails ? failingRemoval("outbox") : "DROP TRIGGER removal");
    },
  };
}

const throughD1: Way = {
  async hold(events) {
    await env.DB.prepare("INSERT INTO audit_outbox SELECT value ->> 'id', value FROM json_each(?)")
      .bind(JSON.stringify(events))
      .run();
  },
  move: () => moveChanges(env),
  async waiting() {
    const { results } = await env.DB.prepare("SELECT id FROM audit_outbox").all<{ id: string }>();
    return results.map(({ id }) => id);
  },
  async removalFails(fails) {
    await env.DB.prepare(fails ? failingRemoval("audit_outbox") : "DROP TRIGGER removal").run();
  },
};

const failingRemoval = (table: string) =>
  `CREATE TRIGGER removal BEFORE DELETE ON ${table} BEGIN SELECT RAISE(ABORT, 'cannot be removed'); END`;

const auditDb = (sql: string) => env.AUDIT_DB.prepare(sql).run();
/** AUDIT_DB takes so many events and no more, until there is room again. */
const roomFor = (events: number) =>
  auditDb(`CREATE TRIGGER room BEFORE INSERT ON audit_events
    WHEN (SELECT count(*) FROM audit_events) >= ${events} BEGIN SELECT RAISE(ABORT, 'database is full'); END`);
const roomAgain = () => auditDb("DROP TRIGGER room");

let errors: Mock;

// A clock far ahead of the machine's: an alarm rings when a test rings it and never by itself.
beforeAll(migrateDatabases);
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2100-01-01T00:00:00Z") });
  errors = vi.spyOn(console, "error").mockReturnValue();
  await auditDb("DROP TRIGGER IF EXISTS room");
  await auditDb("DELETE FROM audit_events");
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function newEvents(count: number): { events: OutgoingEvent[]; ids: string[] } {
  const events = Array.from({ length: count }, () => newLoginEvent());
  return { events, ids: events.map(({ id }) => id).sort() };
}
const sorted = async (ids: Promise<string[]>) => (await ids).sort();

const newLedger = () => env.LEDGER.getByName(crypto.randomUUID());

describe.each<[string, () => Way]>([
  ["a ledger's outbox", () => throughLedger(newLedger())],
  ["D1's outbox", () => throughD1],
])("from %s every event reaches AUDIT_DB once", (_, open) => {
  it("however many there are", async () => {
    const way = open();
    const { events, ids } = newEvents(250);
    await way.hold(events);
    expect(await sorted(way.waiting())).toEqual(ids);
    await way.move();
    expect(await sorted(loggedIds())).toEqual(ids);
    expect(await way.waiting()).toEqual([]);
    expect(errors).not.toHaveBeenCalled();
  });

  it("when the mover runs twice", async () => {
    const way = open();
    const { events, ids } = newEvents(150);
    await way.hold(events);
    await way.move();
    await way.move();
    expect(await sorted(loggedIds())).toEqual(ids);
  });

  it("when what was moved cannot be removed, and so moves again", async () => {
    const way = open();
    const { events, ids } = newEvents(150);
    await way.hold(events);
    await way.removalFails(true);
    await way.move();
    await way.move();
    expect(await loggedIds()).toHaveLength(100);
    expect(await sorted(way.waiting())).toEqual(ids);

    await way.removalFails(false);
    await way.move();
    expect(await sorted(loggedIds())).toEqual(ids);
    expect(await way.waiting()).toEqual([]);
  });

  it("when AUDIT_DB takes one batch and refuses the next", async () => {
    const way = open();
    const { events, ids } = newEvents(250);
    await way.hold(events);
    await roomFor(100);
    await way.move();
    expect(await loggedIds()).toHaveLength(100);
    expect(await sorted(Promise.all([way.waiting(), loggedIds()]).then((both) => both.flat()))).toEqual(ids);

    await roomAgain();
    await way.move();
    expect(await sorted(loggedIds())).toEqual(ids);
    expect(await way.waiting()).toEqual([]);
  });

  it("when AUDIT_DB refuses for a while, in which others come", async () => {
    const way = open();
    const [first, others] = [newEvents(30), newEvents(30)];
    await roomFor(0);
    await way.hold(first.events);
    for (let run = 0; run < 3; run++) await way.move();
    await way.hold(others.events);
    await way.move();
    expect(await loggedIds()).toEqual([]);
    expect(errors.mock.calls.map(([line]) => JSON.parse(line))).toEqual(
      Array(4).fill(expect.objectContaining({ error: expect.stringContaining("database is full") })),
    );

    await roomAgain();
    await way.move();
    expect(await sorted(loggedIds())).toEqual([...first.ids, ...others.ids].sort());
    expect(await way.waiting()).toEqual([]);
  });

  it("as it was", async () => {
    const way = open();
    const event = newLoginEvent({
      outcome: "failure",
      reason: "username-not-allowed",
      userAgent: `'); DROP TABLE audit_events; -- "\\ ü 😀`,
      ip: null,
      details: { name: `a "quoted" \\ name\u0000\n'; --`, count: 2, list: [1, null, { deep: true }] },
    });
    await way.hold([event]);
    await way.move();
    const { rootOrganizationId: _root, ...listed } = event;
    expect((await listEvents(env.AUDIT_DB, { limit: 1 })).page).toEqual([listed]);
  });
});

describe("a ledger whose events cannot be moved", () => {
  const alarmIn = (ledger: DurableObjectStub<Ledger>) =>
    runInDurableObject(ledger, async (_, { storage }) => Number(await storage.getAlarm()) - Date.now());

  it("tries again, ever later but each minute at least, and is prompt once it succeeded", async () => {
    const ledger = newLedger();
    const way = throughLedger(ledger);
    await roomFor(0);
    await way.hold(newEvents(1).events);
    const delays: number[] = [];
    for (let run = 0; run < 10; run++) {
      await way.move();
      const delay = await alarmIn(ledger);
      delays.push(delay);
      vi.setSystemTime(Date.now() + delay);
    }
    expect(delays).toEqual([2, 4, 8, 16, 32, 60, 60, 60, 60, 60].map((seconds) => seconds * 1000));

    await roomAgain();
    await way.move();
    await way.hold(newEvents(1).events);
    expect(await alarmIn(ledger)).toBe(1000);
  });

  it("goes on recording, and is not hurried by what it records", async () => {
    const ledger = newLedger();
    const way = throughLedger(ledger);
    await roomFor(0);
    await way.hold(newEvents(1).events);
    for (let run = 0; run < 5; run++) await way.move();
    await way.hold(newEvents(5).events);
    expect(await way.waiting()).toHaveLength(6);
    expect(await alarmIn(ledger)).toBe(32_000);
    await roomAgain();
  });

  it("loses nothing when it dies between the two databases", async () => {
    const ledger = newLedger();
    const way = throughLedger(ledger);
    const { events, ids } = newEvents(3);
    await way.hold(events);
    await way.removalFails(true);
    await way.move();
    await evictDurableObject(ledger);
    await way.removalFails(false);
    await way.move();
    expect(await sorted(loggedIds())).toEqual(ids);
    expect(await way.waiting()).toEqual([]);
  });

  it("delivers once, though its alarm rings twice at a time", async () => {
    const ledger = newLedger();
    const { events, ids } = newEvents(250);
    const way = throughLedger(ledger);
    await way.hold(events);
    await runInDurableObject(ledger, (instance) => Promise.all([instance.alarm(), instance.alarm()]));
    expect(await sorted(loggedIds())).toEqual(ids);
    expect(await way.waiting()).toEqual([]);
  });
});

describe("the mover of changes", () => {
  it("moves each once, though it runs many times at once", async () => {
    const { events, ids } = newEvents(250);
    await throughD1.hold(events);
    await Promise.all(Array.from({ length: 5 }, () => moveChanges(env)));
    expect(await sorted(loggedIds())).toEqual(ids);
    expect(await throughD1.waiting()).toEqual([]);
  });

  it.each(["DB", "AUDIT_DB"])("says so in the log and never rejects, if %s cannot be asked", async (name) => {
    const { events, ids } = newEvents(1);
    await throughD1.hold(events);
    const down = {
      prepare() {
        throw new Error(`${name} is down`);
      },
    };
    await moveChanges({ ...env, [name]: down });
    expect(errors.mock.calls.map(([line]) => JSON.parse(line))).toEqual([
      { level: "error", message: expect.stringContaining("they wait"), error: `Error: ${name} is down` },
    ]);
    expect(await throughD1.waiting()).toEqual(ids);
    await moveChanges(env);
    expect(await loggedIds()).toEqual(ids);
  });
});
