/**
 * What must happen exactly once: a Durable Object of one tenancy, user and shard (address.ts).
 *
 * A login, a renewal or a revocation and its event are one transaction here, and the event moves to AUDIT_DB from
 * here. What is over is purged, so an object's size follows the rate of logins and not their number. It promises
 * nothing of what another object holds, and nothing of a signature or token beyond the life that it was told.
 */
import { DurableObject } from "cloudflare:workers";
import type { OutgoingEvent } from "../audit/event.ts";
import { log } from "../log.ts";
import { Delivery } from "./delivery.ts";
import { migrate } from "./schema.ts";

export interface LoginRecord {
  /** SHA-256 of the decoded signature, in hexadecimal. */
  readonly signatureDigest: string;
  /** Until when the signature could be shown again, in milliseconds since the epoch. */
  readonly rememberUntil: number;
  readonly signatureReuse: "allow" | "reject";
  /** Of this presentation; recorded if the login is. A reuse is marked in its details. */
  readonly event: OutgoingEvent;
}

/**
 * Presentations of one signature so far, this one included. When and from where the first came is told only to the
 * organization that it was shown to: a signature may be used for identities of several.
 */
export interface Presentations {
  readonly count: number;
  readonly firstAt?: string;
  readonly firstIp?: string | null;
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

/** At most one purge in this time, whatever the rate of logins. */
const purgeIntervalMilliseconds = 60_000;

const lostAlarmMilliseconds = 60_000;

/**
 * How much longer than it lives a token is remembered: a renewal that began in its last moment comes here after its
 * end, and clocks differ. Forgotten by then, a revoked token would be renewed, and one that is used up too.
 */
const tokenMarginMilliseconds = 60_000;

/** The bindings that a ledger uses, of those that every object of the Worker has. */
interface LedgerEnv {
  readonly AUDIT_DB: D1Database;
}

export class Ledger extends DurableObject<LedgerEnv> {
  readonly #sql: SqlStorage;
  readonly #delivery: Delivery;
  /** When this instance last armed the alarm for, in milliseconds; a new instance does not know, and arms again. */
  #armedFor: number | undefined;

  constructor(state: DurableObjectState, env: LedgerEnv) {
    super(state, env);
    migrate(state.storage);
    this.#sql = state.storage.sql;
    this.#delivery = new Delivery(this.#sql, env.AUDIT_DB);
  }

  /** Counts the presentation, and records the login unless the signature was shown before and may be only once. */
  async recordLogin(login: LoginRecord): Promise<LoginOutcome> {
    const { signatureDigest, rememberUntil, signatureReuse, event } = login;
    return this.#commit(() => {
      const row = this.#sql
        .exec<{
          presentations: number;
          first_at: string;
          first_ip: string | null;
          first_organization_id: string | null;
        }>(
          `INSERT INTO signatures (digest, presentations, first_at, first_ip, first_organization_id, over_at)
           VALUES (?, 1, ?, ?, ?, ?)
           ON CONFLICT (digest) DO UPDATE SET presentations = presentations + 1
           RETURNING presentations, first_at, first_ip, first_organization_id`,
          signatureDigest,
          event.at,
          event.ip,
          event.organizationId,
          rememberUntil,
        )
        .one();
      const first = { firstAt: row.first_at, firstIp: row.first_ip };
      const tellsFirst =
        row.first_organization_id !== null && row.first_organization_id === event.organizationId;
      const presentations = { count: row.presentations, ...(tellsFirst ? first : {}) };
      const reused = presentations.count > 1;
      if (reused && signatureReuse === "reject") return { recorded: false, presentations };
      this.#delivery.post(
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
      this.#delivery.post(token.event);
      return state;
    });
  }

  /** Ends every copy of the token. Whether it did: once is enough, and again changes nothing. */
  async recordRevocation(token: TokenUse & { readonly event: OutgoingEvent }): Promise<boolean> {
    return this.#commit(() => {
      if (this.#stateOf(token) === "revoked") return false;
      this.#keep(token);
      this.#sql.exec("UPDATE tokens SET revoked = 1 WHERE id = ?", token.tokenId);
      this.#delivery.post(token.event);
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

  /**
   * May run again after it ran: everything in it is idempotent. It never throws, since the runtime abandons an alarm that
   * keeps throwing, and what waits here would then wait for this user's next login.
   */
  override async alarm(): Promise<void> {
    this.#armedFor = undefined;
    const now = Date.now();
    await attempt("what is over cannot be purged from the ledger", () => this.#purge(now));
    await attempt("the ledger's events cannot be moved; they wait", () => this.#delivery.run(now));
    const armed = await attempt("the ledger's alarm cannot be armed", () => this.#arm());
    if (!armed) {
      await attempt("the ledger has no alarm; its events wait for its next call", () =>
        this.ctx.storage.setAlarm(now + purgeIntervalMilliseconds),
      );
    }
  }

  #purge(now: number): void {
    this.#sql.exec("DELETE FROM signatures WHERE over_at < ?", now);
    this.#sql.exec("DELETE FROM tokens WHERE over_at < ?", now);
  }

  /** A change and the alarm for what it leaves to do, in one transaction. */
  async #commit<T>(change: () => T): Promise<T> {
    let armed: Promise<void> | undefined;
    const result = this.ctx.storage.transactionSync(() => {
      const changed = change();
      armed = this.#arm();
      return changed;
    });
    // Committed by now: what it leaves to do needs an alarm all the same.
    await armed?.catch(() => this.#arm());
    return result;
  }

  /**
   * The alarm comes no later than the outbox's next delivery, or the next purge. Any touch of an object with something
   * in its outbox arms it, and none puts off an alarm that is armed.
   */
  #arm(): Promise<void> | undefined {
    const { oldest } = this.#sql
      .exec<{ oldest: number | null }>(
        `SELECT min(over_at) AS oldest FROM (SELECT min(over_at) AS over_at FROM signatures
                                             UNION ALL SELECT min(over_at) FROM tokens)`,
      )
      .one();
    const now = Date.now();
    const purge =
      oldest === null ? Number.POSITIVE_INFINITY : Math.max(oldest + 1, now + purgeIntervalMilliseconds);
    const next = Math.min(this.#delivery.dueAt(now), purge);
    if (next === Number.POSITIVE_INFINITY || this.#isArmedBy(next, now)) return undefined;
    const armed = this.ctx.storage.setAlarm(next);
    this.#armedFor = next;
    return armed.catch((error) => {
      this.#armedFor = undefined;
      throw error;
    });
  }

  /** An alarm that is long due was lost. */
  #isArmedBy(next: number, now: number): boolean {
    const armed = this.#armedFor;
    return armed !== undefined && armed <= next && armed > now - lostAlarmMilliseconds;
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

/** Whether it succeeded; a failure is logged. */
async function attempt(failure: string, action: () => void | Promise<void> | undefined): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    log("error", { message: failure, error: String(error) });
    return false;
  }
}
