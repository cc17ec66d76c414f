/** `oci-auth admin import`: imports identities with OCI Auth. */
import type { Command } from "commander";
import * as z from "zod";
import { exitCode, Failure } from "../terminal/failure.ts";
import { tableOf } from "../terminal/table.ts";
import { print, printableJson } from "../terminal/terminal.ts";
import type { AdminApi } from "./api.ts";
import { type PlannedIdentity, planImport } from "./import-plan.ts";
import { readInfisicalExport } from "./infisical-export.ts";
import type { AdminSession } from "./operation-command.ts";
import { exampleOrganization } from "./paths.ts";

type Result = "created" | "attached" | "unchanged" | "conflict" | "not done";

interface ImportedIdentity {
  readonly name: string;
  readonly oldIdentityId: string;
  /** null until it is created. */
  readonly identityId: string | null;
  readonly result: Result;
  readonly differences: readonly string[];
}

export function addImport(admin: Command, session: () => AdminSession): void {
  admin
    .command("import")
    .description("Import identities with OCI Auth from Infisical.")
    .requiredOption("--from-infisical <file>", "JSON from Infisical's API, as docs/admin.md says")
    .requiredOption("--organization-id <id>", "the organization that the identities will belong to")
    .option("--dry-run", "show what would be done, and change nothing")
    .addHelpText(
      "after",
      `
Identities have new ids here, so the table (or --json) says which id became which: clients change identityId and the
host. Before it changes anything, it checks the whole file, and reads what the Worker has. Another run continues where
the last one stopped and creates nothing twice: identities of one name in the organization are the same. An identity
that exists with other settings is reported and not changed. The token must be ADMIN_TOKEN.

Example:
  $ oci-auth admin import --from-infisical export.json --organization-id ${exampleOrganization} --dry-run`,
    )
    .action(async (options: { fromInfisical: string; organizationId: string; dryRun?: true }) => {
      const { api, json } = session();
      const { organizationId, dryRun = false } = options;
      const planned = await planImport(api, organizationId, readInfisicalExport(options.fromInfisical));
      const { identities, failure } = dryRun
        ? { identities: planned.map(expected), failure: undefined }
        : await carryOut(api, organizationId, planned);
      report({ organizationId, dryRun, identities }, json);
      if (failure !== undefined) {
        throw new Failure(
          `the import stopped: ${failure.message}; what is done is above, and another run continues`,
          exitCode.refused,
        );
      }
      const conflicts = identities.filter(({ result }) => result === "conflict");
      if (conflicts.length > 0) {
        throw new Failure(
          `not changed, since they exist here with other settings: ${conflicts.map(({ name, differences }) => `${name} (${differences.join(", ")})`).join("; ")}; change them with 'oci-auth admin oci-auth update', or rename them`,
          exitCode.refused,
        );
      }
    });
}

const createdAnswer = z.object({ identity: z.object({ id: z.string() }) });

const resultOf = {
  create: "created",
  attach: "attached",
  unchanged: "unchanged",
  conflict: "conflict",
} as const;

function expected(planned: PlannedIdentity): ImportedIdentity {
  return outcome(planned, resultOf[planned.step]);
}

function outcome(
  { name, oldIdentityId, identityId, differences }: PlannedIdentity,
  result: Result,
  newId = identityId,
): ImportedIdentity {
  return { name, oldIdentityId, identityId: newId, result, differences };
}

/** Stops at the first failure. The result lists what was done and what was not. */
async function carryOut(
  api: AdminApi,
  organizationId: string,
  planned: readonly PlannedIdentity[],
): Promise<{ identities: ImportedIdentity[]; failure: Failure | undefined }> {
  const identities: ImportedIdentity[] = [];
  let failure: Failure | undefined;
  for (const one of planned) {
    if (failure !== undefined) {
      identities.push(outcome(one, "not done"));
      continue;
    }
    let identityId = one.identityId;
    try {
      if (one.step === "create") identityId = await create(api, organizationId, one.name);
      if (one.step === "create" || one.step === "attach") {
        const path = `/api/v1/auth/oci-auth/identities/${identityId}`;
        await api.call({ method: "POST", path, body: { ...one.settings } });
      }
      identities.push(outcome(one, resultOf[one.step], identityId));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      failure = error;
      identities.push(outcome(one, "not done", identityId));
    }
  }
  return { identities, failure };
}

async function create(api: AdminApi, organizationId: string, name: string): Promise<string> {
  const body = { name, organizationId };
  const { identity } = await api.callFor(createdAnswer, { method: "POST", path: "/api/v1/identities", body });
  return identity.id;
}

function report(
  done: {
    readonly organizationId: string;
    readonly dryRun: boolean;
    readonly identities: readonly ImportedIdentity[];
  },
  json: boolean,
): void {
  if (done.dryRun && !json) process.stderr.write("A dry run: nothing was changed, and this would be done.\n");
  const rows = done.identities.map((row) => ({ ...row }));
  print(json ? printableJson(done) : tableOf(rows, ["name", "oldIdentityId", "identityId", "result"]));
}
