/** The API key that a probe signs with: a profile's, as for a login. */
import type { ApiKeyId } from "../../oci/key-id.ts";
import { loadApiKey } from "../api-key.ts";
import { orFail } from "../checked.ts";
import { Passphrases } from "../passphrase.ts";
import { type ProfileOptions, readProfile } from "../profile.ts";

export interface ApiKey extends ApiKeyId {
  readonly region: string;
  readonly key: CryptoKey;
}

export async function loadProbeKey(options: ProfileOptions): Promise<ApiKey> {
  const profile = orFail(readProfile(options));
  const { keyId, region, signingKey } = await loadApiKey(profile, "rsa-sha256", new Passphrases());
  return { ...keyId, region, key: signingKey };
}
