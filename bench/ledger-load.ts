/** What the bench asks of its Worker that drives ledgers, and what that answers. */

export interface LedgerLoad {
  readonly users: number;
  readonly logins: number;
  readonly atATime: number;
  /** How long a signature is remembered, in milliseconds. */
  readonly rememberFor: number;
  /** How long each login occupies its object, so that it serves one after another; 0: no longer than it takes. */
  readonly occupiedFor: number;
}

/** What an object of the ledger holds. */
export interface LedgerSize {
  readonly bytes: number;
  readonly signatures: number;
  readonly outbox: number;
}
