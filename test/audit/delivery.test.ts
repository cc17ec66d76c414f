import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, it, type Mock, vi } from "vitest";
import type { OutgoingEvent } from "../../src/audit/event.ts";
import { forgetAcceptedEvents, listEvents } from "../../src/audit/events.ts";
import { moveChanges } from "../../src/audit/outbox.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { primarySession } from "../../src/storage/session.ts";
import { running } from "../../src/version.ts";
import { loggedIds, migrateDatabases } from "../databases.ts";
import { newLoginEvent } from "./made-events.ts";

const { release, versionId } = running;

/** An outbox with its mover. */
interface Way {
  hold(events: readonly OutgoingEvent[]): Promise<void>;
  /** One run of the mover. Rejects if the mover rejects. */
  move(): Promise<void>;
  /** The ids of the waiting events. */
  waiting(): Promise<string[]>;
  /** Replaces the text of a waiting event. */
  repair(id: string, event: string): Promise<unknown>;
  /** Makes the removal of moved events fail, or succeed again. */
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
      // The time of the next try: the ledger does not try sooner.
      const due = await runInDurableObject(ledger, (_, { storage }) => storage.getAlarm());
      if (due !== null) vi.setSystemTime(Math.max(due, Date.now()));
      await runDurableObjectAlarm(ledger);
    },
    waiting: async () => (await execute("SELECT id FROM outbox")).map(({ id }) => id),
    repair: (id, event) =>
      runInDurableObject(ledger, (_, { storage }) => {
        storage.sql.exec("UPDATE outbox SET event = ? WHERE id = ?", event, id);
      }),
    async removalFails(fails) {
      await execute(fails ? failingRemoval("outbox") : "DROP TRIGGER removal");
    },
  };
}

const throughD1: Way = {
  async hold(events) {
    await env.DB.prepare(
      "INSERT INTO audit_outbox (id, event) SELECT value ->> 'id', value FROM json_each(?)",
    )
      .bind(JSON.stringify(events))
      .run();
  },
  move: () => moveChanges(env, Date.now()),
  async waiting() {
    const { results } = await env.DB.prepare("SELECT id FROM audit_outbox").all<{ id: string }>();
    return results.map(({ id }) => id);
  },
  repair: (id, event) =>
    env.DB.prepare("UPDATE audit_outbox SET event = ? WHERE id = ?").bind(event, id).run(),
  async removalFails(fails) {
    await env.DB.prepare(fails ? failingRemoval("audit_outbox") : "DROP TRIGGER removal").run();
  },
};

const failingRemoval = (table: string) =>
  `CREATE TRIGGER removal BEFORE DELETE ON ${table} BEGIN SELECT RAISE(ABORT, 'cannot be removed'); END`;

const auditDb = (sql: string) => env.AUDIT_DB.prepare(sql).run();
/** AUDIT_DB accepts this many events and no more, until there is room again. */
const roomFor = (events: number) =>
  auditDb(`CREATE TRIGGER room BEFORE INSERT ON audit_events
    WHEN (SELECT count(*) FROM audit_events) >= ${events} BEGIN SELECT RAISE(ABORT, 'database is full'); END`);
const roomAgain = () => auditDb("DROP TRIGGER room");

let errors: Mock;

// A clock far ahead of the machine's: alarms run only when a test runs them.
beforeAll(migrateDatabases);
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.parse("2100-01-01T00:00:00Z") });
  errors = vi.spyOn(console, "error").mockReturnValue();
  await auditDb("DROP TRIGGER IF EXISTS room");
  await auditDb("DELETE FROM audit_events");
  await auditDb("DELETE FROM refused_events");
  await env.DB.exec("DELETE FROM audit_outbox");
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
  it("with any number of events", async () => {
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

  it("when moved events cannot be removed, and so move again", async () => {
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

  it("when AUDIT_DB accepts one batch and refuses the next", async () => {
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

  it("when AUDIT_DB refuses for a while, and others come meanwhile", async () => {
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

  it("unchanged", async () => {
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
    expect((await listEvents(primarySession(env.AUDIT_DB), { limit: 1 })).page).toEqual([listed]);
  });
});

describe("a ledger whose events cannot be moved", () => {
  const alarmIn = (ledger: DurableObjectStub<Ledger>) =>
    runInDurableObject(ledger, async (_, { storage }) => Number(await storage.getAlarm()) - Date.now());

  /** Seconds until the alarm of a ledger that is evicted after each, as an idle one is. */
  const nextWaits = async (ledger: DurableObjectStub<Ledger>, count: number) => {
    const waits: number[] = [];
    for (let run = 0; run < count; run++) {
      await throughLedger(ledger).move();
      await evictDurableObject(ledger);
      waits.push((await alarmIn(ledger)) / 1000);
    }
    return waits;
  };

  it("tries again, later each time but at least once a minute, even if it is evicted, and is prompt after a success", async () => {
    const ledger = newLedger();
    const way = throughLedger(ledger);
    await roomFor(0);
    await way.hold(newEvents(1).events);
    const waits = await nextWaits(ledger, 20);
    for (const [index, wait] of waits.entries()) {
      const longest = Math.min(2 ** (index + 1), 60);
      expect(wait).toBeLessThanOrEqual(longest);
      expect(wait).toBeGreaterThanOrEqual(longest * 0.75);
    }
    // They do not retry together.
    expect(new Set(waits.slice(6)).size).toBeGreaterThan(1);

    await roomAgain();
    await way.move();
    await way.hold(newEvents(1).events);
    expect(await alarmIn(ledger)).toBe(1000);
  });

  it("keeps its wait, whoever logs in meanwhile, evicted or not", async () => {
    const ledger = newLedger();
    const way = throughLedger(ledger);
    await roomFor(0);
    await way.hold(newEvents(1).events);
    for (let run = 0; run < 6; run++) await way.move();
    const due = Date.now() + (await alarmIn(ledger));
    await way.hold(newEvents(3).events);
    expect(Date.now() + (await alarmIn(ledger))).toBe(due);
    await evictDurableObject(ledger);
    await way.hold(newEvents(3).events);
    expect(Date.now() + (await alarmIn(ledger))).toBe(due);
    // An earlier alarm, such as for a purge, delivers nothing.
    await runDurableObjectAlarm(ledger);
    expect(errors).toHaveBeenCalledTimes(6);
    expect(await way.waiting()).toHaveLength(7);
    await roomAgain();
  });

  it("delivers 20,000 events that waited ten minutes, each once", async () => {
    const ledger = newLedger();
    const way = throughLedger(ledger);
    await roomFor(0);
    const began = Date.now();
    const { events, ids } = newEvents(20_000);
    // The events of a ledger, without the logins, which would take a minute to make.
    await runInDurableObject(ledger, (_, { storage }) =>
      storage.sql.exec(
        "INSERT INTO outbox (id, event) SELECT value ->> 'id', value FROM json_each(?)",
        JSON.stringify(events.slice(1)),
      ),
    );
    await way.hold(events.slice(0, 1));
    while (Date.now() - began < 600_000) {
      await way.move();
      await evictDurableObject(ledger);
    }
    expect(await loggedIds()).toEqual([]);

    await roomAgain();
    let runs = 0;
    for (; (await way.waiting()).length > 0 && runs < 5; runs++) await way.move();
    expect(await sorted(loggedIds())).toEqual(ids);
    expect(runs).toBe(2);
  }, 90_000);

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

  it("delivers once, though its alarm runs twice at a time", async () => {
    const ledger = newLedger();
    const { events, ids } = newEvents(250);
    const way = throughLedger(ledger);
    await way.hold(events);
    await runInDurableObject(ledger, (instance) => Promise.all([instance.alarm(), instance.alarm()]));
    expect(await sorted(loggedIds())).toEqual(ids);
    expect(await way.waiting()).toEqual([]);
  });
});

describe.each<[string, () => Way]>([
  ["a ledger's outbox", () => throughLedger(newLedger())],
  ["D1's outbox", () => throughD1],
])("an event in %s that the audit log refuses", (_, open) => {
  const withoutType = () => ({ ...newLoginEvent(), type: undefined }) as unknown as OutgoingEvent;
  const ofNoOutcome = () => ({ ...newLoginEvent(), outcome: "?" }) as unknown as OutgoingEvent;
  const refused = async () =>
    (
      await env.AUDIT_DB.prepare("SELECT id FROM refused_events ORDER BY id").all<{ id: string }>()
    ).results.map(({ id }) => id);

  it("stays there, delays no other, is logged once and noted for GET /ready", async () => {
    const way = open();
    const { events, ids } = newEvents(250);
    const bad = [withoutType(), ofNoOutcome(), ofNoOutcome()];
    const badIds = bad.map(({ id }) => id).sort();
    await way.hold([
      bad[0],
      ...events.slice(0, 120),
      bad[1],
      bad[2],
      ...events.slice(120),
    ] as OutgoingEvent[]);
    await way.move();
    expect(await sorted(loggedIds())).toEqual(ids);
    expect(await sorted(way.waiting())).toEqual(badIds);
    expect(await refused()).toEqual(badIds);
    const lines = () => errors.mock.calls.map(([line]) => JSON.parse(line));
    expect(
      lines()
        .map(({ id }) => id)
        .sort(),
    ).toEqual(badIds);
    expect(lines()).toContainEqual({
      level: "error",
      release,
      versionId,
      message: "the audit log refuses an event; it stays in its outbox",
      id: bad[0]?.id,
      error: expect.stringContaining("NOT NULL constraint failed: audit_events.type"),
    });

    // It is tried again in an hour, and not before; others still move.
    const later = newEvents(3);
    await way.hold(later.events);
    await way.move();
    vi.setSystemTime(Date.now() + 3_600_000);
    await way.move();
    expect(await sorted(loggedIds())).toEqual([...ids, ...later.ids].sort());
    expect(await sorted(way.waiting())).toEqual(badIds);
    expect(errors).toHaveBeenCalledTimes(3);
  });

  it("moves once the log accepts it", async () => {
    const way = open();
    const bad = withoutType();
    await way.hold([bad]);
    await way.move();
    expect(await way.waiting()).toEqual([bad.id]);
    // As a later release might do: it fills the missing field.
    const repaired = JSON.stringify({ ...bad, type: "login" });
    await way.repair(bad.id, repaired);
    vi.setSystemTime(Date.now() + 3_600_000);
    await way.move();
    expect(await loggedIds()).toEqual([bad.id]);
    expect(await way.waiting()).toEqual([]);
    await forgetAcceptedEvents(primarySession(env.AUDIT_DB));
    expect(await refused()).toEqual([]);
  });

  it("waits with the others while AUDIT_DB cannot be written, and does not split them", async () => {
    const way = open();
    await way.hold([withoutType(), ...newEvents(20).events]);
    await auditDb("DROP TABLE refused_events");
    await way.move();
    expect(await way.waiting()).toHaveLength(21);
    expect(errors.mock.calls.map(([line]) => JSON.parse(line))).toEqual([
      expect.objectContaining({ error: expect.stringContaining("no such table") }),
    ]);
    await auditDb(
      "CREATE TABLE refused_events (id TEXT PRIMARY KEY, refused_at TEXT, problem TEXT) WITHOUT ROWID",
    );
  });
});

describe("the mover of changes", () => {
  it("moves each event once, though it runs many times in parallel", async () => {
    const { events, ids } = newEvents(250);
    await throughD1.hold(events);
    await Promise.all(Array.from({ length: 5 }, () => moveChanges(env, Date.now())));
    expect(await sorted(loggedIds())).toEqual(ids);
    expect(await throughD1.waiting()).toEqual([]);
  });

  it.each(["DB", "AUDIT_DB"])(
    "says so in the log and never rejects, if %s cannot be called",
    async (name) => {
      const { events, ids } = newEvents(1);
      await throughD1.hold(events);
      const down = {
        withSession: () => down,
        prepare() {
          throw new Error(`${name} is down`);
        },
      };
      await moveChanges({ ...env, [name]: down }, Date.now());
      expect(errors.mock.calls.map(([line]) => JSON.parse(line))).toEqual([
        {
          level: "error",
          release,
          versionId,
          message: expect.stringContaining("they wait"),
          error: `StorageError: ${name} is down`,
        },
      ]);
      expect(await throughD1.waiting()).toEqual(ids);
      await moveChanges(env, Date.now());
      expect(await loggedIds()).toEqual(ids);
    },
  );
});
