/**
 * Counts the refusals that are not written, so that a flood of them cannot hide that there is one: an isolate tells
 * their number in one event a minute, of no organization. The count is the isolate's, and goes with it if it vanishes;
 * the Worker's log has each of them.
 */
import { log } from "../log.ts";
import { newEvent, type OutgoingEvent } from "./event.ts";

/** Shorter than what the platform leaves an invocation after its answer. */
const gatheringMilliseconds = 20_000;
const intervalMilliseconds = 60_000;

export class UnwrittenRefusals {
  readonly #wait: (milliseconds: number) => Promise<void>;
  #counts = { holder: 0, stranger: 0 };
  #first: OutgoingEvent | undefined;
  #toldAt = Number.NEGATIVE_INFINITY;
  #gathering = false;

  constructor(wait = (milliseconds: number) => scheduler.wait(milliseconds)) {
    this.#wait = wait;
  }

  /** Counts one, and after a while tells those of that while, unless some were told within the minute. Never rejects. */
  async count(
    refused: "holder" | "stranger",
    event: OutgoingEvent,
    tell: (event: OutgoingEvent) => Promise<void>,
  ): Promise<void> {
    this.#first ??= event;
    this.#counts[refused] += 1;
    if (this.#gathering || Date.now() + gatheringMilliseconds < this.#toldAt + intervalMilliseconds) return;
    this.#gathering = true;
    await this.#wait(gatheringMilliseconds);
    this.#gathering = false;
    await this.#tell(this.#first, tell);
  }

  async #tell(first: OutgoingEvent, tell: (event: OutgoingEvent) => Promise<void>): Promise<void> {
    const counts = this.#counts;
    this.#counts = { holder: 0, stranger: 0 };
    this.#first = undefined;
    this.#toldAt = Date.now();
    const event = newEvent(
      // The first one's line of the log is found by it.
      { reqId: first.reqId, ip: null, userAgent: null },
      { type: "refusals.unwritten", actor: "worker", details: { ...counts, since: first.at } },
    );
    try {
      await tell(event);
    } catch (error) {
      log("error", { message: "a refusal cannot be written", error: String(error), event });
    }
  }
}
