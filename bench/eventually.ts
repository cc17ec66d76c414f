/** For what a Worker does after its answer. */
import { setTimeout as sleep } from "node:timers/promises";

/** Asks until there is an answer, which is given. Rejects after a minute without one. */
export async function eventually<Value>(what: string, ask: () => Promise<Value | undefined>): Promise<Value> {
  for (let tries = 0; tries < 600; tries += 1) {
    const value = await ask();
    if (value !== undefined) return value;
    await sleep(100);
  }
  throw new Error(`in a minute ${what} did not come`);
}
