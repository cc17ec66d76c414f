/** `npm run test:model -- --seed 1 --seeds 10 --steps 1000`: walks from each seed, and the first difference ends it. */
import { parseArgs } from "node:util";
import { Difference } from "./comparison.ts";
import { walk } from "./walk.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: `${Math.floor(Math.random() * 1_000_000)}` },
    seeds: { type: "string", default: "1" },
    steps: { type: "string", default: "1000" },
  },
});
const [first, seeds, steps] = [values.seed, values.seeds, values.steps].map((text, index) => {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new Error(`--${["seed", "seeds", "steps"][index]} '${text}' is not a whole number`);
}) as [number, number, number];

for (let seed = first; seed < first + seeds; seed++) {
  try {
    const { events, seconds, counts } = await walk({ seed, steps });
    console.log(
      `seed ${seed}: ${steps} steps without a difference, ${events} events, ${seconds.toFixed(1)} s (${(steps / seconds).toFixed(0)} a second)`,
    );
    const outcomes = [...counts].sort(([one], [other]) => one.localeCompare(other));
    console.log(`  ${outcomes.map(([what, count]) => `${what} ${count}`).join(", ")}`);
  } catch (error) {
    console.error(error instanceof Difference ? error.message : error);
    process.exitCode = 1;
    break;
  }
}
