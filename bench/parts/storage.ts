/** What a login stores, and for how long: the ledger forgets, the directory keeps one entry a user, the log grows. */
import { setTimeout as sleep } from "node:timers/promises";
import { buildProduct, buildWorker } from "../bundle.ts";
import { eventually } from "../eventually.ts";
import { type Figure, figure, median, ratio } from "../figures.ts";
import type { LedgerLoad, LedgerSize } from "../ledger-load.ts";
import { send } from "../load.ts";
import { configure, entryBytes, logInFirst, signLogins } from "../logins.ts";
import type { Part, Run } from "../part.ts";
import { startRig } from "../rig.ts";

/** Short, so that a short run sees signatures come and go; the product remembers them for up to eleven minutes. */
const rememberFor = 5000;

/** A ledger of one shard. */
async function startLedger() {
  const rig = await startRig();
  const worker = await rig.start(await buildWorker("ledger-load", { ledgerShards: 1 }));
  return {
    stop: rig.stop,
    size: async () => (await (await fetch(`${worker.origin}/size`)).json()) as LedgerSize,
    async record(logins: number, rememberFor: number): Promise<void> {
      const load: LedgerLoad = { users: 1, logins, atATime: 16, rememberFor, occupiedFor: 0 };
      const response = await fetch(worker.origin, { method: "POST", body: JSON.stringify(load) });
      if (!response.ok) throw new Error(`the ledger's load was answered ${response.status}`);
      await response.arrayBuffer();
    },
  };
}

type Ledger = Awaited<ReturnType<typeof startLedger>>;

const untilMoved = (ledger: Ledger): Promise<LedgerSize> =>
  eventually("the ledger's events to AUDIT_DB", async () => {
    const size = await ledger.size();
    return size.outbox === 0 ? size : undefined;
  });

/** Bytes of a remembered login, once its event is in the log. */
async function rememberedBytes(logins: number): Promise<number> {
  const ledger = await startLedger();
  try {
    const { bytes: before } = await untilMoved(ledger);
    // In portions, so that the outbox stays small, as at a steady rate.
    for (let portion = 0; portion < 10; portion += 1) {
      await ledger.record(logins / 10, 600_000);
      await untilMoved(ledger);
    }
    const { bytes, signatures } = await ledger.size();
    if (signatures !== logins) throw new Error(`${signatures} of ${logins} signatures are remembered`);
    return (bytes - before) / logins;
  } finally {
    await ledger.stop();
  }
}

/** Bytes of an object at a steady rate of logins, every second. */
async function steadySizes(seconds: number, logins: number): Promise<number[]> {
  const ledger = await startLedger();
  try {
    const sizes: number[] = [];
    for (let second = 0; second < seconds; second += 1) {
      const next = sleep(1000);
      await ledger.record(logins, rememberFor);
      sizes.push((await ledger.size()).bytes);
      await next;
    }
    return sizes;
  } finally {
    await ledger.stop();
  }
}

async function writtenByLogins(logins: number) {
  const rig = await startRig();
  try {
    const worker = await rig.start(buildProduct().bundle);
    const workload = await configure(rig, worker.origin);
    const logged = async () => {
      const { results, meta } = await rig.query(
        "AUDIT_DB",
        "SELECT count(*) AS events FROM audit_events WHERE type = 'login'",
      );
      return { events: Number(results[0]?.events), bytes: meta.size_after };
    };
    const before = await logged();
    await rig.takeRows("AUDIT_DB");
    await logInFirst(rig, worker.origin, workload);
    const first = await entryBytes(rig, workload);
    await send(worker.origin, signLogins(workload, logins - 1), 8);
    const after = await eventually("the logins' events to AUDIT_DB", async () => {
      const found = await logged();
      return found.events < logins ? undefined : found;
    });
    const { written } = await rig.takeRows("AUDIT_DB");
    const event = { bytes: (after.bytes - before.bytes) / logins, rows: written / logins };
    return { first, last: await entryBytes(rig, workload), event };
  } finally {
    await rig.stop();
  }
}

export const storage: Part = {
  title: "Storage",
  async measure({ smoke, say }: Run): Promise<Figure[]> {
    const logins = smoke ? 100 : 5000;
    const seconds = smoke ? 4 : 60;
    const { first, last, event } = await writtenByLogins(logins);
    say("the directory and the audit log are measured");
    const remembered = await rememberedBytes(logins);
    say("a remembered login is measured");
    const sizes = await steadySizes(seconds, smoke ? 10 : 100);
    say("a steady rate is measured");
    // The alarm comes and goes with waiting events, so seconds are compared by their median.
    const quarter = Math.ceil(seconds / 4);
    const early = median(sizes.slice(quarter, 2 * quarter));
    const late = median(sizes.slice(-quarter));
    return [
      figure(`the directory's entry of a user, after ${logins} logins`, "bytes", [last]),
      ratio("the entry after them / after one", [last], [first]),
      figure("ledger, for each login that is remembered", "bytes", [remembered]),
      ratio(
        `a ledger at a steady rate, its last ${quarter} seconds / ${quarter} to ${2 * quarter} seconds after its first login`,
        [late],
        [early],
        { atMost: 1.1 },
      ),
      figure("AUDIT_DB, for each login", "bytes", [event.bytes]),
      figure("D1 rows written, for each login", "rows", [event.rows]),
    ];
  },
};
