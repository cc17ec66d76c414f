/**
 * What must happen exactly once: a Durable Object of one tenancy, user and shard (address.ts).
 *
 * A login, a renewal or a revocation and its event are one transaction here, and the event moves to AUDIT_DB from
 * here. What is over is purged, so an object's size follows the rate of logins and not their number. It promises
 * nothing of what another object holds, and nothing of a signature or token beyond the life that it was told.
 */
import { DurableObject } from "cloudflare:workers";
import type { OutgoingEvent } from "../audit/event.ts";
import { moveEvents, type Outbox } from "../audit/mover.ts";
import type { Env } from "../env.ts";
import { log } from "../log.ts";

export interface LoginRecord {
  /** SHA-256 of the decoded signature, in hexadecimal. */
  readonly signatureDigest: string;
  /** Until when the signature could be shown again, in milliseconds since the epoch. */
  readonly rememberUntil: number;
  readonly signatureReuse: "allow" | "reject";
  /** Of this presentation; recorded if the login is. A reuse is marked in its details. */
  readonly event: OutgoingEvent;
}

/** Presentations of one signature so far, this one included, and where the first came from. */
export interface Presentations {
  readonly count: number;
  readonly firstAt: string;
  readonly firstIp: string | null;
}

export interface LoginOutcome {
  readonly recorded: boolean;
  readonly presentations: Presentations;
}

export interface TokenUse {
  readonly tokenId: string;
  /** The `exp` of the copy at hand, in seconds since the epoch. */
  readonly expiresAt: number;
  /** 0: no limit. */
  readonly usesLimit: number;
}

export type TokenState = "active" | "revoked" | "used-up";

/** Events wait this long, so that those that come together move together. */
const deliveryDelayMilliseconds = 1000;
const maxRetryDelayMilliseconds = 60_000;
/** At most one purge in this time, whatever the rate of logins. */
const purgeIntervalMilliseconds = 60_000;

const lostAlarmMilliseconds = 60_000;

/**
 * How much longer than it lives a token is remembered: a renewal that began in its last moment comes here after its
 * end, and clocks differ. Forgotten by then, a revoked token would be renewed, and one that is used up too.
 */
const tokenMarginMilliseconds = 60_000;

const schema = `
  CREATE TABLE IF NOT EXISTS signatures (
    digest TEXT PRIMARY KEY,
    presentations INTEGER NOT NULL,
    first_at TEXT NOT NULL,
    first_ip TEXT,
    over_at INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS signatures_by_end ON signatures (over_at);
  CREATE TABLE IF NOT EXISTS tokens (
    id TEXT PRIMARY KEY,
    uses INTEGER NOT NULL DEFAULT 0,
    revoked INTEGER NOT NULL DEFAULT 0,
    -- Milliseconds; a minute after the latest exp that was issued under this id, as far as it was told here.
    over_at INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS tokens_by_end ON tokens (over_at);
  CREATE TABLE IF NOT EXISTS outbox (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    event TEXT NOT NULL
  );
`;

export class Ledger extends DurableObject<Env> {
  readonly #sql: SqlStorage;
  readonly #outbox: Outbox;
  #failedDeliveries = 0;
  /** When this instance last armed the alarm for, in milliseconds; a new instance does not know, and arms again. */
  #armedFor: number | undefined;

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    this.#sql = state.storage.sql;
    this.#sql.exec(schema);
    this.#outbox = {
      peek: (limit) =>
        this.#sql
          .exec<{ event: string }>("SELECT event FROM outbox ORDER BY sequence LIMIT ?", limit)
          .toArray()
          .map(({ event }) => JSON.parse(event)),
      remove: (ids) => {
        this.#sql.exec(
          "DELETE FROM outbox WHERE id IN (SELECT value FROM json_each(?))",
          JSON.stringify(ids),
        );
      },
    };
  }

  /** Counts the presentation, and records the login unless the signature was shown before and may be only once. */
  async recordLogin(login: LoginRecord): Promise<LoginOutcome> {
    const { signatureDigest, rememberUntil, signatureReuse, event } = login;
    return this.#commit(() => {
      const row = this.#sql
        .exec<{ presentations: number; first_at: string; first_ip: string | null }>(
          `INSERT INTO signatures (digest, presentations, first_at, first_ip, over_at) VALUES (?, 1, ?, ?, ?)
           ON CONFLICT (digest) DO UPDATE SET presentations = presentations + 1
           RETURNING presentations, first_at, first_ip`,
          signatureDigest,
          event.at,
          event.ip,
          rememberUntil,
        )
        .one();
      const presentations = { count: row.presentations, firstAt: row.first_at, firstIp: row.first_ip };
      const reused = presentations.count > 1;
      if (reused && signatureReuse === "reject") return { recorded: false, presentations };
      this.#post(
        reused ? { ...event, details: { ...event.details, signatureReused: presentations } } : event,
      );
      return { recorded: true, presentations };
    });
  }

  /** Records a renewal whose token expires at `expiresAt`, unless its token was revoked or is used up. */
  async recordRenewal(token: TokenUse & { readonly event: OutgoingEvent }): Promise<TokenState> {
    return this.#commit(() => {
      const state = this.#stateOf(token);
      if (state !== "active") return state;
      this.#keep(token);
      this.#post(token.event);
      return state;
    });
  }

  /** Ends every copy of the token. Whether it did: once is enough, and again changes nothing. */
  async recordRevocation(token: TokenUse & { readonly event: OutgoingEvent }): Promise<boolean> {
    return this.#commit(() => {
      if (this.#stateOf(token) === "revoked") return false;
      this.#keep(token);
      this.#sql.exec("UPDATE tokens SET revoked = 1 WHERE id = ?", token.tokenId);
      this.#post(token.event);
      return true;
    });
  }

  /** Counts a use, if the token has a limit; whether it may be used. */
  async use(token: TokenUse): Promise<TokenState> {
    return this.#commit(() => {
      const state = this.#stateOf(token);
      if (state === "active" && token.usesLimit > 0) {
        this.#keep(token);
        this.#sql.exec("UPDATE tokens SET uses = uses + 1 WHERE id = ?", token.tokenId);
      }
      return state;
    });
  }

  /** May run again after it ran: everything in it is idempotent. It never throws: a thrower is given up. */
  override async alarm(): Promise<void> {
    this.#armedFor = undefined;
    try {
      const now = Date.now();
      this.#sql.exec("DELETE FROM signatures WHERE over_at < ?", now);
      this.#sql.exec("DELETE FROM tokens WHERE over_at < ?", now);
      await moveEvents(this.#outbox, this.env.AUDIT_DB);
      this.#failedDeliveries = 0;
    } catch (error) {
      this.#failedDeliveries += 1;
      log("error", { message: "the ledger's events cannot be moved; they wait", error: String(error) });
    }
    await this.#arm();
  }

  /** A change and the alarm for what it leaves to do, in one transaction. */
  async #commit<T>(change: () => T): Promise<T> {
    let armed: Promise<void> | undefined;
    const result = this.ctx.storage.transactionSync(() => {
      const changed = change();
      armed = this.#arm();
      return changed;
    });
    await armed;
    return result;
  }

  /**
   * The alarm comes no later than the outbox's next delivery, or the next purge. Any touch of an object with something
   * in its outbox arms it, and none puts off an alarm that is armed.
   */
  #arm(): Promise<void> | undefined {
    const { waiting, oldest } = this.#sql
      .exec<{ waiting: number; oldest: number | null }>(
        `SELECT EXISTS (SELECT 1 FROM outbox) AS waiting,
           (SELECT min(over_at) FROM (SELECT min(over_at) AS over_at FROM signatures
                                      UNION ALL SELECT min(over_at) FROM tokens)) AS oldest`,
      )
      .one();
    const now = Date.now();
    const retryDelay = Math.min(
      deliveryDelayMilliseconds * 2 ** this.#failedDeliveries,
      maxRetryDelayMilliseconds,
    );
    const delivery = waiting === 1 ? now + retryDelay : Number.POSITIVE_INFINITY;
    const purge =
      oldest === null ? Number.POSITIVE_INFINITY : Math.max(oldest + 1, now + purgeIntervalMilliseconds);
    const next = Math.min(delivery, purge);
    if (next === Number.POSITIVE_INFINITY || this.#isArmedBy(next, now)) return undefined;
    this.#armedFor = next;
    return this.ctx.storage.setAlarm(next);
  }

  /** An alarm that is long due was lost. */
  #isArmedBy(next: number, now: number): boolean {
    const armed = this.#armedFor;
    return armed !== undefined && armed <= next && armed > now - lostAlarmMilliseconds;
  }

  #post(event: OutgoingEvent): void {
    this.#sql.exec("INSERT INTO outbox (id, event) VALUES (?, ?)", event.id, JSON.stringify(event));
  }

  #stateOf({ tokenId, usesLimit }: TokenUse): TokenState {
    const [row] = this.#sql
      .exec<{ uses: number; revoked: number }>("SELECT uses, revoked FROM tokens WHERE id = ?", tokenId)
      .toArray();
    if (row === undefined) return "active";
    if (row.revoked === 1) return "revoked";
    return usesLimit > 0 && row.uses >= usesLimit ? "used-up" : "active";
  }

  /** Keeps the token's row until the latest of the ends that were told, and the margin. */
  #keep({ tokenId, expiresAt }: TokenUse): void {
    this.#sql.exec(
      `INSERT INTO tokens (id, over_at) VALUES (?, ?)
       ON CONFLICT (id) DO UPDATE SET over_at = max(over_at, excluded.over_at)`,
      tokenId,
      expiresAt * 1000 + tokenMarginMilliseconds,
    );
  }
}
