/** Finds why a login fails: checks each thing that it needs, in the order in which it needs them. */
import { statSync } from "node:fs";
import { importSigningKey } from "../../src/oci/sign.ts";
import { type LoginTarget, logIn } from "../login/login.ts";
import type { LoginOptions } from "../login/options.ts";
import {
  type ApiKey,
  checkFingerprint,
  checkOwner,
  checkRegion,
  openKey,
  readKeyFile,
} from "../profile/api-key.ts";
import type { Passphrases } from "../profile/passphrase.ts";
import { checkComplete, type Profile, readProfile, type SettingName } from "../profile/profile.ts";
import { type Checked, failed, passed } from "../terminal/checked.ts";
import { Refused } from "../worker/refusal.ts";
import { checkClock, checkHealth } from "./worker-checks.ts";

export interface Finding {
  readonly name: string;
  /** null if it could not be checked. */
  readonly ok: boolean | null;
  readonly says: string;
  /** What to do if it is not ok. */
  readonly next?: string;
}

/** Continues as far as it can: only a check whose input is missing is skipped. */
export async function* examine(options: LoginOptions, passphrases: Passphrases): AsyncGenerator<Finding> {
  const profile = readProfile(options);
  yield finding("configuration file", profile);
  const settings = profile.ok ? profile.value : undefined;
  if (settings?.file !== undefined) yield finding("configuration file mode", checkMode(settings.file));
  yield finding("profile", settings && checkComplete(settings));

  const owner = checkSettings(settings, ["user", "tenancy"], checkOwner);
  yield finding("OCIDs", owner);
  const region = checkSettings(settings, ["region", "tenancy"], checkRegion);
  yield finding("region", region);

  const source = settings?.settings.key_content === undefined ? "key_file" : "key_content";
  const file = checkSettings(settings, [source], readKeyFile);
  yield finding("key file", file);
  if (file?.ok && file.value.path !== undefined) yield finding("key file mode", checkMode(file.value.path));
  const key = settings && file?.ok ? await openKey(file.value, settings, passphrases) : undefined;
  yield finding("private key", key);
  const fingerprint = key?.ok
    ? checkSettings(settings, ["fingerprint"], (own) => checkFingerprint(own, key.value))
    : undefined;
  yield finding("fingerprint", fingerprint);

  const health = await checkHealth(options.url);
  yield finding("Worker", health);
  yield finding("clock", health.ok ? checkClock(health.value) : undefined);

  const target = loginTarget(options);
  if (owner?.ok && region?.ok && key?.ok && fingerprint?.ok && health.ok && target.ok) {
    const keyId = { ...owner.value, fingerprint: fingerprint.value };
    const signingKey = await importSigningKey(key.value.pkcs8, options.algorithm);
    yield finding("login", await tryLogin(target.value, { keyId, region: region.value, signingKey }));
  } else {
    yield finding("login", target.ok ? undefined : target);
  }
}

function finding(name: string, checked: Checked<unknown> | undefined): Finding {
  if (checked === undefined)
    return { name, ok: null, says: "not checked: it depends on a check that failed above" };
  return checked.ok
    ? { name, ok: true, says: checked.says }
    : { name, ok: false, says: checked.problem, next: checked.next };
}

/** Undefined if the profile lacks one of the settings. */
function checkSettings<T>(
  profile: Profile | undefined,
  needed: readonly SettingName[],
  check: (profile: Profile) => Checked<T>,
): Checked<T> | undefined {
  return profile && needed.every((name) => profile.settings[name]) ? check(profile) : undefined;
}

/** The mode that Oracle's command line and ssh require. */
function checkMode(path: string): Checked<void> {
  if (process.platform === "win32") return passed(undefined, "not checked on Windows");
  const mode = statSync(path).mode & 0o777;
  const said = `0${mode.toString(8).padStart(3, "0")}`;
  return (mode & 0o077) === 0
    ? passed(undefined, said)
    : failed(`users other than its owner can access ${path} (mode ${said})`, `chmod 600 '${path}'`);
}

function loginTarget({ url, identityId, organizationSlug }: LoginOptions): Checked<LoginTarget> {
  if (!identityId) return failed("no identity is named", "give --identity-id or set OCI_AUTH_IDENTITY_ID");
  return passed({ url: url ?? "", identityId, organizationSlug: organizationSlug || undefined }, identityId);
}

/** A real login, which is in the audit log too. The token is discarded. */
async function tryLogin(target: LoginTarget, apiKey: ApiKey): Promise<Checked<void>> {
  try {
    const { expiresIn } = await logIn(target, apiKey);
    return passed(undefined, `logged in as ${target.identityId}, for ${expiresIn} s`);
  } catch (error) {
    if (error instanceof Refused) return failed(error.problem, error.next);
    throw error;
  }
}
