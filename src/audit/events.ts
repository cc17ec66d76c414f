/** Reads and purges the audit log. Each kind of list has an index of its own, and names it. */
import { type PageQuery, pageOf } from "../storage/pages.ts";
import type { Session } from "../storage/session.ts";
import { type Sql, sql } from "../storage/sql.ts";
import { type AuditEvent, auditEvents } from "./event.ts";

export interface EventsQuery extends PageQuery {
  readonly rootOrganizationId?: string | undefined;
  readonly organizationId?: string | undefined;
  readonly identityId?: string | undefined;
  /** ISO 8601 in UTC with milliseconds; `from` is included, `to` is not. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

function indexFor({ rootOrganizationId, organizationId, identityId }: EventsQuery): Sql {
  if (identityId !== undefined) {
    return organizationId === undefined
      ? sql`audit_events_by_identity`
      : sql`audit_events_by_identity_and_organization`;
  }
  if (organizationId !== undefined) return sql`audit_events_by_organization`;
  return rootOrganizationId === undefined ? sql`audit_events_by_time` : sql`audit_events_by_root`;
}

/** Newest first. The cost of a page does not depend on the number of events. */
export async function listEvents(auditDb: Session, query: EventsQuery) {
  const { rootOrganizationId, organizationId, identityId, from, cursor, limit } = query;
  // Only the earlier of two upper bounds: with both, SQLite would search by the one and read up to the other.
  const to = query.to === undefined ? undefined : { createdAt: query.to, id: "" };
  const before = to && cursor && to.createdAt > cursor.createdAt ? cursor : (to ?? cursor);
  const conditions = [
    rootOrganizationId !== undefined && sql`root_organization_id = ${rootOrganizationId}`,
    organizationId !== undefined && sql`organization_id = ${organizationId}`,
    identityId !== undefined && sql`identity_id = ${identityId}`,
    from !== undefined && sql`at >= ${from}`,
    before !== undefined && sql`(at, id) < (${before.createdAt}, ${before.id})`,
  ];
  const where = conditions
    .filter((condition) => condition !== false)
    .reduce((all, condition) => sql`${all} AND ${condition}`, sql`WHERE TRUE`);
  const rows = await auditDb.all(
    auditEvents.select(
      sql`INDEXED BY ${indexFor(query)} ${where} ORDER BY at DESC, id DESC LIMIT ${limit + 1}`,
    ),
  );
  const { page, nextCursor } = pageOf(rows, limit, ({ at, id }) => ({ createdAt: at, id }));
  return { page: page.map(({ rootOrganizationId: _, ...event }): AuditEvent => event), nextCursor };
}

/** The root organization of an identity's events; undefined if there is none. */
export async function rootOfEvents(auditDb: Session, identityId: string): Promise<string | undefined> {
  const event = await auditDb.first(
    sql<{ root: string | null }>`
      SELECT root_organization_id AS root FROM audit_events INDEXED BY audit_events_by_identity
      WHERE identity_id = ${identityId} LIMIT 1`,
  );
  return event?.root ?? undefined;
}

const purgeBatchSize = 1000;

/** The next run starts a minute later. A run of this length purges some 290,000 events (bench/README.md). */
const purgeBudgetMilliseconds = 20_000;

/** An invocation may make 1000 calls to D1, and moves events too. */
const maxPurgeBatches = 500;

/**
 * Purges events older than `before` (ISO 8601), the oldest first, until the time budget is used up; the next run
 * continues. `clock` returns milliseconds.
 */
export async function purgeEvents(auditDb: Session, before: string, clock = Date.now): Promise<void> {
  const end = clock() + purgeBudgetMilliseconds;
  for (let batch = 0; batch < maxPurgeBatches && clock() < end; batch++) {
    const { meta } = await auditDb.run(
      sql`DELETE FROM audit_events WHERE id IN
        (SELECT id FROM audit_events INDEXED BY audit_events_by_time WHERE at < ${before} ORDER BY at LIMIT ${purgeBatchSize})`,
    );
    if (meta.changes < purgeBatchSize) return;
  }
}

/** Deletes the notes of refused events that the log has accepted since. */
export async function forgetAcceptedEvents(auditDb: Session): Promise<void> {
  await auditDb.run(sql`DELETE FROM refused_events WHERE id IN (SELECT id FROM audit_events)`);
}
