/**
 * The ledger's outbox, and when its events are moved to AUDIT_DB. The number of failures and the time of the next try
 * are stored: an idle object leaves memory after ten seconds, and would forget how long it has to wait.
 */
import type { OutgoingEvent } from "../audit/event.ts";
import { moveEvents, type Outbox } from "../audit/mover.ts";
import { primarySession } from "../storage/session.ts";

/** Events wait this long, so that events that come together move together. */
const delayMilliseconds = 1000;
const maxWaitMilliseconds = 60_000;

/** A wait is shortened by a random part of at most this, so that ledgers that failed together do not retry together. */
const jitter = 0.25;

/** Milliseconds until the next try, after a number of failures in a row. `random` is from 0 up to 1. */
export function waitAfter(failures: number, random: number): number {
  const longest = Math.min(delayMilliseconds * 2 ** failures, maxWaitMilliseconds);
  return Math.round(longest * (1 - jitter * random));
}

export class Delivery {
  readonly #sql: SqlStorage;
  readonly #auditDb: D1Database;
  readonly #outbox: Outbox;

  constructor(sql: SqlStorage, auditDb: D1Database) {
    this.#sql = sql;
    this.#auditDb = auditDb;
    this.#outbox = {
      peek: (limit, now) =>
        sql
          .exec<{ id: string; event: string; retry_at: number | null }>(
            "SELECT id, event, retry_at FROM outbox WHERE retry_at IS NULL OR retry_at <= ? ORDER BY sequence LIMIT ?",
            now,
            limit,
          )
          .toArray()
          .map(({ id, event, retry_at }) => ({ id, event, wasSetAside: retry_at !== null })),
      remove: (ids) => {
        sql.exec("DELETE FROM outbox WHERE id IN (SELECT value FROM json_each(?))", JSON.stringify(ids));
      },
      setAside: (id, until) => {
        sql.exec("UPDATE outbox SET retry_at = ? WHERE id = ?", until, id);
      },
    };
  }

  /** Puts an event into the outbox, in the transaction of the change that it describes. */
  post(event: OutgoingEvent): void {
    this.#sql.exec("INSERT INTO outbox (id, event) VALUES (?, ?)", event.id, JSON.stringify(event));
  }

  /** When events move next, in milliseconds since the epoch; infinity if none wait. */
  dueAt(now: number): number {
    const { waiting, retryAt } = this.#sql
      .exec<{ waiting: number; retryAt: number | null }>(
        `SELECT EXISTS (SELECT 1 FROM outbox WHERE retry_at IS NULL) AS waiting,
           (SELECT min(retry_at) FROM outbox WHERE retry_at IS NOT NULL) AS retryAt`,
      )
      .one();
    const earliest = Math.max(now + delayMilliseconds, this.#failed()?.nextTry ?? 0);
    if (waiting === 1) return earliest;
    return retryAt === null ? Number.POSITIVE_INFINITY : Math.max(earliest, retryAt);
  }

  /** Moves the waiting events, unless it is too early to try again. A failure is stored, and rejects. */
  async run(now: number): Promise<void> {
    const failed = this.#failed();
    if (failed !== undefined && now < failed.nextTry) return;
    try {
      await moveEvents(this.#outbox, primarySession(this.#auditDb), now);
    } catch (error) {
      const failures = (failed?.failures ?? 0) + 1;
      this.#sql.exec(
        `INSERT INTO failed_delivery (only, failures, next_try) VALUES (1, ?, ?)
         ON CONFLICT (only) DO UPDATE SET failures = excluded.failures, next_try = excluded.next_try`,
        failures,
        now + waitAfter(failures, Math.random()),
      );
      throw error;
    }
    if (failed !== undefined) this.#sql.exec("DELETE FROM failed_delivery");
  }

  #failed(): { failures: number; nextTry: number } | undefined {
    return this.#sql
      .exec<{ failures: number; nextTry: number }>(
        "SELECT failures, next_try AS nextTry FROM failed_delivery",
      )
      .toArray()[0];
  }
}
