/**
 * Property-based tests. `npm test` tries a share of the cases; FUZZ_SCALE, which `npm run test:fuzz` sets, multiplies it.
 * A claim that fails is reported with its seed and the smallest case that was found.
 */
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { afterAll, expect, vi } from "vitest";

export const scale = Number(env.FUZZ_SCALE);

// A property is one test, however many cases it tries.
vi.setConfig({ testTimeout: 60_000 * Math.max(scale, 1) });

let tried = 0;
afterAll(() => {
  const file = expect.getState().testPath?.replace(/.*(?=\btest\/)/, "");
  console.log(`${file}: tried ${tried} cases`);
});

/** Holds the claim against this many cases, times FUZZ_SCALE. */
export async function forAll<T>(
  cases: number,
  arbitrary: fc.Arbitrary<T>,
  claim: (value: T) => void | Promise<void>,
): Promise<void> {
  const property = fc.asyncProperty(arbitrary, async (value) => {
    tried += 1;
    await claim(value);
  });
  await fc.assert(property, { numRuns: Math.ceil(cases * scale) });
}
