/** The options of both `login` and `doctor`: a Worker, an identity, and who signs how. */
import { type Command, Option } from "commander";
import type { SignatureAlgorithm } from "../../src/oci/request-signature.ts";
import { addProfileOptions, type ProfileOptions } from "../profile/profile.ts";
import { workerUrlOption } from "../worker/url.ts";

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
