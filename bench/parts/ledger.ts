/**
 * The throughput of the ledger: for one signing user with few and with many shards, and for many users. On Cloudflare
 * each object has its own share of a thread, which limits it; here all objects share one thread. So each login occupies
 * its object for a fixed time, as the waits have fixed delays. The limit of the thread is a figure of its own.
 */
import { buildWorker } from "../bundle.ts";
import { type Figure, figure, ratio } from "../figures.ts";
import type { LedgerLoad } from "../ledger-load.ts";
import type { Part, Run } from "../part.ts";
import { startRig } from "../rig.ts";

const occupiedFor = 5;

/** As long as the product remembers a fresh signature. */
const rememberFor = 360_000;

const sides = [
  { what: "one user, 1 shard", shards: 1, users: 1, occupiedFor },
  { what: "one user, 4 shards", shards: 4, users: 1, occupiedFor },
  { what: "one user, 16 shards", shards: 16, users: 1, occupiedFor },
  // One shard each: with 16, workerd would hold more files open than a process may.
  { what: "1,000 users, 1 shard each", shards: 1, users: 1000, occupiedFor },
  { what: "one user, 16 shards, no object occupied", shards: 16, users: 1, occupiedFor: 0 },
] as const;

export const ledger: Part = {
  title: `The ledger, each login occupying its object for ${occupiedFor} ms`,
  plot: {
    file: "ledger.svg",
    title: "Logins of one user that the ledger takes",
    x: "shards",
    y: `logins a second, each occupying its object for ${occupiedFor} ms`,
  },
  async measure({ smoke, say }: Run): Promise<Figure[]> {
    const rounds = smoke ? 1 : 7;
    const seconds = smoke ? 0.05 : 2;
    const rig = await startRig();
    try {
      const measured: ((typeof sides)[number] & { send(): Promise<number>; rates: number[] })[] = [];
      for (const side of sides) {
        const worker = await rig.start(await buildWorker("ledger-load", { ledgerShards: side.shards }));
        const users = smoke ? Math.min(side.users, 10) : side.users;
        const send = async (logins: number) => {
          const load: LedgerLoad = { ...side, users, logins, atATime: 256, rememberFor };
          const start = performance.now();
          const response = await fetch(worker.origin, { method: "POST", body: JSON.stringify(load) });
          await response.arrayBuffer();
          if (!response.ok) throw new Error(`${side.what}: ${response.status}`);
          return logins / ((performance.now() - start) / 1000);
        };
        // Every object exists before it is measured.
        const rate = await send(Math.max(side.users === 1 ? 300 : users, 20));
        measured.push({
          ...side,
          send: () => send(Math.ceil(rate * seconds)),
          rates: [],
        });
      }
      for (let round = 1; round <= rounds; round += 1) {
        for (const { send, rates } of measured) rates.push(await send());
        say(`round ${round} of ${rounds}`);
      }
      const [one, four, sixteen] = measured.map(({ rates }) => rates);
      if (one === undefined || four === undefined || sixteen === undefined)
        throw new Error("there are three");
      return [
        ratio("one user: 4 shards / 1", four, one, { atLeast: 2 }),
        ratio("one user: 16 shards / 4", sixteen, four, { atLeast: 2 }),
        ...measured.map(({ what, rates, ...side }) => ({
          ...figure(what, "logins/s", rates),
          ...(side.users === 1 && side.occupiedFor > 0 ? { at: side.shards } : {}),
        })),
      ];
    } finally {
      await rig.stop();
    }
  },
};
