/**
 * The events of refusals. A refusal changes nothing, so it has no outbox. Its event is written after the response, as
 * long as the refused caller is within the limits of the log's space.
 */
import { addressKey } from "../access/address.ts";
import { log } from "../log.ts";
import { primarySession } from "../storage/session.ts";
import type { OutgoingEvent } from "./event.ts";
import { writeEvents } from "./mover.ts";
import { UnwrittenRefusals } from "./unwritten-refusals.ts";

/**
 * Who was refused. A holder has a token, or a signature that a user's key verifies. A stranger knows at most an
 * identity's id. Strangers have a share of their own, so that they cannot hide what a holder tried.
 */
export type Refused = "holder" | "stranger";

export interface RefusalLimits {
  /** 60 events a minute for the holders of one identity, and 60 for all strangers together. */
  readonly REFUSAL_EVENTS: RateLimit;
  /** 6 events a minute for the strangers at one address. */
  readonly STRANGER_EVENTS: RateLimit;
}

/** Limits are counted for each Cloudflare location (http/rate-limit.ts). */
async function mayBeWritten(limits: RefusalLimits, { ip, identityId }: OutgoingEvent, refused: Refused) {
  const counts = async (limit: RateLimit, key: string) => (await limit.limit({ key })).success;
  if (refused === "holder") return counts(limits.REFUSAL_EVENTS, `holder/${identityId}`);
  // The narrower limit comes first: an address that exceeds it uses up none of the other strangers' share.
  return (
    (await counts(limits.STRANGER_EVENTS, addressKey(ip ?? ""))) &&
    (await counts(limits.REFUSAL_EVENTS, "strangers"))
  );
}

/** An OCID has 79 characters today, and may have 255. */
const maxOcidLength = 96;
const maxTextLength = 48;

const cut = (text: string, length: number) => (text.length > length ? `${text.slice(0, length)}…` : text);

/** A stranger's event as it is stored: 1 KB at most. Only values that are unusually long are cut. */
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
 * Writes the event of a refusal, within the shares of holders and strangers. Refusals beyond them are counted, and
 * their number is an event of its own. The Worker's log has these, and those that cannot be written. Never rejects.
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
