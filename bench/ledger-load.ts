/** Requests to the bench's Worker that drives ledgers, and its answers. */

export interface LedgerLoad {
  readonly users: number;
  readonly logins: number;
  readonly atATime: number;
  /** How long a signature is remembered, in milliseconds. */
  readonly rememberFor: number;
  /** How long each login occupies its object, which serves one after another; 0: only for the work itself. */
  readonly occupiedFor: number;
}

/** What an object of the ledger holds. */
export interface LedgerSize {
  readonly bytes: number;
  readonly signatures: number;
  readonly outbox: number;
}
