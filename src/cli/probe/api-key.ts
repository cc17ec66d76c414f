/** The API key that a probe signs with. */
import { type Command, Option } from "commander";
import { isRegion } from "../../oci/identity-host.ts";
import { parseTenancyOcid, parseUserOcid, type TenancyOcid, type UserOcid } from "../../oci/ocid.ts";
import type { Parsed } from "../../oci/parsed.ts";
import { importSigningKey } from "../../oci/sign.ts";
import { readPrivateKeyFile } from "../admin/private-key-file.ts";
import { exitCode, Failure } from "../failure.ts";

export interface ApiKey {
  readonly tenancyOcid: TenancyOcid;
  readonly userOcid: UserOcid;
  readonly fingerprint: string;
  readonly key: CryptoKey;
  readonly region: string;
}

/** Of the command, by their attribute names. The variables are those of OCI's own command line. */
export function addApiKeyOptions(command: Command): Command {
  return command
    .addOption(new Option("--tenancy-ocid <ocid>", "the user's tenancy").env("OCI_CLI_TENANCY"))
    .addOption(new Option("--user-ocid <ocid>", "the OCI user who logs in").env("OCI_CLI_USER"))
    .addOption(new Option("--key-file <path>", "the user's private API key, in PEM").env("OCI_CLI_KEY_FILE"))
    .addOption(new Option("--region <region>", "such as us-ashburn-1").env("OCI_CLI_REGION"));
}

export interface ApiKeyOptions {
  readonly tenancyOcid?: string;
  readonly userOcid?: string;
  readonly keyFile?: string;
  readonly region?: string;
}

export async function loadApiKey(options: ApiKeyOptions): Promise<ApiKey> {
  const tenancyOcid = parsed(
    parseTenancyOcid(given(options.tenancyOcid, "--tenancy-ocid")),
    "--tenancy-ocid",
  );
  const userOcid = parsed(parseUserOcid(given(options.userOcid, "--user-ocid")), "--user-ocid");
  const region = given(options.region, "--region");
  if (!isRegion(region)) throw misfit(`--region '${region}' is not a region such as us-ashburn-1`);
  const { key, fingerprint } = await readPrivateKeyFile(given(options.keyFile, "--key-file"));
  const pkcs8 = Uint8Array.from(key.export({ type: "pkcs8", format: "der" }));
  return { tenancyOcid, userOcid, fingerprint, key: await importSigningKey(pkcs8), region };
}

function given(value: string | undefined, option: string): string {
  if (value !== undefined) return value;
  throw misfit(`the API key is not given whole: ${option} is missing`);
}

function parsed<T>(value: Parsed<T>, option: string): T {
  if (value.ok) return value.value;
  throw misfit(`${option}: ${value.problem}`);
}

function misfit(problem: string): Failure {
  return new Failure(`${problem}; oci-auth probe --help says what it takes`, exitCode.usage);
}
