/** Waits for what a Worker does after its response. */
import { setTimeout as sleep } from "node:timers/promises";

/** Calls `read` until it returns a value. Rejects after a minute without one. */
export async function eventually<Value>(
  what: string,
  read: () => Promise<Value | undefined>,
): Promise<Value> {
  for (let tries = 0; tries < 600; tries += 1) {
    const value = await read();
    if (value !== undefined) return value;
    await sleep(100);
  }
  throw new Error(`in a minute ${what} did not come`);
}
