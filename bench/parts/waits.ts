/**
 * How long a caller waits when every remote call takes a fixed time, compared with the longest path, which no order of
 * calls can shorten, and with the design that forwards every login to OCI.
 */
import { buildProduct, buildWorker } from "../bundle.ts";
import { type Figure, figure, median } from "../figures.ts";
import { send } from "../load.ts";
import { addUser, configure, logInFirst, signLogin } from "../logins.ts";
import type { Part, Run } from "../part.ts";
import { startRig } from "../rig.ts";

const delays = { kv: 5, d1: 30, ledger: 30, oci: 120 };
const late = {
  LEDGER: `export default ({ LEDGER }) => ({
    getByName(name) {
      const stub = LEDGER.getByName(name);
      return {
        async recordLogin(record) {
          // The whole call takes that long: workerd's timers take a millisecond more than set, the object another.
          await scheduler.wait(${delays.ledger - 2});
          return stub.recordLogin(record);
        },
      };
    },
  });`,
};

const warmPath = Math.max(delays.kv, delays.d1) + delays.ledger;
const coldPath = warmPath + delays.oci;

export const waits: Part = {
  title: `Waits: KV ${delays.kv} ms, D1 ${delays.d1} ms, ledger ${delays.ledger} ms, OCI ${delays.oci} ms`,
  async measure({ smoke, say }: Run): Promise<Figure[]> {
    const rounds = smoke ? 1 : 10;
    const inRound = smoke ? 2 : 15;
    const rig = await startRig(delays);
    try {
      const product = await rig.start(buildProduct().bundle, late);
      const floor = await rig.start(await buildWorker("floor"), late);
      const forwarding = await rig.start(await buildWorker("forwarding"), late);
      const workload = await configure(rig, product.origin);
      await logInFirst(rig, product.origin, workload);
      const ociHost = new URL(rig.oci.origin).host;
      const logins = {
        warm: { worker: product, sign: async () => signLogin(workload) },
        cold: {
          worker: product,
          sign: async () => signLogin({ ...workload, ...(await addUser(rig, workload.tenancyOcid)) }),
        },
        floor: { worker: floor, sign: async () => signLogin(workload) },
        forwarded: { worker: forwarding, sign: async () => signLogin(workload, ociHost) },
      };
      const kinds = ["warm", "cold", "floor", "forwarded"] as const;
      const sendOnce = async (kind: (typeof kinds)[number], count: number) => {
        const { worker, sign } = logins[kind];
        // One at a time: parallel logins would wait for each other too.
        return send(worker.origin, await Promise.all(Array.from({ length: count }, sign)), 1);
      };
      const latencies = { warm: [], cold: [], floor: [], forwarded: [] } as Record<string, number[]>;
      for (const kind of kinds) await sendOnce(kind, inRound);
      for (let round = 1; round <= rounds; round += 1) {
        for (const kind of kinds) latencies[kind]?.push(...(await sendOnce(kind, inRound)));
        say(`round ${round} of ${rounds}`);
      }
      const paths = { warm: warmPath, cold: coldPath, floor: warmPath, forwarded: coldPath };
      for (const kind of kinds) {
        const took = median(latencies[kind] ?? []);
        // On a faster machine, the remotes answer a little sooner (workers/remote.ts).
        if (!(took > paths[kind] * 0.97))
          throw new Error(
            `a ${kind} login took ${took} ms, and the delays are ${paths[kind]} ms: one is missing`,
          );
      }
      const over = (path: number, kind: (typeof kinds)[number]) =>
        (latencies[kind] ?? []).map((milliseconds) => milliseconds / path);
      return [
        figure(`a warm login / ${warmPath} ms (D1, then the ledger)`, "×", over(warmPath, "warm"), {
          atMost: 1.1,
        }),
        figure(`a cold login / ${coldPath} ms (D1, OCI, then the ledger)`, "×", over(coldPath, "cold"), {
          atMost: 1.1,
        }),
        figure(`the floor / ${warmPath} ms`, "×", over(warmPath, "floor")),
        figure(`a forwarded login / ${warmPath} ms`, "×", over(warmPath, "forwarded")),
        figure("a warm login", "ms", over(1, "warm")),
        figure("a cold login", "ms", over(1, "cold")),
        figure("a forwarded login", "ms", over(1, "forwarded")),
      ];
    } finally {
      await rig.stop();
    }
  },
};
