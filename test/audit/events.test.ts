import { createExecutionContext, createScheduledController, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, it, type Mock, vi } from "vitest";
import type { Caller } from "../../src/access/caller.ts";
import { pageQuery } from "../../src/api/pages.ts";
import type { OutgoingEvent } from "../../src/audit/event.ts";
import { type EventsQuery, listEvents, purgeEvents, rootOfEvents } from "../../src/audit/events.ts";
import { writeEvents } from "../../src/audit/mover.ts";
import { changeRecord, recordAction } from "../../src/audit/outbox.ts";
import { type Refused, writeRefusal } from "../../src/audit/refusals.ts";
import { UnwrittenRefusals } from "../../src/audit/unwritten-refusals.ts";
import worker from "../../src/index.ts";
import { maintain } from "../../src/operations/maintenance.ts";
import { primarySession, Session } from "../../src/storage/session.ts";
import { sql } from "../../src/storage/sql.ts";
import { organizations } from "../../src/storage/tables.ts";
import { loggedIds, migrateDatabases } from "../databases.ts";
import { newLoginEvent } from "./made-events.ts";

let logged: Record<"warn" | "error", Mock>;
const lines = (level: "warn" | "error") => logged[level].mock.calls.map(([line]) => JSON.parse(line));

beforeAll(migrateDatabases);
beforeEach(async () => {
  logged = {
    warn: vi.spyOn(console, "warn").mockReturnValue(),
    error: vi.spyOn(console, "error").mockReturnValue(),
  };
  await env.AUDIT_DB.exec("DELETE FROM audit_events");
  await env.DB.exec("DELETE FROM audit_outbox");
});
afterEach(() => {
  vi.restoreAllMocks();
});

const day = 86_400_000;
const start = Date.parse("2026-11-24T03:04:57Z");
const at = (milliseconds: number) => new Date(start + milliseconds).toISOString();

const auditDb = primarySession(env.AUDIT_DB);

const down = {
  withSession: () => down,
  prepare() {
    throw new Error("the database is down");
  },
} as unknown as D1Database;

/** Every combination of the values of `choices`, each also without one of them. */
function combinations<T extends object>(choices: { [name in keyof T]: T[name] }): Partial<T>[] {
  let all: Partial<T>[] = [{}];
  for (const [name, value] of Object.entries(choices)) {
    all = all.flatMap((one) => [one, { ...one, [name]: value }]);
  }
  return all;
}

type Filter = Omit<EventsQuery, "limit" | "cursor">;

async function pagesOf(filter: Filter, limit: number): Promise<string[][]> {
  const pages: string[][] = [];
  for (let cursor: EventsQuery["cursor"]; ; ) {
    const { page, nextCursor } = await listEvents(auditDb, { ...filter, limit, cursor });
    pages.push(page.map(({ id }) => id));
    if (nextCursor === null) return pages;
    cursor = pageQuery().parse({ cursor: nextCursor }).cursor;
  }
}

describe("the list", () => {
  // Many events at one time, as in a burst of logins, unordered; of two roots, their organizations and identities.
  const events = Array.from({ length: 96 }, (_, index) => {
    const root = index % 2;
    return newLoginEvent({
      at: at(1000 * Math.floor(((index * 37) % 96) / 16)),
      rootOrganizationId: `root-${root}`,
      organizationId: `organization-${root}-${index % 3}`,
      identityId: index % 8 === 7 ? null : `identity-${root}-${index % 5}`,
    });
  });
  const matches = (event: OutgoingEvent, filter: Filter) =>
    (filter.rootOrganizationId ?? event.rootOrganizationId) === event.rootOrganizationId &&
    (filter.organizationId ?? event.organizationId) === event.organizationId &&
    (filter.identityId ?? event.identityId) === event.identityId &&
    (filter.from ?? "") <= event.at &&
    event.at < (filter.to ?? "~");
  const newestFirst = (one: OutgoingEvent, other: OutgoingEvent) =>
    one.at + one.id < other.at + other.id ? 1 : -1;

  // Both bounds are times of events.
  const filters = combinations<Filter>({
    rootOrganizationId: "root-1",
    organizationId: "organization-1-0",
    identityId: "identity-1-4",
    from: at(1000),
    to: at(4000),
  });

  beforeEach(() => writeEvents(auditDb, events));

  it.each(filters.map((filter) => [JSON.stringify(filter), filter]))(
    "with %s has the matching events, newest first, each once for any page size",
    async (_, filter) => {
      const fitting = events.filter((event) => matches(event, filter));
      const expected = fitting.sort(newestFirst).map(({ id }) => id);
      expect(expected.length).toBeGreaterThan(0);
      for (const limit of [1, 7, 100]) {
        const pages = await pagesOf(filter, limit);
        expect(pages.flat()).toEqual(expected);
        expect(pages).toHaveLength(Math.ceil(expected.length / limit));
      }
    },
  );

  it("includes its `from`, and excludes its `to`", async () => {
    const there = (filter: Filter) => pagesOf(filter, 100).then((pages) => pages.flat().length);
    expect(await there({ from: at(5000) })).toBe(16);
    expect(await there({ from: at(5001) })).toBe(0);
    expect(await there({ to: at(1) })).toBe(16);
    expect(await there({ to: at(0) })).toBe(0);
    expect(await there({ from: at(2000), to: at(2000) })).toBe(0);
  });

  it("has pages that later events do not shift", async () => {
    const { page, nextCursor } = await listEvents(auditDb, { limit: 50 });
    await writeEvents(auditDb, [newLoginEvent({ at: at(9000) })]);
    const { cursor } = pageQuery().parse({ cursor: nextCursor });
    const rest = await listEvents(auditDb, { limit: 50, cursor });
    expect([...page, ...rest.page].map(({ id }) => id).sort()).toEqual(events.map(({ id }) => id).sort());
  });

  it.each([
    ["identity-1-4", "root-1"],
    ["identity-0-2", "root-0"],
    ["identity-9", undefined],
  ])("finds that the root of %s's events is %s", async (identityId, root) => {
    expect(await rootOfEvents(auditDb, identityId)).toBe(root);
  });
});

describe("a page costs the same for any number of events", () => {
  const total = 1000;
  /** Events a hundredth of a second apart, all of one identity. */
  const fill = () =>
    env.AUDIT_DB.prepare(
      `INSERT INTO audit_events
       WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)
       SELECT printf('event-%06d', i), strftime('%Y-%m-%dT%H:%M:%fZ', ? + i * 0.01, 'unixepoch'), 'login', 'success',
         NULL, 'root', 'organization', 'identity', 'operator', NULL, NULL, 'req-1', '{}' FROM n`,
    )
      .bind(total, start / 1000)
      .run();
  beforeEach(fill);

  const indexes: [index: string, scope: Filter][] = [
    ["audit_events_by_time", {}],
    ["audit_events_by_root", { rootOrganizationId: "root" }],
    ["audit_events_by_organization", { organizationId: "organization" }],
    ["audit_events_by_identity", { identityId: "identity" }],
    ["audit_events_by_identity", { identityId: "identity", rootOrganizationId: "root" }],
    ["audit_events_by_identity_and_organization", { identityId: "identity", organizationId: "organization" }],
  ];
  const ranges = combinations<Pick<EventsQuery, "from" | "to" | "cursor">>({
    from: at(1000),
    to: at(9000),
    cursor: { createdAt: at(5000), id: "event-000500" },
  });
  const cases = indexes.flatMap(([index, scope]) =>
    ranges.map((range) => [index, JSON.stringify({ ...scope, ...range }), { ...scope, ...range }] as const),
  );

  /** AUDIT_DB, with a record of its prepared statements. */
  function watched() {
    const prepared: D1PreparedStatement[] = [];
    const explained: D1PreparedStatement[] = [];
    const session = {
      prepare: (sql: string) => ({
        bind(...values: unknown[]) {
          explained.push(env.AUDIT_DB.prepare(`EXPLAIN QUERY PLAN ${sql}`).bind(...values));
          const statement = env.AUDIT_DB.prepare(sql).bind(...values);
          prepared.push(statement);
          return statement;
        },
      }),
    } as unknown as D1DatabaseSession;
    return { auditDb: new Session(session, undefined), prepared, explained };
  }

  it.each(cases)("by %s for %s", async (index, _, query) => {
    const { auditDb, prepared, explained } = watched();
    const { page } = await listEvents(auditDb, { ...query, limit: 10 });
    expect(page).toHaveLength(10);
    expect(prepared).toHaveLength(1);

    const plan = await Promise.all(explained.map((statement) => statement.all<{ detail: string }>()));
    const details = plan.flatMap(({ results }) => results.map(({ detail }) => detail));
    const way = Object.keys(query).length === 0 ? "SCAN" : "SEARCH";
    expect(details).toEqual([
      expect.stringMatching(new RegExp(`^${way} audit_events USING INDEX ${index}( \\(|$)`)),
    ]);

    // Each event that is read counts twice: index and row.
    const rowsRead = await Promise.all(
      prepared.map(async (statement) => (await statement.all()).meta.rows_read),
    );
    expect(Math.max(...rowsRead)).toBeLessThanOrEqual(2 * 11);
  });
});

describe("a purge", () => {
  const old = (count: number, time: string) =>
    env.AUDIT_DB.prepare(
      `INSERT INTO audit_events
       WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
       SELECT 'old-' || i, ?, 'login', 'success', NULL, NULL, NULL, NULL, 'operator', NULL, NULL, 'req-1', '{}' FROM n`,
    )
      .bind(count, time)
      .run();

  it("removes events older than its bound and nothing else", async () => {
    const kept = [newLoginEvent({ at: at(0) }), newLoginEvent({ at: at(1) })];
    await writeEvents(auditDb, [newLoginEvent({ at: at(-1) }), ...kept, newLoginEvent({ at: at(-day) })]);
    await purgeEvents(auditDb, at(0));
    expect((await loggedIds()).sort()).toEqual(kept.map(({ id }) => id).sort());
  });

  it("removes as many as its time budget allows, the oldest first, and the next run continues", async () => {
    await old(12_500, at(-day));
    const younger = newLoginEvent({ at: at(-1) });
    const kept = newLoginEvent({ at: at(0) });
    await writeEvents(auditDb, [younger, kept]);
    // Five seconds pass between two reads of the clock: at the start, and before each thousand.
    let time = 0;
    await purgeEvents(auditDb, at(0), () => 5000 * time++);
    const left = await loggedIds();
    expect(left).toHaveLength(12_500 + 2 - 3000);
    expect(left).toContain(younger.id);
    await purgeEvents(auditDb, at(0), () => 0);
    expect(await loggedIds()).toEqual([kept.id]);
  });
});

const client = { reqId: "req-uV1PNuuRpSBs1f", ip: "192.0.2.1", userAgent: "curl/8" };
const operator: Caller = { kind: "operator", client };

async function waiting(): Promise<OutgoingEvent[]> {
  const { results } = await env.DB.prepare("SELECT event FROM audit_outbox").all<{ event: string }>();
  return results.map(({ event }) => JSON.parse(event));
}

describe("the record of a change", () => {
  const database = primarySession(env.DB);
  const input = { type: "organization.update", organizationId: "one", details: { name: "new" } } as const;
  const rename = (id: string) => organizations.update({ name: "new" }, sql`WHERE id = ${id}`);
  const nameOfOne = async () => (await database.first(organizations.select(sql`WHERE id = 'one'`)))?.name;
  const made = {
    ...{ slug: "one", parentId: null, rootId: "one", suspended: false },
    ...{ createdAt: at(0), updatedAt: at(0) },
  };

  beforeEach(async () => {
    await database.run(sql`DELETE FROM organizations`);
    await database.run(organizations.insert({ id: "one", name: "old", ...made }));
  });

  it.each<[string, Caller, string]>([
    ["the operator", operator, "operator"],
    [
      "an admin",
      { kind: "identity", identityId: "identity-1", role: "admin", organizationId: "one", client },
      "identity/identity-1",
    ],
  ])("of %s commits with it, and says who, from where and what", async (_, caller, actor) => {
    await database.batch([rename("one"), changeRecord(caller, input)]);
    expect(await nameOfOne()).toBe("new");
    expect(await waiting()).toEqual([
      {
        ...{ id: expect.any(String), at: expect.any(String), outcome: "success", reason: null, actor },
        ...{ rootOrganizationId: null, identityId: null, ...client, ...input },
      },
    ]);
  });

  it("does not exist if nothing changed", async () => {
    await database.batch([rename("none"), changeRecord(operator, input)]);
    expect(await waiting()).toEqual([]);
  });

  it("does not exist if nothing changed, though an earlier statement changed something", async () => {
    await database.batch([rename("one"), rename("none"), changeRecord(operator, input)]);
    expect(await waiting()).toEqual([]);
  });

  it("is rolled back with its batch, when a later statement fails", async () => {
    const taken = organizations.insert({ id: "two", name: "two", ...made });
    await expect(database.batch([rename("one"), changeRecord(operator, input), taken])).rejects.toThrow();
    expect(await nameOfOne()).toBe("old");
    expect(await waiting()).toEqual([]);
  });

  it("rolls the change back, when it cannot be written itself", async () => {
    await env.DB.exec(
      "CREATE TRIGGER full BEFORE INSERT ON audit_outbox BEGIN SELECT RAISE(ABORT, 'database is full'); END",
    );
    const change = database.batch([rename("one"), changeRecord(operator, input)]);
    await expect(change).rejects.toThrow();
    await env.DB.exec("DROP TRIGGER full");
    expect(await nameOfOne()).toBe("old");
  });

  it("can also be of an action that changes nothing in D1", async () => {
    await recordAction(database, operator, { type: "tenancy.purge-user", details: { userOcid: "alice" } });
    expect(await waiting()).toMatchObject([{ type: "tenancy.purge-user", details: { userOcid: "alice" } }]);
  });
});

describe("maintenance", () => {
  const holdBack = (event: OutgoingEvent) =>
    env.DB.prepare("INSERT INTO audit_outbox (id, event) VALUES (?, ?)")
      .bind(event.id, JSON.stringify(event))
      .run();

  it.each<[string, (now: number) => Promise<void>]>([
    ["by itself", (now) => maintain(env, now)],
    [
      "by the scheduled handler",
      async (now) => {
        const context = createExecutionContext();
        worker.scheduled(createScheduledController({ scheduledTime: now }), env, context);
        await waitOnExecutionContext(context);
      },
    ],
  ])("moves waiting events, and purges those past their retention of 90 days, %s", async (_, run) => {
    const [moved, kept, purged] = [
      newLoginEvent({ at: at(0) }),
      newLoginEvent({ at: at(-90 * day) }),
      newLoginEvent({ at: at(-90 * day - 1) }),
    ];
    await holdBack(moved);
    await writeEvents(auditDb, [kept, purged]);
    await run(start);
    expect((await loggedIds()).sort()).toEqual([moved.id, kept.id].sort());
    expect(await waiting()).toEqual([]);
  });

  it("follows AUDIT_RETENTION_DAYS", async () => {
    const [kept, purged] = [newLoginEvent({ at: at(-2 * day) }), newLoginEvent({ at: at(-2 * day - 1) })];
    await writeEvents(auditDb, [kept, purged]);
    await maintain({ ...env, AUDIT_RETENTION_DAYS: "2" }, start);
    expect(await loggedIds()).toEqual([kept.id]);
  });

  it.each<[string, object, problems: number]>([
    ["DB is down", { DB: down }, 1],
    ["AUDIT_DB is down", { AUDIT_DB: down }, 2],
    ["both are down", { DB: down, AUDIT_DB: down }, 2],
    ["AUDIT_DB is no binding", { AUDIT_DB: undefined }, 2],
    ["the Worker is misconfigured", { AUDIT_RETENTION_DAYS: "0" }, 1],
  ])("says so in the log and does not reject, when %s", async (_, replaced, problems) => {
    await holdBack(newLoginEvent());
    await maintain({ ...env, ...replaced } as typeof env, start);
    expect(lines("error")).toHaveLength(problems);
  });

  it("still purges when DB is down, and still moves when it is misconfigured", async () => {
    await writeEvents(auditDb, [newLoginEvent({ at: at(-91 * day) })]);
    await maintain({ ...env, DB: down }, start);
    expect(await loggedIds()).toEqual([]);
    const event = newLoginEvent({ at: at(0) });
    await holdBack(event);
    await maintain({ ...env, AUDIT_RETENTION_DAYS: "never" }, start);
    expect(await loggedIds()).toEqual([event.id]);
  });
});

describe("the event of a refusal", () => {
  const newRefusal = (about: Partial<OutgoingEvent> = {}) =>
    newLoginEvent({ outcome: "failure", reason: "signature-invalid", ...about });
  const address = (last: number) => `198.51.100.${last}`;
  const allowing = (success: boolean) => ({ limit: vi.fn(async () => ({ success })) });
  const limits = (more: Partial<Record<"REFUSAL_EVENTS" | "STRANGER_EVENTS", unknown>> = {}) =>
    ({ ...env, REFUSAL_EVENTS: allowing(true), STRANGER_EVENTS: allowing(true), ...more }) as typeof env;
  const gatherings: (() => void)[] = [];
  afterEach(() => {
    for (const end of gatherings.splice(0)) end();
  });
  /** Unwritten refusals are reported after a while; none of these tests waits for that. */
  const write = (events: readonly OutgoingEvent[], refused: Refused, bindings = env) => {
    vi.spyOn(scheduler, "wait").mockImplementation(
      () => new Promise((resolve) => void gatherings.push(resolve)),
    );
    return Promise.race([
      Promise.all(events.map((event) => writeRefusal(bindings, event, refused))),
      vi.waitFor(async () => {
        const written = new Set(await loggedIds());
        const inLog = new Set(lines("warn").map(({ event }) => event.id));
        for (const { id } of events) expect(written.has(id) || inLog.has(id)).toBe(true);
      }, 10_000),
    ]);
  };
  /** The test may span two minutes of the clock, but not more. */
  const expectPerMinute = (count: number, perMinute: number) => {
    expect(count).toBeGreaterThanOrEqual(perMinute);
    expect(count).toBeLessThanOrEqual(2 * perMinute);
  };

  it.each<[Refused, object]>([
    ["stranger", { REFUSAL_EVENTS: [[{ key: "strangers" }]], STRANGER_EVENTS: [[{ key: "192.0.2.1" }]] }],
    ["holder", { REFUSAL_EVENTS: [[{ key: "holder/identity-1" }]], STRANGER_EVENTS: [] }],
  ])("of a %s is written, and counts for the right limits", async (refused, counted) => {
    const event = newRefusal();
    const bindings = { REFUSAL_EVENTS: allowing(true), STRANGER_EVENTS: allowing(true) };
    await writeRefusal({ ...env, ...bindings }, event, refused);
    expect(await loggedIds()).toEqual([event.id]);
    const calls = Object.entries(bindings).map(([name, { limit }]) => [name, limit.mock.calls]);
    expect(Object.fromEntries(calls)).toEqual(counted);
    expect(lines("warn")).toEqual([]);
  });

  it("uses up none of all strangers' share, once its address is over its own", async () => {
    const REFUSAL_EVENTS = allowing(true);
    const event = newRefusal();
    await write([event], "stranger", limits({ REFUSAL_EVENTS, STRANGER_EVENTS: allowing(false) }));
    expect(REFUSAL_EVENTS.limit).not.toHaveBeenCalled();
    expect(await loggedIds()).toEqual([]);
    expect(lines("warn")).toEqual([expect.objectContaining({ level: "warn", event })]);
  });

  it.each<[string, object]>([
    ["AUDIT_DB is down", { AUDIT_DB: down }],
    ["a limit does not answer", { REFUSAL_EVENTS: { limit: () => Promise.reject(new Error("down")) } }],
  ])("is in the log, with the problem, when %s", async (_, replaced) => {
    const event = newRefusal();
    await writeRefusal({ ...limits(), ...replaced }, event, "stranger");
    expect(await loggedIds()).toEqual([]);
    expect(lines("error")).toEqual([
      expect.objectContaining({ error: expect.stringContaining("down"), event }),
    ]);
  });

  it("of strangers at one address is written 6 times a minute, for all identities together", async () => {
    const events = Array.from({ length: 40 }, (_, index) =>
      newRefusal({ ip: address(1), identityId: `identity-${index % 20}` }),
    );
    await write(events, "stranger");
    expectPerMinute((await loggedIds()).length, 6);
  });

  it("of all strangers together is written 60 times a minute, which limits no holder", async () => {
    const events = Array.from({ length: 200 }, (_, index) =>
      newRefusal({ ip: address(10 + (index % 100)), identityId: `identity-${index % 20}` }),
    );
    await write(events, "stranger");
    // Those of the previous test are strangers too.
    const written = await loggedIds();
    expect(written.length).toBeGreaterThanOrEqual(48);
    expect(written.length).toBeLessThanOrEqual(120);

    const held = newRefusal({ ip: address(10), identityId: "identity-1" });
    await write([held], "holder");
    expect(await loggedIds()).toContain(held.id);
  });

  it("of an identity's holders is written 60 times a minute, which limits no other identity", async () => {
    await write(
      Array.from({ length: 150 }, () => newRefusal({ identityId: "flooded" })),
      "holder",
    );
    expectPerMinute((await loggedIds()).length, 60);
    const another = newRefusal({ identityId: "another" });
    await write([another], "holder");
    expect(await loggedIds()).toContain(another.id);
  });

  it("has at most 1 KB for a stranger, whatever was sent, and all of an ordinary event", async () => {
    const ocid = (type: string, length: number) => `ocid1.${type}.oc1..`.padEnd(length, "a");
    const refusal = (length: number, text: (length: number) => string) =>
      newRefusal({
        reason: "sub-organization-not-authorized",
        organizationId: crypto.randomUUID(),
        rootOrganizationId: crypto.randomUUID(),
        identityId: crypto.randomUUID(),
        actor: `oci/${ocid("user", length)}`,
        ip: "2001:0db8:1111:2222:3333:4444:255.255.255.255",
        userAgent: text(256),
        details: {
          tenancyOcid: ocid("tenancy", length),
          userOcid: ocid("user", length),
          fingerprint: "aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99",
          username: text(512),
          keySource: "stale",
        },
      });
    const long = refusal(255, (length) => "界".repeat(length));
    const ordinary = refusal(79, (length) => "alice@example.com".slice(0, length));
    await write([long, ordinary], "stranger", limits());
    const { results } = await env.AUDIT_DB.prepare("SELECT * FROM audit_events").all();
    const sizes = results.map((row) =>
      Object.values(row).reduce<number>(
        (sum, value) => sum + new TextEncoder().encode(String(value)).length,
        0,
      ),
    );
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1024);
    const { rootOrganizationId: _root, ...listed } = ordinary;
    expect((await listEvents(auditDb, { limit: 10 })).page).toContainEqual(listed);
  });

  it("is complete for a holder", async () => {
    const event = newRefusal({ userAgent: "x".repeat(256), details: { username: "y".repeat(512) } });
    await write([event], "holder");
    const { rootOrganizationId: _root, ...listed } = event;
    expect((await listEvents(auditDb, { limit: 1 })).page).toEqual([listed]);
  });
});

describe("refusals that are not written", () => {
  const start = Date.parse("2100-01-01T00:00:00Z");
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["Date"], now: start });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("are counted, and reported in at most one event a minute, without an organization", async () => {
    const gatherings: (() => void)[] = [];
    const reported: OutgoingEvent[] = [];
    const unwritten = new UnwrittenRefusals(() => new Promise((resolve) => gatherings.push(resolve)));
    const count = (refused: Refused, event = newLoginEvent()) =>
      unwritten.count(refused, event, async (each) => void reported.push(each));
    const pass = async (seconds: number) => {
      vi.setSystemTime(Date.now() + seconds * 1000);
      for (const end of gatherings.splice(0)) end();
      await Promise.resolve();
    };

    const first = newLoginEvent({ reqId: "req-of-the-first-1" });
    void count("stranger", first);
    for (let more = 0; more < 4999; more++) void count("stranger");
    void count("holder");
    expect(gatherings).toHaveLength(1);
    expect(reported).toEqual([]);
    await pass(20);
    expect(reported).toMatchObject([
      {
        type: "refusals.unwritten",
        actor: "worker",
        organizationId: null,
        rootOrganizationId: null,
        identityId: null,
        ip: null,
        reqId: "req-of-the-first-1",
        details: { stranger: 5000, holder: 1, since: first.at },
      },
    ]);

    // In the same minute they are only counted, and reported with later ones.
    for (let second = 0; second < 39; second++) {
      void count("stranger");
      await pass(1);
    }
    expect(reported).toHaveLength(1);
    await pass(1);
    void count("stranger");
    await pass(20);
    expect(reported).toHaveLength(2);
    expect(reported[1]).toMatchObject({ details: { stranger: 40, holder: 0 } });
  });

  it("are reported in the audit log by the Worker", async () => {
    vi.spyOn(scheduler, "wait").mockResolvedValue();
    const refusing = { limit: async () => ({ success: false }) };
    const bindings = { ...env, REFUSAL_EVENTS: refusing, STRANGER_EVENTS: refusing };
    vi.setSystemTime(start + 3_600_000);
    await writeRefusal(bindings, newLoginEvent({ outcome: "failure" }), "stranger");
    expect((await listEvents(auditDb, { limit: 5 })).page).toMatchObject([
      { type: "refusals.unwritten", outcome: "success", details: { stranger: expect.any(Number) } },
    ]);
  });
});
