/** A page of a short and of a long audit log: one Worker uses the two databases in turns. */
import { buildProduct } from "../bundle.ts";
import { type Figure, figure, median, ratio } from "../figures.ts";
import type { Part, Run } from "../part.ts";
import { type Rig, startRig } from "../rig.ts";

const atOnce = 50_000;
const organizationId = "00000000-0000-4000-8000-000000000000";
const identityId = "00000000-0000-4000-9000-000000000001";

/** Seconds since the epoch; an event comes every second. */
const begin = Date.UTC(2026, 0) / 1000;

const count = (number: number) => number.toLocaleString("en");

/** Distinguishes the events of one log from those of another. */
const userAgentOf = (total: number) => `bench of ${total}`;

/** Logins of the identities in turn. */
async function addEvents(rig: Rig, total: number, identityCount: number): Promise<void> {
  for (let first = 0; first < total; first += atOnce) {
    await rig.query(
      "AUDIT_DB",
      `WITH RECURSIVE numbers (n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?2)
       INSERT INTO audit_events SELECT printf('%08x-0000-4000-8000-%012x', (n * 2654435761) % 4294967296, n),
         strftime('%Y-%m-%dT%H:%M:%S.000Z', ?3 + n, 'unixepoch'), 'login', 'success', NULL, ?4, ?4,
         printf('00000000-0000-4000-9000-%012x', n % ?5), 'oci/ocid1.user.oc1..aaaaaaaaexample', '192.0.2.1',
         ?6, printf('req-%x', n), '{"username":"bench"}' FROM numbers`,
      first,
      Math.min(first + atOnce, total) - 1,
      begin,
      organizationId,
      identityCount,
      userAgentOf(total),
    );
  }
}

const views = {
  "the newest": () => "",
  "the middle": (total: number) => `&to=${new Date((begin + total / 2) * 1000).toISOString()}`,
  "an organization's": () => `&organizationId=${organizationId}`,
  "an identity's": () => `&identityId=${identityId}`,
};
type View = keyof typeof views;

export const audit: Part = {
  title: "A page of 100 audit events",
  async measure({ smoke, say }: Run): Promise<Figure[]> {
    const totals = smoke ? ([1000, 2000] as const) : ([100_000, 1_000_000] as const);
    // Each identity has a whole page of events.
    const identityCount = smoke ? 5 : 500;
    const rounds = smoke ? 1 : 20;
    const inRound = smoke ? 2 : 20;
    const rig = await startRig();
    try {
      const worker = await rig.start(buildProduct().bundle);
      const headers = { authorization: `Bearer ${rig.secrets.ADMIN_TOKEN}` };
      const readPage = async (total: number, query: string) => {
        const start = performance.now();
        const response = await fetch(`${worker.origin}/api/v1/audit-events?limit=100${query}`, { headers });
        const answer = (await response.json()) as { auditEvents?: { userAgent: string }[] };
        const milliseconds = performance.now() - start;
        const events = answer.auditEvents?.filter(({ userAgent }) => userAgent === userAgentOf(total));
        if (events?.length !== 100) {
          throw new Error(
            `not 100 of ${total} events for '${query}': ${JSON.stringify(answer).slice(0, 1000)}`,
          );
        }
        return milliseconds;
      };
      for (const total of totals) {
        await rig.lead("AUDIT_DB", `AUDIT_DB of ${total}`);
        await rig.migrate("AUDIT_DB");
        await addEvents(rig, total, identityCount);
        say(`${count(total)} events are in the log`);
      }
      const none = () => ({ latencies: [] as number[], rows: [] as number[] });
      const names = Object.keys(views) as View[];
      const sides = totals.map((total) => ({ total, pages: names.map((view) => ({ view, ...none() })) }));
      // The first round warms up, and is not counted.
      for (let round = 0; round <= rounds; round += 1) {
        for (const { total, pages } of sides) {
          await rig.lead("AUDIT_DB", `AUDIT_DB of ${total}`);
          for (const { view, latencies, rows } of pages) {
            await rig.takeRows("AUDIT_DB");
            const milliseconds = [];
            for (let n = 0; n < inRound; n += 1) milliseconds.push(await readPage(total, views[view](total)));
            const { read } = await rig.takeRows("AUDIT_DB");
            if (round === 0) continue;
            latencies.push(median(milliseconds));
            rows.push(read / inRound);
          }
        }
        if (round % 5 === 0) say(`round ${round} of ${rounds}`);
      }
      const [short, long] = sides;
      const all = count(totals[1]);
      return names.flatMap((view, index) => {
        const { latencies, rows } = long?.pages[index] ?? none();
        return [
          ratio(
            `${view} of ${all} / of ${count(totals[0])}`,
            latencies,
            (short?.pages[index] ?? none()).latencies,
          ),
          figure(`${view} of ${all}`, "ms", latencies),
          figure(`D1 rows read for ${view} of ${all}`, "rows", rows),
        ];
      });
    } finally {
      await rig.stop();
    }
  },
};
