import { log } from "../log.ts";
import type { OutgoingEvent } from "./event.ts";
import { writeEvents } from "./mover.ts";

/**
 * Writes the event of a refusal, which changed nothing and so has no outbox: at most 60 a minute for an identity and
 * location, since an anonymous caller must not be able to fill a database. Beyond, and if it cannot be written, the
 * log has it. Never rejects.
 */
export async function writeRefusal(
  env: { AUDIT_DB: D1Database; REFUSAL_EVENTS: RateLimit },
  event: OutgoingEvent,
): Promise<void> {
  try {
    const { success } = await env.REFUSAL_EVENTS.limit({ key: event.identityId ?? "" });
    if (success) return await writeEvents(env.AUDIT_DB, [event]);
    log("warn", { message: "a refusal beyond those that are written", event });
  } catch (error) {
    log("error", { message: "a refusal cannot be written", error: String(error), event });
  }
}
