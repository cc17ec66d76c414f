/** `oci-auth admin ready`: checks whether the Worker's dependencies and each tenancy's credential work. */
import type { Command } from "commander";
import * as z from "zod";
import type { JsonObject } from "../json-object.ts";
import { exitCode, Failure } from "../terminal/failure.ts";
import { tableOf } from "../terminal/table.ts";
import { print, printableJson } from "../terminal/terminal.ts";
import { type AdminApi, saidByOci } from "./api.ts";
import type { AdminSession } from "./operation-command.ts";

const check = z.looseObject({
  ok: z.boolean(),
  problem: z.string().optional(),
  message: z.string().optional(),
  sizeBytes: z.number().optional(),
  changesWaiting: z.number().optional(),
  oldestChangeAt: z.string().nullable().optional(),
  oci: z.looseObject({}).optional(),
});
const version = z.object({
  release: z.string(),
  versionId: z.string().nullable(),
  uploadedAt: z.string().nullable(),
});
const report = z.object({
  ready: z.boolean(),
  /** 0.1.0 does not tell it. */
  version: version.optional(),
  dependencies: z.record(z.string(), check),
  tenancies: z.array(check.extend({ tenancyOcid: z.string() })).nullable(),
  nextCursor: z.string().nullable(),
});

type Check = z.output<typeof check>;
type Report = z.output<typeof report>;

/** As many as the Worker checks at once, so that there is time for each (docs/operate.md). */
const pageSize = "4";

export function addReady(admin: Command, session: () => AdminSession): void {
  admin
    .command("ready")
    .description("Check everything that a login depends on, and every tenancy's credential.")
    .addHelpText(
      "after",
      `
It changes nothing. A line for each says what is wrong with it and what to do. The token must be ADMIN_TOKEN.

Example:
  $ oci-auth admin ready

The exit code is 0 if all is ok, and 1 if something is not.`,
    )
    .action(async () => {
      const { api, json } = session();
      const found = await readiness(api);
      const rows = rowsOf(found);
      print(json ? printableJson(found) : tableOf(rows, ["check", "result", "message"]));
      if (found.ready) return;
      const names = rows.filter(({ result }) => result !== "ok").map((row) => row.check);
      throw new Failure(
        `not ready: ${names.join(", ")}; follow the advice above, and run it again`,
        exitCode.refused,
      );
    });
}

/** All pages joined to one. A dependency that failed on any page has failed. */
async function readiness(api: AdminApi): Promise<Report> {
  const request = { method: "GET", path: "/ready", query: { limit: pageSize }, reportStatus: 503 } as const;
  const whole: Report = { ready: true, dependencies: {}, tenancies: [], nextCursor: null };
  for await (const page of api.pages(report, request)) {
    whole.ready &&= page.ready;
    whole.version = page.version;
    for (const [name, found] of Object.entries(page.dependencies)) {
      if (whole.dependencies[name]?.ok !== false) whole.dependencies[name] = found;
    }
    whole.tenancies = page.tenancies && [...(whole.tenancies ?? []), ...page.tenancies];
  }
  return whole;
}

function rowsOf({ version, dependencies, tenancies }: Report): JsonObject[] {
  const unread = { ok: false, problem: "unavailable", message: "They cannot be read. Fix DB first." };
  return [
    ...(version ? [{ check: "version", result: "ok", message: described(version) }] : []),
    ...Object.entries(dependencies).map(([name, found]) => row(name, found)),
    ...(tenancies?.map((found) => row(found.tenancyOcid, found)) ?? [row("tenancies", unread)]),
  ];
}

function described({ release, versionId, uploadedAt }: z.output<typeof version>): string {
  const upload = versionId && `version ${versionId}${uploadedAt ? `, uploaded ${uploadedAt}` : ""}`;
  return upload ? `${release}, ${upload}` : release;
}

function row(name: string, found: Check): JsonObject {
  const { ok, problem, message, oci } = found;
  const said = [message ?? stateOf(found), oci && saidByOci(oci)].filter((text) => text !== undefined);
  return { check: name, result: ok ? "ok" : (problem ?? "not ok"), message: said.join(" ") || null };
}

function stateOf({ sizeBytes, changesWaiting = 0, oldestChangeAt }: Check): string | undefined {
  if (sizeBytes === undefined) return undefined;
  const size = `${(sizeBytes / 1e6).toFixed(1)} MB of 10 GB`;
  return changesWaiting === 0
    ? size
    : `${size}; ${changesWaiting} changes wait for the audit log, the oldest since ${oldestChangeAt}`;
}
