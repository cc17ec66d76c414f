/** A warm login compared with the floor: the cost of the product's checks, framework and audit beyond the minimum. */
import { buildProduct, buildWorker } from "../bundle.ts";
import { type Figure, figure, median, ratio } from "../figures.ts";
import { send, sendMeasured } from "../load.ts";
import { configure, logInFirst, signLogins } from "../logins.ts";
import type { Part, Run } from "../part.ts";
import { startRig } from "../rig.ts";

const concurrency = 8;

interface Cost {
  /** Medians, in milliseconds for each login. */
  readonly cpu: number;
  readonly latency: number;
}

/** The two in turns, each in a process of its own. */
async function measurePair(
  bundles: { login: string; floor: string },
  { warmUp, slices, inSlice }: { warmUp: number; slices: number; inSlice: number },
): Promise<{ login: Cost; floor: Cost }> {
  const rig = await startRig();
  try {
    const side = async (bundle: string) => ({
      worker: await rig.start(bundle),
      cpu: [] as number[],
      latencies: [] as number[],
    });
    const sides = { login: await side(bundles.login), floor: await side(bundles.floor) };
    const workload = await configure(rig, sides.login.worker.origin);
    await logInFirst(rig, sides.login.worker.origin, workload);
    for (const { worker } of Object.values(sides)) {
      await send(worker.origin, signLogins(workload, warmUp), concurrency);
    }
    for (let slice = 0; slice < slices; slice += 1) {
      for (const { worker, cpu, latencies } of Object.values(sides)) {
        const load = await sendMeasured(worker, signLogins(workload, inSlice), concurrency);
        cpu.push(load.cpu);
        latencies.push(...load.latencies);
      }
    }
    const costOf = ({ cpu, latencies }: typeof sides.login) => ({
      cpu: median(cpu),
      latency: median(latencies),
    });
    return { login: costOf(sides.login), floor: costOf(sides.floor) };
  } finally {
    await rig.stop();
  }
}

export const login: Part = {
  title: "A warm login beside the floor",
  async measure({ smoke, say }: Run): Promise<Figure[]> {
    // A process is one sample: its memory layout does not change while it runs.
    const pairs = smoke ? 1 : 7;
    const load = smoke ? { warmUp: 8, slices: 1, inSlice: 8 } : { warmUp: 3000, slices: 15, inSlice: 100 };
    const bundles = { login: buildProduct().bundle, floor: await buildWorker("floor") };
    const costs: { login: Cost; floor: Cost }[] = [];
    for (let pair = 1; pair <= pairs; pair += 1) {
      costs.push(await measurePair(bundles, load));
      say(`pair ${pair} of ${pairs} of processes`);
    }
    const of = (side: "login" | "floor", what: keyof Cost) => costs.map((cost) => cost[side][what]);
    const micro = (milliseconds: readonly number[]) => milliseconds.map((value) => value * 1000);
    return [
      ratio("CPU of a login / of the floor", of("login", "cpu"), of("floor", "cpu"), { atMost: 1.25 }),
      ratio("latency of a login / of the floor", of("login", "latency"), of("floor", "latency")),
      figure("CPU of the floor", "µs", micro(of("floor", "cpu"))),
      figure("CPU of a login", "µs", micro(of("login", "cpu"))),
      figure(`latency of a login, ${concurrency} at a time`, "ms", of("login", "latency")),
    ];
  },
};
