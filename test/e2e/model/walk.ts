/** A random walk of the Worker beside its model. */
import type { Weakening } from "../bundle.ts";
import { Difference } from "./comparison.ts";
import { Random } from "./random.ts";
import { Rig } from "./rig.ts";
import { table } from "./steps.ts";

export interface Walk {
  readonly seed: number;
  readonly steps: number;
  readonly weakenings?: readonly Weakening[];
}

/** Events in the log at its end. Throws a {@link Difference}, which says how to repeat it. */
export async function walk({
  seed,
  steps,
  weakenings = [],
}: Walk): Promise<{ events: number; seconds: number; counts: ReadonlyMap<string, number> }> {
  const random = new Random(seed);
  const rig = await Rig.start(weakenings);
  const begin = performance.now();
  let name = "settle";
  try {
    for (rig.step = 1; rig.step <= steps; rig.step++) {
      const next = random.weighted(table);
      name = next.name;
      await next.step(rig, random);
    }
    name = "settle";
    await rig.settle();
    const events = await rig.readAll();
    return { events, seconds: (performance.now() - begin) / 1000, counts: rig.counts };
  } catch (error) {
    const where = `seed ${seed}, step ${rig.step} (${name})`;
    const again = `npm run test:model -- --seed ${seed} --steps ${Math.min(rig.step, steps)}`;
    const message =
      error instanceof Error ? (error instanceof Difference ? error.message : error.stack) : error;
    throw new Difference(`${where}\n${message}\nagain: ${again}`);
  } finally {
    await rig.close();
  }
}
