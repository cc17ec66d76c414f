/** A login with few and with many configured identities: one Worker uses the databases in turns. */
import { randomInt } from "node:crypto";
import { buildProduct } from "../bundle.ts";
import { type Figure, figure, median, ratio } from "../figures.ts";
import { send } from "../load.ts";
import { configure, signLogin, type Workload } from "../logins.ts";
import type { Part, Run } from "../part.ts";
import { type Rig, startRig } from "../rig.ts";

const concurrency = 4;
const atOnce = 50_000;

const count = (number: number) => number.toLocaleString("en");

/** The id of the identity with this number: as random as a UUID for an index, and known without a query. */
function identityId(number: number): string {
  const scattered = Number((BigInt(number) * 2_654_435_761n) % 2n ** 32n);
  const hex = (value: number, length: number) => value.toString(16).padStart(length, "0");
  return `${hex(scattered, 8)}-0000-4000-8000-${hex(number, 12)}`;
}

const id = (prefix: string) => `printf('%08x-0000-4000-${prefix}-%012x', (n * 2654435761) % 4294967296, n)`;

/** Adds identities like the workload's, each with an OCI Auth configuration of its own. */
async function addIdentities(rig: Rig, { identityId }: Workload, total: number): Promise<void> {
  for (let first = 0; first < total; first += atOnce) {
    const last = Math.min(first + atOnce, total) - 1;
    const numbers =
      "WITH RECURSIVE numbers (n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?2)";
    await rig.query(
      "DB",
      `${numbers} INSERT INTO identities SELECT ${id("8000")}, name || n, organization_id, role, suspended,
         token_generation, created_at, updated_at FROM numbers, identities WHERE id = ?3`,
      first,
      last,
      identityId,
    );
    await rig.query(
      "DB",
      `${numbers} INSERT INTO oci_auth_configs SELECT ${id("9000")}, ${id("8000")}, tenancy_ocid,
         root_organization_id, allowed_usernames, access_token_ttl, access_token_max_ttl,
         access_token_num_uses_limit, access_token_period, access_token_trusted_ips, access_token_audience,
         signature_reuse, created_at, updated_at FROM numbers, oci_auth_configs WHERE identity_id = ?3`,
      first,
      last,
      identityId,
    );
  }
}

export const identities: Part = {
  title: "Configured identities",
  plot: {
    file: "identities.svg",
    title: "A login among configured identities",
    x: "configured identities",
    y: `ms, ${concurrency} logins at a time`,
  },
  async measure({ smoke, say }: Run): Promise<Figure[]> {
    const totals = smoke ? [10, 100, 1000] : [1000, 100_000, 1_000_000];
    const rounds = smoke ? 1 : 30;
    const inRound = smoke ? 4 : 100;
    const rig = await startRig();
    try {
      const worker = await rig.start(buildProduct().bundle);
      const sides: {
        total: number;
        workload: Workload;
        latencies: number[];
        rows: number[];
        size: number;
      }[] = [];
      for (const total of totals) {
        await rig.lead("DB", `DB of ${total}`);
        await rig.migrate("DB");
        const workload = await configure(rig, worker.origin);
        await addIdentities(rig, workload, total);
        const { results, meta } = await rig.query(
          "DB",
          "SELECT count(*) AS identities FROM oci_auth_configs",
        );
        if (results[0]?.identities !== total + 1)
          throw new Error(`not ${total} identities: ${JSON.stringify(results)}`);
        sides.push({ total, workload, latencies: [], rows: [], size: meta.size_after / 1e6 });
        say(`${count(total)} identities are configured`);
      }
      const logins = ({ workload, total }: (typeof sides)[number], many: number) =>
        Array.from({ length: many }, () =>
          signLogin({ ...workload, identityId: identityId(randomInt(total)) }),
        );
      // The first round warms up, and is not counted.
      for (let round = 0; round <= rounds; round += 1) {
        for (const side of sides) {
          await rig.lead("DB", `DB of ${side.total}`);
          await rig.takeRows("DB");
          const latencies = await send(worker.origin, logins(side, inRound), concurrency);
          const { read } = await rig.takeRows("DB");
          if (round === 0) continue;
          side.latencies.push(median(latencies));
          side.rows.push(read / inRound);
        }
        if (round % 5 === 0) say(`round ${round} of ${rounds}`);
      }
      const [few, , many] = sides;
      if (few === undefined || many === undefined) throw new Error("there are three sides");
      return [
        ratio(
          `latency among ${count(many.total)} / among ${count(few.total)}`,
          many.latencies,
          few.latencies,
          { atMost: 1.1 },
        ),
        ...sides.flatMap(({ total, latencies, rows, size }) => [
          { ...figure(`latency among ${count(total)}`, "ms", latencies), at: total },
          figure(`D1 rows read for a login among ${count(total)}`, "rows", rows),
          figure(`size of D1 with ${count(total)}`, "MB", [size]),
        ]),
      ];
    } finally {
      await rig.stop();
    }
  },
};
