/**
 * Moves events from an outbox to AUDIT_DB: at least once each, and by their ids exactly once in the log. It may be run
 * twice, or end anywhere: an event leaves its outbox only after it is in the log.
 */
import { within } from "../time-limit.ts";
import type { OutgoingEvent } from "./event.ts";

export interface Outbox {
  /** The next events, at most `limit`. */
  peek(limit: number): OutgoingEvent[] | Promise<OutgoingEvent[]>;
  remove(ids: readonly string[]): void | Promise<void>;
}

/** An event is at most a few KB, and a bound value at most 2 MB. */
const batchSize = 100;

const insert = `
  INSERT OR IGNORE INTO audit_events
    (id, at, type, outcome, reason, root_organization_id, organization_id, identity_id, actor, ip, user_agent, req_id, details)
  SELECT value ->> 'id', value ->> 'at', value ->> 'type', value ->> 'outcome', value ->> 'reason',
    value ->> 'rootOrganizationId', value ->> 'organizationId', value ->> 'identityId', value ->> 'actor',
    value ->> 'ip', value ->> 'userAgent', value ->> 'reqId', value -> 'details'
  FROM json_each(?)`;

/** A write that is given up may still arrive: by their ids, its events are in the log once. */
const maxWriteMilliseconds = 5000;

/** Rejects if AUDIT_DB cannot be written, or does not answer: a mover that waits for ever moves nothing any more. */
export async function writeEvents(auditDb: D1Database, events: readonly OutgoingEvent[]): Promise<void> {
  await within(maxWriteMilliseconds, auditDb.prepare(insert).bind(JSON.stringify(events)).run());
}

/** Empties the outbox. Rejects, with the rest left where it is, if AUDIT_DB or the outbox fails. */
export async function moveEvents(outbox: Outbox, auditDb: D1Database): Promise<void> {
  for (;;) {
    const events = await outbox.peek(batchSize);
    if (events.length === 0) return;
    await writeEvents(auditDb, events);
    await outbox.remove(events.map(({ id }) => id));
  }
}
