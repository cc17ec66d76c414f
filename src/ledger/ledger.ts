/**
 * Records what must happen exactly once, in a Durable Object for each tenancy, user and shard (address.ts).
 *
 * A login, a renewal or a revocation is one transaction with its event, and the event moves to AUDIT_DB from here.
 * Expired rows are purged, so an object's size follows the rate of logins and not their number. It promises nothing
 * about what another object holds, and nothing about a signature or token beyond the lifetime that the caller gave.
 */
import { DurableObject } from "cloudflare:workers";
import type { OutgoingEvent } from "../audit/event.ts";
import { log } from "../log.ts";
import { Delivery } from "./delivery.ts";
import { migrate } from "./schema.ts";

export interface LoginRecord {
  /** SHA-256 of the decoded signature, in hexadecimal. */
  readonly signatureDigest: string;
  /** Until when the signature could be used again, in milliseconds since the epoch. */
  readonly rememberUntil: number;
  readonly signatureReuse: "allow" | "reject";
  /** The event of this presentation, recorded if the login is. Its details mark a reuse. */
  readonly event: OutgoingEvent;
}

/**
 * Presentations of one signature so far, this one included. Only the organization of the first presentation learns its
 * time and address: a signature may be used for identities of several organizations.
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

/** At most one purge in this time, at any rate of logins. */
const purgeIntervalMilliseconds = 60_000;

const lostAlarmMilliseconds = 60_000;

/**
 * How long a token is remembered after it expires. A renewal that began just before that arrives here after it, and
 * clocks differ. Without the margin, a revoked or used-up token could be renewed.
 */
const tokenMarginMilliseconds = 60_000;

/** Those of the Worker's bindings that a ledger uses. */
interface LedgerEnv {
  readonly AUDIT_DB: D1Database;
}

export class Ledger extends DurableObject<LedgerEnv> {
  readonly #sql: SqlStorage;
  readonly #delivery: Delivery;
  /** The time for which this instance armed the alarm, in milliseconds. A new instance arms again. */
  #armedFor: number | undefined;

  constructor(state: DurableObjectState, env: LedgerEnv) {
    super(state, env);
    migrate(state.storage);
    this.#sql = state.storage.sql;
    this.#delivery = new Delivery(this.#sql, env.AUDIT_DB);
  }

  /** Counts the presentation. Records the login, unless the signature was presented before and reuse is rejected. */
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
      const isFirstOrganization =
        row.first_organization_id !== null && row.first_organization_id === event.organizationId;
      const presentations = { count: row.presentations, ...(isFirstOrganization ? first : {}) };
      const reused = presentations.count > 1;
      if (reused && signatureReuse === "reject") return { recorded: false, presentations };
      this.#delivery.post(
        reused ? { ...event, details: { ...event.details, signatureReused: presentations } } : event,
      );
      return { recorded: true, presentations };
    });
  }

  /** Records a renewal whose token expires at `expiresAt`, unless the token is revoked or used up. */
  async recordRenewal(token: TokenUse & { readonly event: OutgoingEvent }): Promise<TokenState> {
    return this.#commit(() => {
      const state = this.#stateOf(token);
      if (state !== "active") return state;
      this.#keep(token);
      this.#delivery.post(token.event);
      return state;
    });
  }

  /** Revokes every copy of the token. Returns false, and changes nothing, if it was revoked before. */
  async recordRevocation(token: TokenUse & { readonly event: OutgoingEvent }): Promise<boolean> {
    return this.#commit(() => {
      if (this.#stateOf(token) === "revoked") return false;
      this.#keep(token);
      this.#sql.exec("UPDATE tokens SET revoked = 1 WHERE id = ?", token.tokenId);
      this.#delivery.post(token.event);
      return true;
    });
  }

  /** Counts a use, if the token has a limit. Returns whether the token may be used. */
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
   * The runtime may run it twice: each step is idempotent. It never throws, since the runtime abandons an alarm that
   * keeps throwing; waiting events would then wait for this user's next login.
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

  /** Makes a change and arms the alarm for the work that it leaves, in one transaction. */
  async #commit<T>(change: () => T): Promise<T> {
    let armed: Promise<void> | undefined;
    const result = this.ctx.storage.transactionSync(() => {
      const changed = change();
      armed = this.#arm();
      return changed;
    });
    // The change is committed even if arming failed, and the work that it leaves needs an alarm.
    await armed?.catch(() => this.#arm());
    return result;
  }

  /**
   * Arms the alarm for the outbox's next delivery or the next purge, whichever is first. Any call of an object with
   * events in its outbox arms it, and no call postpones an armed alarm.
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

  /** An alarm that is long overdue was lost. */
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

  /** Keeps the token's row until the latest expiry that any call gave, and the margin after it. */
  #keep({ tokenId, expiresAt }: TokenUse): void {
    this.#sql.exec(
      `INSERT INTO tokens (id, over_at) VALUES (?, ?)
       ON CONFLICT (id) DO UPDATE SET over_at = max(over_at, excluded.over_at)`,
      tokenId,
      expiresAt * 1000 + tokenMarginMilliseconds,
    );
  }
}

/** Returns whether it succeeded. Logs a failure. */
async function attempt(failure: string, action: () => void | Promise<void> | undefined): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    log("error", { message: failure, error: String(error) });
    return false;
  }
}
