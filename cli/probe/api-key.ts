/** The API key that a probe signs with. It comes from a profile, as for a login. */
import type { ApiKeyId } from "../../src/oci/key-id.ts";
import { loadApiKey } from "../profile/api-key.ts";
import { Passphrases } from "../profile/passphrase.ts";
import { type ProfileOptions, readProfile } from "../profile/profile.ts";
import { orFail } from "../terminal/checked.ts";

export interface ApiKey extends ApiKeyId {
  readonly region: string;
  readonly key: CryptoKey;
}

export async function loadProbeKey(options: ProfileOptions): Promise<ApiKey> {
  const profile = orFail(readProfile(options));
  const { keyId, region, signingKey } = await loadApiKey(profile, "rsa-sha256", new Passphrases());
  return { ...keyId, region, key: signingKey };
}
