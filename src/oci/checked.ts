/** Why something well-formed is denied. With parsed.ts: what does not parse is the sender's mistake (400), this is not (401). */
export type DenialReason =
  | "statement-header"
  | "another-audience"
  | "another-identity"
  | "statement-out-of-date"
  | "certificate-out-of-date"
  | "another-realm"
  | "region-unknown";

export interface Denial {
  readonly reason: DenialReason;
  /** In words for whoever sent it; repeats nothing of what was sent. */
  readonly message: string;
}

/** What holds, or why it is denied. */
export type Checked<T> = { ok: true; value: T } | { ok: false; denial: Denial };

export function granted<T>(value: T): Checked<T> {
  return { ok: true, value };
}

export function denied(reason: DenialReason, message: string): { ok: false; denial: Denial } {
  return { ok: false, denial: { reason, message } };
}
