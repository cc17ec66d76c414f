export type Dependency = "d1" | "kv" | "oci" | "ledger";

/** Milliseconds that a request waited for each thing that is remote. What was not called is not there, or 0. */
export class Timings {
  readonly milliseconds: Partial<Record<Dependency, number>> = {};

  async measure<T>(dependency: Dependency, answer: Promise<T>): Promise<T> {
    const start = Date.now();
    try {
      return await answer;
    } finally {
      this.milliseconds[dependency] = (this.milliseconds[dependency] ?? 0) + Date.now() - start;
    }
  }
}
