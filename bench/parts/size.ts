/** What is uploaded, and what it costs to start: CPU of the process until its first answer, beside an empty Worker. */
import { buildProduct, buildWorker } from "../bundle.ts";
import { cpuMilliseconds } from "../cpu.ts";
import { type Figure, figure } from "../figures.ts";
import type { Part, Run } from "../part.ts";
import { startRig } from "../rig.ts";

export const size: Part = {
  title: "Size and start",
  async measure({ smoke, say }: Run): Promise<Figure[]> {
    const rounds = smoke ? 1 : 15;
    const { bundle, gzipBytes } = buildProduct();
    const empty = await buildWorker("empty");
    const rig = await startRig();
    try {
      const startUp = async (bundle: string) => {
        const worker = await rig.start(bundle);
        const cpu = cpuMilliseconds(worker.pid);
        await worker.stop();
        return cpu;
      };
      const ours: number[] = [];
      const empties: number[] = [];
      for (let round = 1; round <= rounds; round += 1) {
        empties.push(await startUp(empty));
        ours.push(await startUp(bundle));
      }
      say(`started ${rounds} of each`);
      return [
        figure("bundle, compressed", "KB", [gzipBytes / 1000], { atMost: 160 }),
        figure(
          "CPU until the first answer, more than an empty Worker's",
          "ms",
          ours.map((cpu, round) => cpu - (empties[round] ?? Number.NaN)),
          { atMost: 25 },
        ),
        figure("CPU until the first answer", "ms", ours),
        figure("the same of an empty Worker", "ms", empties),
      ];
    } finally {
      await rig.stop();
    }
  },
};
