import type { Reason } from "../http/refusal.ts";
import { log } from "../log.ts";
import type { OutgoingEvent } from "./event.ts";
import { writeEvents } from "./mover.ts";

/** Why a login is refused to whoever has shown no signature of the user: anyone can cause these, and many of them. */
const toStrangers: ReadonlySet<string | null> = new Set<Reason>([
  "another-tenancy",
  "another-realm",
  "key-unknown",
  "user-unknown",
  "user-inactive",
  "over-budget",
  "oci-unavailable",
  "signature-invalid",
]);

/** Strangers have a share of their own, so that they cannot hide what the holder of a signature or token tried. */
function shareOf({ type, reason, identityId }: OutgoingEvent): string {
  const stranger = type === "login" && toStrangers.has(reason);
  return `${identityId ?? ""}${stranger ? "" : "/known"}`;
}

/**
 * Writes the event of a refusal, which changed nothing and so has no outbox: at most 60 a minute for an identity and
 * location to strangers, who must not be able to fill a database, and as many to others. Beyond, and if it cannot be
 * written, the log has it. Never rejects.
 */
export async function writeRefusal(
  env: { AUDIT_DB: D1Database; REFUSAL_EVENTS: RateLimit },
  event: OutgoingEvent,
): Promise<void> {
  try {
    const { success } = await env.REFUSAL_EVENTS.limit({ key: shareOf(event) });
    if (success) return await writeEvents(env.AUDIT_DB, [event]);
    log("warn", { message: "a refusal beyond those that are written", event });
  } catch (error) {
    log("error", { message: "a refusal cannot be written", error: String(error), event });
  }
}
