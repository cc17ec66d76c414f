/**
 * The events of refusals. A refusal changed nothing and so has no outbox: its event is written after the answer, if
 * whoever was refused may still spend the log's space.
 */
import { addressKey } from "../access/address.ts";
import { log } from "../log.ts";
import { primarySession } from "../storage/session.ts";
import type { OutgoingEvent } from "./event.ts";
import { writeEvents } from "./mover.ts";
import { UnwrittenRefusals } from "./unwritten-refusals.ts";

/**
 * Who was refused: the holder of a token, or of a signature that a user's key verifies; or anyone, who knows an
 * identity's id at best. Strangers have a share of their own, so that they cannot hide what a holder tried.
 */
export type Refused = "holder" | "stranger";

export interface RefusalLimits {
  /** 60 a minute: of one identity's holders, and of all strangers. */
  readonly REFUSAL_EVENTS: RateLimit;
  /** 6 a minute: of strangers at one address. */
  readonly STRANGER_EVENTS: RateLimit;
}

/** Limits are counted for each Cloudflare location (http/rate-limit.ts). */
async function mayBeWritten(limits: RefusalLimits, { ip, identityId }: OutgoingEvent, refused: Refused) {
  const counts = async (limit: RateLimit, key: string) => (await limit.limit({ key })).success;
  if (refused === "holder") return counts(limits.REFUSAL_EVENTS, `holder/${identityId}`);
  // The narrower share first: an address that is over its own uses up nothing of the others'.
  return (
    (await counts(limits.STRANGER_EVENTS, addressKey(ip ?? ""))) &&
    (await counts(limits.REFUSAL_EVENTS, "strangers"))
  );
}

/** An OCID has 79 characters today, and may have 255. */
const maxOcidLength = 96;
const maxTextLength = 48;

const cut = (text: string, length: number) => (text.length > length ? `${text.slice(0, length)}…` : text);

/** What is kept of a stranger's event: 1 KB at most, and all of it where nothing is longer than it needs to be. */
function shortened(event: OutgoingEvent): OutgoingEvent {
  const short = (name: string, value: unknown) =>
    typeof value === "string" ? cut(value, name.endsWith("Ocid") ? maxOcidLength : maxTextLength) : value;
  return {
    ...event,
    actor: cut(event.actor, maxOcidLength),
    userAgent: event.userAgent === null ? null : cut(event.userAgent, maxTextLength),
    details: Object.fromEntries(
      Object.entries(event.details).map(([name, value]) => [name, short(name, value)]),
    ),
  };
}

const unwritten = new UnwrittenRefusals();

/**
 * Writes the event of a refusal, within the shares of holders and strangers. What is beyond them is counted and told in
 * an event of its own; that, and what cannot be written, is in the Worker's log. Never rejects.
 */
export async function writeRefusal(
  env: { AUDIT_DB: D1Database } & RefusalLimits,
  event: OutgoingEvent,
  refused: Refused,
): Promise<void> {
  const write = (written: OutgoingEvent) => writeEvents(primarySession(env.AUDIT_DB), [written]);
  try {
    if (await mayBeWritten(env, event, refused)) {
      return await write(refused === "stranger" ? shortened(event) : event);
    }
    log("warn", { message: "a refusal beyond those that are written", event });
  } catch (error) {
    return log("error", { message: "a refusal cannot be written", error: String(error), event });
  }
  await unwritten.count(refused, event, write);
}
