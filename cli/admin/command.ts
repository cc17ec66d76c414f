/** `oci-auth admin`: the admin API in the terminal. */
import { Command } from "commander";
import { exitCode, exitCodesHelp, Failure } from "../terminal/failure.ts";
import { workerUrlOption } from "../worker/url.ts";
import { AdminApi } from "./api.ts";
import { auditOperations } from "./audit-operations.ts";
import { readBearer } from "./bearer.ts";
import { identityOperations } from "./identity-operations.ts";
import { addImport } from "./import-command.ts";
import { instanceAuthOperations } from "./instance-auth-operations.ts";
import { ociAuthOperations } from "./oci-auth-operations.ts";
import { type AdminSession, addOperation } from "./operation-command.ts";
import { organizationOperations } from "./organization-operations.ts";
import { addReEncrypt } from "./re-encrypt-command.ts";
import { addReady } from "./ready-command.ts";
import { tenancyOperations } from "./tenancy-operations.ts";

const groups = {
  organizations: "Organizations and sub-organizations.",
  members: "Identities' memberships in sub-organizations.",
  identities: "Machine identities.",
  "oci-auth": "Which OCI users log in as an identity, and what its tokens are.",
  "instance-auth": "Which compute instances log in as an identity, and what its tokens are.",
  tenancies: "The OCI tenancies that are registered (for the holder of ADMIN_TOKEN).",
  "audit-events": "The audit log.",
} as const;

const operations = [
  ...organizationOperations,
  ...identityOperations,
  ...ociAuthOperations,
  ...instanceAuthOperations,
  ...tenancyOperations,
  ...auditOperations,
];

export function adminCommand(): Command {
  const admin = new Command("admin")
    .description("Manage organizations, identities, their methods of login, tenancies and audit events.")
    .exitOverride()
    .showHelpAfterError("(--help says more)")
    .configureHelp({ showGlobalOptions: true })
    .addOption(workerUrlOption())
    .option("--token-file <path>", "a file that holds the token, in place of OCI_AUTH_ADMIN_TOKEN")
    .option("--json", "print the API's answer as JSON")
    .addHelpText(
      "after",
      `
The token is ADMIN_TOKEN, or an access token of an identity with the role admin. It is read from the environment
variable OCI_AUTH_ADMIN_TOKEN or from --token-file, and never from an argument, which every user of the machine
could read.

Examples:
  $ export OCI_AUTH_URL=https://auth.example.com OCI_AUTH_ADMIN_TOKEN
  $ oci-auth admin organizations create --name Acme --slug acme
  $ oci-auth admin identities list --all --json
  $ oci-auth admin identities suspend 7d4f0f7e-2f0b-4d55-9d38-0c8f4c6b1a22
${exitCodesHelp("done", "the Worker refused, a check failed, or you did not confirm")}`,
    );
  const session = (): AdminSession => {
    const { url, tokenFile, json = false } = admin.opts<{ url?: string; tokenFile?: string; json?: true }>();
    if (!url) {
      throw new Failure(
        "no Worker is named; give --url https://auth.example.com or set OCI_AUTH_URL",
        exitCode.usage,
      );
    }
    return { api: new AdminApi(url, readBearer(tokenFile)), json };
  };
  for (const [group, description] of Object.entries(groups)) {
    const command = admin.command(group).description(description);
    for (const operation of operations) {
      if (operation.command[0] === group) addOperation(command, operation, session);
    }
    if (group === "tenancies") addReEncrypt(command, session);
  }
  addImport(admin, session);
  addReady(admin, session);
  return admin;
}
