/** `npm run bench`: what a login costs beside the floor, in one run, so that the ratio travels where figures do not. */
import { buildProduct, buildWorker } from "./bundle.ts";
import { send, sendMeasured } from "./load.ts";
import { configure, signLogin, type Workload } from "./logins.ts";
import { startRig } from "./rig.ts";

/** A process is one sample: how its memory came to lie stays with it. */
const pairs = 7;
const slices = 15;
const requestsInSlice = 100;
const warmUp = 3000;
const concurrency = 8;

const signed = (workload: Workload, count: number) =>
  Array.from({ length: count }, () => signLogin(workload));

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

interface Cost {
  /** Medians, in milliseconds for each login. */
  readonly cpu: number;
  readonly latency: number;
}

/** A warm login and the floor, in turns, each in a process of its own. */
async function measurePair(bundles: { login: string; floor: string }): Promise<{ login: Cost; floor: Cost }> {
  const rig = await startRig();
  try {
    const side = async (bundle: string) => ({
      worker: await rig.start(bundle),
      cpu: [] as number[],
      latencies: [] as number[],
    });
    const sides = { login: await side(bundles.login), floor: await side(bundles.floor) };
    const workload = await configure(rig, sides.login.worker.origin);
    // The first login fills the directory, for both.
    await send(sides.login.worker.origin, signed(workload, 1), 1);
    for (const { worker } of Object.values(sides)) {
      await send(worker.origin, signed(workload, warmUp), concurrency);
    }
    for (let slice = 0; slice < slices; slice += 1) {
      for (const { worker, cpu, latencies } of Object.values(sides)) {
        const load = await sendMeasured(worker, signed(workload, requestsInSlice), concurrency);
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

const say = (line: string) => process.stdout.write(`${line}\n`);
const { bundle: login, gzipBytes } = buildProduct();
const floor = await buildWorker("floor");
const ratios = { cpu: [] as number[], latency: [] as number[] };
for (let pair = 1; pair <= pairs; pair += 1) {
  const cost = await measurePair({ login, floor });
  for (const what of ["cpu", "latency"] as const) ratios[what].push(cost.login[what] / cost.floor[what]);
  const told = ({ cpu, latency }: Cost) => `${(cpu * 1000).toFixed(0)} µs of CPU, ${latency.toFixed(1)} ms`;
  say(`pair ${pair} of ${pairs}   floor ${told(cost.floor)}   login ${told(cost.login)}`);
}

const spread = (values: readonly number[]) =>
  `${median(values).toFixed(2)}   ${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}`;
say("");
say(`A warm login / the floor, CPU           ${spread(ratios.cpu)}`);
say(`A warm login / the floor, latency       ${spread(ratios.latency)}`);
say(`Bundle, compressed                      ${(gzipBytes / 1000).toFixed(1)} KB`);
