/**
 * What a method of login has of its own. The steps that all methods share are in login.ts and renew.ts, by the numbers
 * of docs/login.md; a method fills in those between them. Each throws a {@link Refusal}.
 */
import type { Principal } from "../access/principal.ts";
import type { LoginConfiguration } from "../identities/login-configuration.ts";
import type { Reason } from "../refusal.ts";
import type { Proven } from "../tokens/claims.ts";

/** What every login says beside its proof. */
export interface LoginRequest {
  readonly identityId: string;
  readonly organizationSlug?: string | undefined;
}

/** What a caller showed, once it is read: it may still be anyone's. */
export interface Shown {
  readonly principal: Principal;
  /** As events name whoever showed it. */
  readonly actor: string;
  /** What events say of it. */
  readonly details: Readonly<Record<string, unknown>>;
  /** Decoded: what the ledger knows it by. */
  readonly signature: Uint8Array<ArrayBuffer>;
  /** Until when it could be shown again, in milliseconds since the epoch. */
  readonly showableUntil: number;
}

export interface LoginMethod<Request extends LoginRequest, S extends Shown, Cached, Own, P extends Proven> {
  /** Why an identity without the method is refused. */
  readonly notConfigured: Reason;
  /** Steps 3 to 5: it parses, it is meant for this login, and it is fresh. `now` in milliseconds since the epoch. */
  read(request: Request, now: number): S;
  /** What is cached of what others vouch for, read beside the configuration. Never rejects. */
  readCache(shown: S): Promise<Cached>;
  /** Step 7: it is of those that the identity is pinned to. */
  checkPinned(shown: S, configuration: LoginConfiguration<Own>): void;
  /**
   * Steps 8 and 9: what others vouch for made the signature. `tell` adds to what the login's event says, as soon as it
   * is known.
   */
  prove(
    shown: S,
    cached: Cached,
    configuration: LoginConfiguration<Own>,
    tell: (more: Record<string, unknown>) => void,
  ): Promise<P>;
  /** Step 10: whoever proved it is allowed. */
  checkAllowed(proven: P, configuration: LoginConfiguration<Own>): void;
  /** Whether what was shown may be shown again. */
  reuse(configuration: LoginConfiguration<Own>): "allow" | "reject";
}

/** What a renewal repeats of a method's steps. */
export interface RenewalMethod<Own, P extends Proven> {
  readonly notConfigured: Reason;
  loadConfiguration(identityId: string, organizationId: string): Promise<LoginConfiguration<Own> | undefined>;
  /** Steps 7 to 10, without what only a proof can show. */
  confirm(proven: P, configuration: LoginConfiguration<Own>): Promise<P>;
}
