/** Loads the API key of a profile. Each step that can fail is a check of its own. */
import { readFileSync } from "node:fs";
import { type ApiKeyId, isFingerprint } from "../../src/oci/key-id.ts";
import {
  parseTenancyOcid,
  parseUserOcid,
  realmOf,
  type TenancyOcid,
  type UserOcid,
} from "../../src/oci/ocid.ts";
import { quoted } from "../../src/oci/parsed.ts";
import { type ApiPrivateKey, isEncrypted, parsePrivateKey } from "../../src/oci/private-key.ts";
import { realmDomain } from "../../src/oci/realms.ts";
import { parseRegion } from "../../src/oci/regions.ts";
import type { SignatureAlgorithm } from "../../src/oci/request-signature.ts";
import { importSigningKey } from "../../src/oci/sign.ts";
import { type Checked, failed, orFail, passed } from "../terminal/checked.ts";
import type { Passphrases } from "./passphrase.ts";
import { checkComplete, type Profile, resolvePath, type SettingName } from "./profile.ts";

/** Everything that a login is signed with. */
export interface ApiKey {
  readonly keyId: ApiKeyId;
  readonly region: string;
  readonly signingKey: CryptoKey;
}

export interface KeyFile {
  readonly pem: string;
  /** Undefined if it came from the environment. */
  readonly path: string | undefined;
  /** Its name in a message. */
  readonly label: string;
}

/** Throws a `Failure` at the first step that is not ok. */
export async function loadApiKey(
  profile: Profile,
  algorithm: SignatureAlgorithm,
  passphrases: Passphrases,
): Promise<ApiKey> {
  orFail(checkComplete(profile));
  const owner = orFail(checkOwner(profile));
  const region = orFail(checkRegion(profile));
  const file = orFail(readKeyFile(profile));
  const key = orFail(await openKey(file, profile, passphrases));
  const fingerprint = orFail(checkFingerprint(profile, key));
  return {
    keyId: { ...owner, fingerprint },
    region,
    signingKey: await importSigningKey(key.pkcs8, algorithm),
  };
}

/** The user and the tenancy, well-formed and of one realm. */
export function checkOwner(profile: Profile): Checked<{ userOcid: UserOcid; tenancyOcid: TenancyOcid }> {
  const user = setting(profile, "user");
  const userOcid = parseUserOcid(user.value);
  if (!userOcid.ok) return failed(`${user.from}: ${userOcid.problem}`, whereOcidsAre);
  const tenancy = setting(profile, "tenancy");
  const tenancyOcid = parseTenancyOcid(tenancy.value);
  if (!tenancyOcid.ok) return failed(`${tenancy.from}: ${tenancyOcid.problem}`, whereOcidsAre);
  const realm = realmOf(tenancyOcid.value);
  if (realmOf(userOcid.value) !== realm) {
    return failed(
      `the user is of realm ${realmOf(userOcid.value)} and the tenancy of realm ${realm}`,
      "take both from the same profile of the console",
    );
  }
  const value = { userOcid: userOcid.value, tenancyOcid: tenancyOcid.value };
  return passed(value, `user and tenancy of realm ${realm} (${realmDomain(realm)})`);
}

const whereOcidsAre = "copy it from the user's profile in the OCI console";

/** The region's full name. A known region must be of the tenancy's realm. */
export function checkRegion(profile: Profile): Checked<string> {
  const { value, from } = setting(profile, "region");
  const region = parseRegion(value);
  if (region === undefined) {
    return failed(`${from}: ${quoted(value)} is not a region`, "use a name such as us-ashburn-1");
  }
  if (region.realm === undefined) {
    return passed(region.name, `${region.name}, which this version does not know, but has a region's form`);
  }
  const tenancy = parseTenancyOcid(setting(profile, "tenancy").value);
  if (tenancy.ok && realmOf(tenancy.value) !== region.realm) {
    return failed(
      `${from}: ${region.name} is of realm ${region.realm}, and the tenancy of realm ${realmOf(tenancy.value)}`,
      "use a region of the tenancy",
    );
  }
  return passed(region.name, `${region.name} of realm ${region.realm}`);
}

export function readKeyFile(profile: Profile): Checked<KeyFile> {
  const content = profile.settings.key_content;
  // As in Oracle's SDKs, the key itself has precedence over a file.
  if (content !== undefined) {
    return passed({ pem: content.value, path: undefined, label: content.from }, `from ${content.from}`);
  }
  const { value, from } = setting(profile, "key_file");
  const path = resolvePath(value);
  try {
    return passed({ pem: readFileSync(path, "utf8"), path, label: path }, path);
  } catch (error) {
    const { message } = error as Error;
    return failed(
      `the key file cannot be read: ${message}`,
      `correct ${from} (a relative path starts at the working directory)`,
    );
  }
}

export async function openKey(
  { pem, label }: KeyFile,
  profile: Profile,
  passphrases: Passphrases,
): Promise<Checked<ApiPrivateKey>> {
  if (!isEncrypted(pem)) {
    const key = await parsePrivateKey(pem);
    if (!key.ok) return failed(`${label}: ${key.problem}`, "give the private key of the API key, in PEM");
    return passed(key.value, "an RSA key");
  }
  const configured = profile.settings.pass_phrase;
  const passphrase = configured?.value ?? (await passphrases.of(label));
  if (passphrase === undefined) {
    return failed(
      `${label} is encrypted, and there is neither a passphrase nor a terminal to ask for it`,
      "set OCI_CLI_PASSPHRASE, or pass_phrase in the profile",
    );
  }
  const key = await parsePrivateKey(pem, passphrase);
  if (key.ok) return passed(key.value, "an RSA key, encrypted, and the passphrase is right");
  const source = configured === undefined ? "type it again" : `correct ${configured.from}`;
  return failed(`${label}: ${key.problem}`, source);
}

/** Whether the key is the one that the profile says it is. */
export function checkFingerprint(profile: Profile, key: ApiPrivateKey): Checked<string> {
  const { value, from } = setting(profile, "fingerprint");
  if (value === key.fingerprint) return passed(value, `${value}, as configured`);
  const what = isFingerprint(value)
    ? `the key's fingerprint is ${key.fingerprint}, but ${from} is ${value}`
    : `${from}: ${quoted(value)} is not a fingerprint (16 lower-case hex pairs), and the key's is ${key.fingerprint}`;
  return failed(what, "correct the fingerprint, or name the file of the key that has it");
}

/** A setting of a complete profile. */
function setting({ settings }: Profile, name: SettingName) {
  return settings[name] ?? { value: "", from: name };
}
