import { log } from "../log.ts";
import type { OutgoingEvent } from "./event.ts";
import { writeEvents } from "./mover.ts";

/**
 * Who was refused: the holder of a token, or of a signature that a user's key verifies; or anyone. Strangers have a
 * share of their own, so that they cannot hide what a holder tried.
 */
export type Refused = "holder" | "stranger";

/**
 * Writes the event of a refusal, which changed nothing and so has no outbox: at most 60 a minute for an identity and
 * location to strangers, who must not be able to fill a database, and as many to holders. Beyond, and if it cannot be
 * written, the log has it. Never rejects.
 */
export async function writeRefusal(
  env: { AUDIT_DB: D1Database; REFUSAL_EVENTS: RateLimit },
  event: OutgoingEvent,
  refused: Refused,
): Promise<void> {
  try {
    const { success } = await env.REFUSAL_EVENTS.limit({ key: `${refused}/${event.identityId}` });
    if (success) return await writeEvents(env.AUDIT_DB, [event]);
    log("warn", { message: "a refusal beyond those that are written", event });
  } catch (error) {
    log("error", { message: "a refusal cannot be written", error: String(error), event });
  }
}
