/** Reading and purging the audit log. Each way of listing has an index of its own, and names it. */
import { type Position, pageOf } from "../http/pages.ts";
import type { AuditEvent } from "./event.ts";

export interface EventsQuery {
  readonly rootOrganizationId?: string | undefined;
  readonly organizationId?: string | undefined;
  readonly identityId?: string | undefined;
  /** ISO 8601 in UTC with milliseconds; from included, to excluded. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly cursor?: Position | undefined;
  readonly limit: number;
}

interface Row {
  id: string;
  at: string;
  type: AuditEvent["type"];
  outcome: AuditEvent["outcome"];
  reason: string | null;
  organization_id: string | null;
  identity_id: string | null;
  actor: string;
  ip: string | null;
  user_agent: string | null;
  req_id: string;
  details: string;
}

function indexFor({ rootOrganizationId, organizationId, identityId }: EventsQuery): string {
  if (identityId !== undefined) {
    return organizationId === undefined ? "by_identity" : "by_identity_and_organization";
  }
  if (organizationId !== undefined) return "by_organization";
  return rootOrganizationId === undefined ? "by_time" : "by_root";
}

/** Newest first. A page costs the same however many events there are. */
export async function listEvents(auditDb: D1Database, query: EventsQuery) {
  // One upper bound, the nearer of the two: with both, SQLite would search by the one and read up to the other.
  const to = query.to === undefined ? undefined : { createdAt: query.to, id: "" };
  const before =
    to && query.cursor && to.createdAt > query.cursor.createdAt ? query.cursor : (to ?? query.cursor);
  const conditions: [sql: string, ...values: (string | undefined)[]][] = [
    ["root_organization_id = ?", query.rootOrganizationId],
    ["organization_id = ?", query.organizationId],
    ["identity_id = ?", query.identityId],
    ["at >= ?", query.from],
    ["(at, id) < (?, ?)", before?.createdAt, before?.id],
  ];
  const given = conditions.filter(([, value]) => value !== undefined);
  const where = given.length === 0 ? "" : `WHERE ${given.map(([sql]) => sql).join(" AND ")}`;
  const { results } = await auditDb
    .prepare(
      `SELECT * FROM audit_events INDEXED BY audit_events_${indexFor(query)} ${where}
       ORDER BY at DESC, id DESC LIMIT ?`,
    )
    .bind(...given.flatMap(([, ...values]) => values), query.limit + 1)
    .all<Row>();
  const { page, nextCursor } = pageOf(results, query.limit, ({ at, id }) => ({ createdAt: at, id }));
  return { page: page.map(eventOf), nextCursor };
}

/** The root organization of an identity's events; undefined if it has none. */
export async function rootOfEvents(auditDb: D1Database, identityId: string): Promise<string | undefined> {
  const row = await auditDb
    .prepare(
      "SELECT root_organization_id AS root FROM audit_events INDEXED BY audit_events_by_identity WHERE identity_id = ? LIMIT 1",
    )
    .bind(identityId)
    .first<{ root: string | null }>();
  return row?.root ?? undefined;
}

function eventOf(row: Row): AuditEvent {
  return {
    id: row.id,
    at: row.at,
    type: row.type,
    outcome: row.outcome,
    reason: row.reason,
    organizationId: row.organization_id,
    identityId: row.identity_id,
    actor: row.actor,
    ip: row.ip,
    userAgent: row.user_agent,
    reqId: row.req_id,
    details: JSON.parse(row.details),
  };
}

const purgeBatchSize = 1000;

/** A run has a minute until the next; in this time it purges some 290,000 events (bench/README.md). */
const purgeBudgetMilliseconds = 20_000;

/** An invocation may make 1000 calls to D1, and moves events too. */
const maxPurgeBatches = 500;

/**
 * Purges events from before `before` (ISO 8601), the oldest first, for as long as its budget of time lasts; the next run
 * goes on. `clock` in milliseconds.
 */
export async function purgeEvents(auditDb: D1Database, before: string, clock = Date.now): Promise<void> {
  const end = clock() + purgeBudgetMilliseconds;
  for (let batch = 0; batch < maxPurgeBatches && clock() < end; batch++) {
    const { meta } = await auditDb
      .prepare(
        `DELETE FROM audit_events WHERE id IN
           (SELECT id FROM audit_events INDEXED BY audit_events_by_time WHERE at < ? ORDER BY at LIMIT ?)`,
      )
      .bind(before, purgeBatchSize)
      .run();
    if (meta.changes < purgeBatchSize) return;
  }
}

/** Forgets that the log refused events that it has accepted since. */
export async function forgetAcceptedEvents(auditDb: D1Database): Promise<void> {
  await auditDb.prepare("DELETE FROM refused_events WHERE id IN (SELECT id FROM audit_events)").run();
}
