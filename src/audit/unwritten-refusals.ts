/**
 * Counts the refusals that are not written, so that a flood of them stays visible: an isolate reports their number in
 * one event a minute, which has no organization. The count is lost if the isolate ends; the Worker's log has each
 * refusal.
 */
import { log } from "../log.ts";
import { newEvent, type OutgoingEvent } from "./event.ts";

/** Shorter than the time that the platform gives an invocation after its response. */
const gatheringMilliseconds = 20_000;
const intervalMilliseconds = 60_000;

export class UnwrittenRefusals {
  readonly #wait: (milliseconds: number) => Promise<void>;
  #counts = { holder: 0, stranger: 0 };
  #first: OutgoingEvent | undefined;
  #reportedAt = Number.NEGATIVE_INFINITY;
  #gathering = false;

  constructor(wait = (milliseconds: number) => scheduler.wait(milliseconds)) {
    this.#wait = wait;
  }

  /**
   * Counts a refusal. Reports the count after the gathering time, unless that is within a minute of the last report.
   * Never rejects.
   */
  async count(
    refused: "holder" | "stranger",
    event: OutgoingEvent,
    report: (event: OutgoingEvent) => Promise<void>,
  ): Promise<void> {
    this.#first ??= event;
    this.#counts[refused] += 1;
    if (this.#gathering || Date.now() + gatheringMilliseconds < this.#reportedAt + intervalMilliseconds)
      return;
    this.#gathering = true;
    await this.#wait(gatheringMilliseconds);
    this.#gathering = false;
    await this.#report(this.#first, report);
  }

  async #report(first: OutgoingEvent, report: (event: OutgoingEvent) => Promise<void>): Promise<void> {
    const counts = this.#counts;
    this.#counts = { holder: 0, stranger: 0 };
    this.#first = undefined;
    this.#reportedAt = Date.now();
    const event = newEvent(
      // It finds the first refusal's line in the Worker's log.
      { reqId: first.reqId, ip: null, userAgent: null },
      { type: "refusals.unwritten", actor: "worker", details: { ...counts, since: first.at } },
    );
    try {
      await report(event);
    } catch (error) {
      log("error", { message: "a refusal cannot be written", error: String(error), event });
    }
  }
}
