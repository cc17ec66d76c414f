/** `npm run bench`: what a login costs beside the floor, in one run, so that the ratio travels where figures do not. */
import { buildProduct, buildWorker } from "./bundle.ts";
import { loginPath, send, sendMeasured } from "./load.ts";
import { configure, signLogin, type Workload } from "./logins.ts";
import { startRig } from "./rig.ts";

const instances = 3;
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

/** CPU of a warm login and of the floor, in microseconds for each request, of processes of their own. */
async function measure(product: string, floor: string) {
  const rig = await startRig();
  try {
    const sides = { floor: await rig.start(floor), login: await rig.start(product) };
    const [workload] = await configure(rig, sides.login.origin);
    // The first login fills the directory, for both.
    for (const { origin } of [sides.login, sides.login, sides.floor]) {
      await send({ origin, path: loginPath }, signed(workload, 1), 1);
    }
    const cpu = { floor: [] as number[], login: [] as number[] };
    for (const { origin } of Object.values(sides)) {
      await send({ origin, path: loginPath }, signed(workload, warmUp), concurrency);
    }
    for (let slice = 0; slice < slices; slice += 1) {
      for (const side of ["floor", "login"] as const) {
        const { pid, origin } = sides[side];
        const bodies = signed(workload, requestsInSlice);
        const load = await sendMeasured(pid, { origin, path: loginPath }, bodies, concurrency);
        cpu[side].push(load.cpuPerRequest * 1000);
      }
    }
    return { floor: median(cpu.floor), login: median(cpu.login) };
  } finally {
    await rig.stop();
  }
}

const product = buildProduct();
const floor = await buildWorker("floor");
const ratios: number[] = [];
for (let instance = 1; instance <= instances; instance += 1) {
  const cost = await measure(product.bundle, floor);
  ratios.push(cost.login / cost.floor);
  process.stdout.write(
    `${instance} of ${instances}: floor ${cost.floor.toFixed(0)} µs, login ${cost.login.toFixed(0)} µs of CPU\n`,
  );
}
process.stdout.write(`
CPU of a warm login / the floor   ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})
Bundle, compressed                ${(product.gzipBytes / 1000).toFixed(1)} KB
`);
