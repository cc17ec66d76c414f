/** What `login` and `doctor` both take: a Worker, an identity, and who signs how. */
import { type Command, Option } from "commander";
import type { SignatureAlgorithm } from "../oci/request-signature.ts";
import { addProfileOptions, type ProfileOptions } from "./profile.ts";
import { workerUrlOption } from "./worker-url.ts";

export interface LoginOptions extends ProfileOptions {
  readonly url?: string;
  readonly identityId?: string;
  readonly organizationSlug?: string;
  readonly algorithm: SignatureAlgorithm;
}

export function addLoginOptions(command: Command): Command {
  command
    .addOption(workerUrlOption())
    .addOption(new Option("--identity-id <id>", "the identity to log in as").env("OCI_AUTH_IDENTITY_ID"))
    .addOption(
      new Option("--organization-slug <slug>", "log in to this sub-organization").env(
        "OCI_AUTH_ORGANIZATION_SLUG",
      ),
    );
  return addProfileOptions(command).addOption(
    new Option("--algorithm <algorithm>", "how to sign; rsa-pss-sha256 never makes a signature twice")
      .choices(["rsa-sha256", "rsa-pss-sha256"])
      .default("rsa-sha256"),
  );
}

export const profileHelp = `
The API key is a profile's of OCI's configuration file, as for Oracle's command line. An option wins over a variable,
a variable over the file, and a profile inherits what it does not set from [DEFAULT]:
  file         --config-file, OCI_CLI_CONFIG_FILE, ~/.oci/config, and where that is absent OCI_CONFIG_FILE
  user         OCI_CLI_USER
  tenancy      OCI_CLI_TENANCY
  fingerprint  OCI_CLI_FINGERPRINT
  region       --region, OCI_CLI_REGION (a name such as us-ashburn-1 or a code such as iad)
  key_file     OCI_CLI_KEY_FILE, or the key itself in OCI_CLI_KEY_CONTENT (~ is the home folder; a relative path starts
               at the working directory, as in Oracle's SDKs)
  pass_phrase  OCI_CLI_PASSPHRASE, or typed when asked`;
