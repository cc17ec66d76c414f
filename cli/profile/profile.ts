/** The settings of the profile that signs, from the command line, the environment and the configuration file. */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { type Checked, failed, passed } from "../terminal/checked.ts";
import { defaultProfile, parseConfigFile, profileOf } from "./config-file.ts";

export interface ProfileOptions {
  readonly profile: string;
  readonly configFile?: string;
  readonly region?: string;
}

/** A value, and for messages where it is set. */
export interface Setting {
  readonly value: string;
  readonly from: string;
}

/** Each setting by its name in the configuration file, and the variable of Oracle's command line that overrides it. */
const variables = {
  user: "OCI_CLI_USER",
  tenancy: "OCI_CLI_TENANCY",
  fingerprint: "OCI_CLI_FINGERPRINT",
  region: "OCI_CLI_REGION",
  key_file: "OCI_CLI_KEY_FILE",
  key_content: "OCI_CLI_KEY_CONTENT",
  pass_phrase: "OCI_CLI_PASSPHRASE",
} as const;

export type SettingName = keyof typeof variables;

export interface Profile {
  readonly name: string;
  /** The configuration file; undefined if there is none, and all settings are from the environment. */
  readonly file: string | undefined;
  readonly settings: { readonly [name in SettingName]?: Setting };
  /** Whether its key belongs to a session, and needs a security token. */
  readonly isSession: boolean;
  /** Says from where settings were read, if that may surprise. */
  readonly notice: string | undefined;
}

/** Adds the options of Oracle's command line, with its variables. */
export function addProfileOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--profile <name>", "a profile of the configuration file")
        .env("OCI_CLI_PROFILE")
        .default(defaultProfile),
    )
    .addOption(
      new Option("--config-file <path>", "the configuration file, in place of ~/.oci/config").env(
        "OCI_CLI_CONFIG_FILE",
      ),
    )
    .addOption(new Option("--region <region>", "such as us-ashburn-1 or iad, in place of the profile's"));
}

/** For `--help`, after its options. */
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
  pass_phrase  OCI_CLI_PASSPHRASE, or typed at a prompt`;

/** Finds the profile. It may lack settings. */
export function readProfile(options: ProfileOptions): Checked<Profile> {
  // An empty variable counts as none.
  const name = options.profile || defaultProfile;
  const { path, notice } = locate(options.configFile || undefined);
  const filed = path === undefined ? passed(new Map(), "") : readSettings(path, name);
  if (!filed.ok) return filed;
  const settings: { [name in SettingName]?: Setting } = {};
  for (const [setting, variable] of Object.entries(variables) as [SettingName, string][]) {
    const set = process.env[variable];
    // Oracle's tools read the key itself from a program or the environment, never from a file.
    const own: string | undefined = setting === "key_content" ? undefined : filed.value.get(setting);
    if (setting === "region" && options.region !== undefined) {
      settings.region = { value: options.region, from: "--region" };
    } else if (set) {
      settings[setting] = { value: set, from: variable };
    } else if (own) {
      settings[setting] = { value: own, from: `${setting} of [${name}]` };
    }
  }
  const isSession = filed.value.has("security_token_file");
  const profile = { name, file: path, settings, isSession, notice };
  const read = path === undefined ? "no file: the environment" : `[${name}] of ${path}`;
  return passed(profile, notice === undefined ? read : `${read}; ${notice}`);
}

/** Whether the profile has all settings that an API key needs. */
export function checkComplete({ name, file, settings, isSession }: Profile): Checked<void> {
  const required: SettingName[] = ["user", "tenancy", "fingerprint", "region"];
  if (settings.key_content === undefined) required.push("key_file");
  const missing = required.filter((setting) => settings[setting] === undefined);
  if (missing.length === 0) return passed(undefined, required.join(", "));

  const [are, them] = missing.length === 1 ? ["is", "it"] : ["are", "them"];
  const what = `${missing.join(", ")} ${are} missing`;
  const ways = missing.map((setting) => variables[setting]).join(", ");
  if (file === undefined) {
    return failed(
      `there is no ~/.oci/config, and ${what} in the environment`,
      `write that file (oci setup config), name one with --config-file, or set ${ways}`,
    );
  }
  if (isSession) {
    return failed(
      `${what} in [${name}] of ${file}, which is the profile of a session (security_token_file)`,
      "choose a profile with an API key, since a session cannot log in here",
    );
  }
  return failed(`${what} in [${name}] of ${file}`, `add ${them} there or set ${ways}`);
}

/** A path as Oracle's tools read it: `~` is the home folder, and a relative path starts at the working directory. */
export function resolvePath(path: string): string {
  return resolve(path.replace(/^~(?=\/|$)/, home));
}

/** Without a home folder, as for a user that the system does not know, `~` stays, as in Python. */
function home(): string {
  try {
    return homedir();
  } catch {
    return "~";
  }
}

/** As in Oracle's tools, OCI_CONFIG_FILE counts only if there is no ~/.oci/config. */
function locate(named: string | undefined): { path: string | undefined; notice?: string } {
  if (named !== undefined) return { path: resolvePath(named) };
  const usual = resolvePath("~/.oci/config");
  const variable = process.env.OCI_CONFIG_FILE;
  const other = variable ? resolvePath(variable) : undefined;
  if (!existsSync(usual)) return { path: other };
  if (other === undefined || other === usual) return { path: usual };
  const notice = `${usual} is read and not OCI_CONFIG_FILE, which counts only without that file; to read ${other}, use --config-file or OCI_CLI_CONFIG_FILE`;
  return { path: usual, notice };
}

function readSettings(path: string, name: string): Checked<ReadonlyMap<string, string>> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    return failed(
      `the configuration file cannot be read: ${(error as Error).message}`,
      "check --config-file, OCI_CLI_CONFIG_FILE and OCI_CONFIG_FILE",
    );
  }
  const file = parseConfigFile(text);
  if (!file.ok) return failed(`${path}: ${file.problem}`, "correct that line");
  const profile = profileOf(file.value, name);
  if (profile !== undefined) return passed(profile, name);
  const others = [...file.value.keys()].map((other) => `[${other}]`).join(", ");
  return failed(
    `there is no profile [${name}] in ${path}, which has ${others === "" ? "none" : others}`,
    "choose one with --profile or OCI_CLI_PROFILE",
  );
}
