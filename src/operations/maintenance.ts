import { forgetAcceptedEvents, purgeEvents } from "../audit/events.ts";
import { moveChanges } from "../audit/outbox.ts";
import { configOf, type Env } from "../env.ts";
import { log } from "../log.ts";
import { primarySession } from "../storage/session.ts";

const dayMilliseconds = 86_400_000;

/** Moves the waiting events of changes, and purges events past their retention. Never rejects. */
export async function maintain(env: Env, now: number): Promise<void> {
  await moveChanges(env, now);
  try {
    const auditDb = primarySession(env.AUDIT_DB);
    await forgetAcceptedEvents(auditDb);
    const { auditRetentionDays } = await configOf(env);
    const before = new Date(now - auditRetentionDays * dayMilliseconds).toISOString();
    await purgeEvents(auditDb, before);
  } catch (error) {
    log("error", { message: "old events cannot be purged; the next run tries again", error: String(error) });
  }
}
