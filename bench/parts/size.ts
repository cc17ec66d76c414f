/**
 * What is uploaded, and what it costs to start: CPU of a new process until its first answer, to `GET /health` and to a
 * login of a user whom the directory's cache knows. Beside an empty Worker, and one of Hono and Zod alone.
 */
import { buildProduct, buildWorker } from "../bundle.ts";
import { cpuMilliseconds } from "../cpu.ts";
import { type Figure, figure, ratio } from "../figures.ts";
import { login } from "../load.ts";
import { configure, logInFirst, signLogin } from "../logins.ts";
import type { Part, Run } from "../part.ts";
import { type Rig, startRig } from "../rig.ts";
import type { FirstRequest } from "../runtime.ts";

/** CPU that the process of a Worker spends until its first answer. */
async function cpuOfStart(rig: Rig, bundle: string, first: FirstRequest): Promise<number> {
  const worker = await rig.start(bundle, {}, first);
  const cpu = cpuMilliseconds(worker.pid);
  await worker.stop();
  return cpu;
}

export const size: Part = {
  title: "Size and start",
  async measure({ smoke, say }: Run): Promise<Figure[]> {
    const rounds = smoke ? 3 : 21;
    const { bundle, gzipBytes } = buildProduct();
    const empty = await buildWorker("empty");
    const least = await buildWorker("hono-and-zod", {}, { minify: true });
    const rig = await startRig();
    try {
      const configured = await rig.start(bundle);
      const workload = await configure(rig, configured.origin);
      await logInFirst(rig, configured.origin, workload);
      await configured.stop();

      const inTurns = async (answer: string, firstRequest: () => FirstRequest, bar?: { atMost: number }) => {
        const cpu = { ours: [] as number[], least: [] as number[], empty: [] as number[] };
        for (let round = 1; round <= rounds; round += 1) {
          cpu.empty.push(await cpuOfStart(rig, empty, firstRequest()));
          cpu.least.push(await cpuOfStart(rig, least, firstRequest()));
          cpu.ours.push(await cpuOfStart(rig, bundle, firstRequest()));
        }
        say(`started ${rounds} of each for ${answer}`);
        const overEmpty = (spent: number[]) =>
          spent.map((milliseconds, round) => milliseconds - (cpu.empty[round] ?? Number.NaN));
        return [
          ratio(
            `CPU until the answer to ${answer}, over an empty Worker's / that of Hono and Zod`,
            overEmpty(cpu.ours),
            overEmpty(cpu.least),
            bar,
          ),
          figure(`CPU until the answer to ${answer}`, "ms", cpu.ours),
          figure(`until the answer to ${answer}, of Hono and Zod`, "ms", cpu.least),
          figure(`until the answer to ${answer}, of an empty Worker`, "ms", cpu.empty),
        ];
      };
      return [
        figure("bundle, compressed", "KB", [gzipBytes / 1000], { atMost: 116 }),
        ...(await inTurns("GET /health", () => ({ path: "/health" }))),
        ...(await inTurns("a login", () => ({ path: login.path, body: signLogin(workload) }), { atMost: 3 })),
      ];
    } finally {
      await rig.stop();
    }
  },
};
