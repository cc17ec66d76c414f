/** The outbox of changes through the admin API. It is in D1, beside the changed rows. */
import { actorOf, type Caller } from "../access/caller.ts";
import { log } from "../log.ts";
import { primarySession, type Session } from "../storage/session.ts";
import { type Sql, sql } from "../storage/sql.ts";
import { type EventInput, newEvent } from "./event.ts";
import { moveEvents, type Outbox } from "./mover.ts";

function record(caller: Caller, input: Omit<EventInput, "actor">, condition: Sql): Sql {
  const event = newEvent(caller.client, { ...input, actor: actorOf(caller) });
  return sql`INSERT INTO audit_outbox (id, event) SELECT ${event.id}, ${JSON.stringify(event)} WHERE ${condition}`;
}

/**
 * The statement that records a change. It goes into the `batch` of the change, right after it: it records nothing if
 * the statement before it changed nothing.
 */
export function changeRecord(caller: Caller, input: Omit<EventInput, "actor">): Sql {
  return record(caller, input, sql`changes() > 0`);
}

/** Records an action that changes nothing in D1, before the action. */
export async function recordAction(
  database: Session,
  caller: Caller,
  input: Omit<EventInput, "actor">,
): Promise<void> {
  await database.run(record(caller, input, sql`TRUE`));
}

function outboxOf(database: Session): Outbox {
  return {
    peek: (limit, now) =>
      database.all(
        sql`SELECT id, event, retry_at FROM audit_outbox
          WHERE retry_at IS NULL OR retry_at <= ${now} ORDER BY rowid LIMIT ${limit}`.as((row) => ({
          id: String(row.id),
          event: String(row.event),
          wasSetAside: row.retry_at !== null,
        })),
      ),
    async remove(ids) {
      await database.run(
        sql`DELETE FROM audit_outbox WHERE id IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`,
      );
    },
    async setAside(id, until) {
      await database.run(sql`UPDATE audit_outbox SET retry_at = ${until} WHERE id = ${id}`);
    },
  };
}

/** Never rejects: events that cannot be moved now wait for the next change, or the scheduled handler. */
export async function moveChanges(env: { DB: D1Database; AUDIT_DB: D1Database }, now: number): Promise<void> {
  try {
    await moveEvents(outboxOf(primarySession(env.DB)), primarySession(env.AUDIT_DB), now);
  } catch (error) {
    log("error", { message: "the events of changes cannot be moved; they wait", error: String(error) });
  }
}
