/** The outbox of changes through the admin API: in D1, beside what they change. */
import { sql } from "drizzle-orm";
import { sqliteTable, text } from "drizzle-orm/sqlite-core";
import { createMiddleware } from "hono/factory";
import { actorOf, type Caller } from "../http/caller.ts";
import type { AppEnv } from "../http/route.ts";
import type { Database } from "../identities/database.ts";
import { log } from "../log.ts";
import { type Happening, newEvent } from "./event.ts";
import { moveEvents, type Outbox } from "./mover.ts";

const auditOutbox = sqliteTable("audit_outbox", {
  id: text("id").primaryKey(),
  event: text("event").notNull(),
});

/**
 * The statement that records a change, for the `batch` of that change and right after it: it records nothing if the
 * statement before it changed nothing.
 */
export function changeRecord(database: Database, caller: Caller, happening: Omit<Happening, "actor">) {
  const event = newEvent(caller.origin, { ...happening, actor: actorOf(caller) });
  return database
    .insert(auditOutbox)
    .select(sql`SELECT ${event.id}, ${JSON.stringify(event)} WHERE changes() > 0`);
}

/** Records what changes nothing in D1, before it is done. */
export async function recordAction(
  database: Database,
  caller: Caller,
  happening: Omit<Happening, "actor">,
): Promise<void> {
  const event = newEvent(caller.origin, { ...happening, actor: actorOf(caller) });
  await database.insert(auditOutbox).values({ id: event.id, event: JSON.stringify(event) });
}

function outboxOf(db: D1Database): Outbox {
  return {
    async peek(limit, now) {
      const { results } = await db
        .prepare(
          "SELECT id, event, retry_at FROM audit_outbox WHERE retry_at IS NULL OR retry_at <= ? ORDER BY rowid LIMIT ?",
        )
        .bind(now, limit)
        .all<{ id: string; event: string; retry_at: number | null }>();
      return results.map(({ id, event, retry_at }) => ({ id, event, wasSetAside: retry_at !== null }));
    },
    async remove(ids) {
      await db
        .prepare("DELETE FROM audit_outbox WHERE id IN (SELECT value FROM json_each(?))")
        .bind(JSON.stringify(ids))
        .run();
    },
    async setAside(id, until) {
      await db.prepare("UPDATE audit_outbox SET retry_at = ? WHERE id = ?").bind(until, id).run();
    },
  };
}

/** Never rejects: what cannot be moved now waits for the next change, or the scheduled handler. */
export async function moveChanges(env: { DB: D1Database; AUDIT_DB: D1Database }, now: number): Promise<void> {
  try {
    await moveEvents(outboxOf(env.DB), env.AUDIT_DB, now);
  } catch (error) {
    log("error", { message: "the events of changes cannot be moved; they wait", error: String(error) });
  }
}

/** Moves the event of a change on, after the answer. */
export const movesChanges = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  if (c.req.method !== "GET" && c.res.ok) c.executionCtx.waitUntil(moveChanges(c.env, Date.now()));
});
