import type { Principal } from "../access/principal.ts";
import type { OutgoingEvent } from "../audit/event.ts";
import { Refusal } from "../refusal.ts";
import type { Timings } from "../timings.ts";
import { ledgerOf, ledgersOf } from "./address.ts";
import type { Ledger, LoginOutcome, LoginRecord, TokenState, TokenUse } from "./ledger.ts";

/**
 * The calls of a request to ledgers. Each finds its object, and reports its duration to `timings`. If the ledger does
 * not answer, nothing is decided: the call rejects with a {@link Refusal}.
 */
export class Ledgers {
  readonly #namespace: DurableObjectNamespace<Ledger>;
  readonly #timings: Timings;

  constructor(namespace: DurableObjectNamespace<Ledger>, timings: Timings) {
    this.#namespace = namespace;
    this.#timings = timings;
  }

  recordLogin(principal: Principal, login: LoginRecord): Promise<LoginOutcome> {
    return this.#call(() => this.#of(principal, login.signatureDigest).recordLogin(login));
  }

  recordRenewal(principal: Principal, renewal: TokenUse & { event: OutgoingEvent }): Promise<TokenState> {
    return this.#call(() => this.#of(principal, renewal.tokenId).recordRenewal(renewal));
  }

  recordRevocation(principal: Principal, revocation: TokenUse & { event: OutgoingEvent }): Promise<boolean> {
    return this.#call(() => this.#of(principal, revocation.tokenId).recordRevocation(revocation));
  }

  use(principal: Principal, use: TokenUse): Promise<TokenState> {
    return this.#call(() => this.#of(principal, use.tokenId).use(use));
  }

  /** Wakes all ledgers of a principal. Returns their number. */
  async wake(principal: Principal): Promise<number> {
    const all = ledgersOf(this.#namespace, principal);
    await this.#call(() => Promise.all(all.map(wakeLedger)));
    return all.length;
  }

  #of(principal: Principal, digestOrTokenId: string): DurableObjectStub<Ledger> {
    return ledgerOf(this.#namespace, principal, digestOrTokenId);
  }

  async #call<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await this.#timings.measure("ledger", call());
    } catch (error) {
      throw new Refusal("ledger-unavailable", undefined, { cause: error });
    }
  }
}

/** A call that changes nothing, and arms the alarm of a ledger that has something to do. */
export async function wakeLedger(ledger: DurableObjectStub<Ledger>): Promise<void> {
  await ledger.use({ tokenId: "none", expiresAt: 0, usesLimit: 0 });
}
