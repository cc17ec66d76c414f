/** Milliseconds that a request waited for each thing that is remote. What was not asked is not there, or 0. */
export class Waits {
  readonly milliseconds: Partial<Record<"d1" | "kv" | "oci" | "ledger", number>> = {};

  async on<T>(what: "d1" | "kv" | "oci" | "ledger", answer: Promise<T>): Promise<T> {
    const start = Date.now();
    try {
      return await answer;
    } finally {
      this.milliseconds[what] = (this.milliseconds[what] ?? 0) + Date.now() - start;
    }
  }
}
