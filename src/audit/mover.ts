/**
 * Moves events from an outbox to AUDIT_DB. Each is written at least once, and by its id it is in the log exactly once.
 * A run may be repeated, or end at any point: an event leaves its outbox only after it is in the log. An event that the
 * log refuses stays in its outbox, set aside, and delays no other.
 */
import { log } from "../log.ts";
import type { Session } from "../storage/session.ts";
import { sql } from "../storage/sql.ts";
import { withTimeout } from "../timeout.ts";
import type { OutgoingEvent } from "./event.ts";

export interface WaitingEvent {
  readonly id: string;
  /** JSON of an {@link OutgoingEvent}. */
  readonly event: string;
  /** The log refused it before. */
  readonly wasSetAside: boolean;
}

export interface Outbox {
  /** The next events, at most `limit`, without those that are set aside until after `now` (milliseconds). */
  peek(limit: number, now: number): WaitingEvent[] | Promise<WaitingEvent[]>;
  remove(ids: readonly string[]): void | Promise<void>;
  setAside(id: string, until: number): void | Promise<void>;
}

/** An event is at most a few KB, and a bound value at most 2 MB. */
const batchSize = 100;

/** Batches of one run. An invocation may make 1000 calls to D1, and a batch makes three. */
const maxBatches = 100;

/** How long a refused event is set aside. The refusal is a fault of ours, which a later release may fix. */
const setAsideMilliseconds = 3_600_000;

// Only a repeated id is ignored: `OR IGNORE` would ignore broken constraints too. Without the WHERE, SQLite would read
// ON as a part of the join.
const insertion = sql`
  INSERT INTO audit_events
    (id, at, type, outcome, reason, root_organization_id, organization_id, identity_id, actor, ip, user_agent, req_id, details)
  SELECT value ->> 'id', value ->> 'at', value ->> 'type', value ->> 'outcome', value ->> 'reason',
    value ->> 'rootOrganizationId', value ->> 'organizationId', value ->> 'identityId', value ->> 'actor',
    value ->> 'ip', value ->> 'userAgent', value ->> 'reqId', value -> 'details'
  FROM json_each(?1) WHERE true
  ON CONFLICT (id) DO NOTHING`;

/** A write may still arrive after its timeout. Its events are in the log once, by their ids. */
const maxWriteMilliseconds = 5000;

async function insertEvents(auditDb: Session, events: readonly string[]): Promise<void> {
  await withTimeout(maxWriteMilliseconds, auditDb.run(insertion.bind(`[${events.join(",")}]`)));
}

/** Rejects if AUDIT_DB cannot be written, or does not answer in time: a mover that waits for ever moves nothing. */
export function writeEvents(auditDb: Session, events: readonly OutgoingEvent[]): Promise<void> {
  return insertEvents(
    auditDb,
    events.map((event) => JSON.stringify(event)),
  );
}

/** SQLite's errors when its input is at fault, and not the database. */
const refusedByTheLog = /constraint failed|malformed JSON|too big/i;

interface RefusedEvent extends WaitingEvent {
  readonly problem: string;
}

/** Writes the events that the log accepts, and returns those that it refuses. Rejects if AUDIT_DB cannot be written. */
async function writeAccepted(auditDb: Session, events: readonly WaitingEvent[]): Promise<RefusedEvent[]> {
  try {
    await insertEvents(
      auditDb,
      events.map(({ event }) => event),
    );
    return [];
  } catch (error) {
    const problem = String(error);
    if (!refusedByTheLog.test(problem)) throw error;
    const [first] = events;
    if (first !== undefined && events.length === 1) return [{ ...first, problem }];
    const middle = Math.ceil(events.length / 2);
    return [
      ...(await writeAccepted(auditDb, events.slice(0, middle))),
      ...(await writeAccepted(auditDb, events.slice(middle))),
    ];
  }
}

/** Notes the event in AUDIT_DB first, so that `GET /ready` counts the refused events of every ledger. */
async function setAside(
  outbox: Outbox,
  auditDb: Session,
  { id, problem, wasSetAside }: RefusedEvent,
  now: number,
): Promise<void> {
  const note = sql`INSERT INTO refused_events (id, refused_at, problem)
    VALUES (${id}, ${new Date(now).toISOString()}, ${problem}) ON CONFLICT (id) DO NOTHING`;
  await withTimeout(maxWriteMilliseconds, auditDb.run(note));
  await outbox.setAside(id, now + setAsideMilliseconds);
  if (!wasSetAside) {
    log("error", { message: "the audit log refuses an event; it stays in its outbox", id, error: problem });
  }
}

/**
 * Empties the outbox, or moves 10,000 events; the next run continues. Rejects if AUDIT_DB or the outbox fails; the
 * remaining events stay in the outbox. `now` is in milliseconds since the epoch.
 */
export async function moveEvents(outbox: Outbox, auditDb: Session, now: number): Promise<void> {
  for (let batch = 0; batch < maxBatches; batch++) {
    const events = await outbox.peek(batchSize, now);
    if (events.length === 0) return;
    const refused = await writeAccepted(auditDb, events);
    for (const each of refused) await setAside(outbox, auditDb, each, now);
    const refusedIds = new Set(refused.map(({ id }) => id));
    const written = events.map(({ id }) => id).filter((id) => !refusedIds.has(id));
    if (written.length > 0) await outbox.remove(written);
  }
}
