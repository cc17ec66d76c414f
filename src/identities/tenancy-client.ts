import type { Config } from "../env.ts";
import { IdentityClient } from "../oci/identity-client.ts";
import { identityOrigin } from "../oci/identity-host.ts";
import type { TenancyOcid, UserOcid } from "../oci/ocid.ts";
import { decryptPrivateKey } from "./credential-encryption.ts";
import type { LoginConfiguration } from "./login-configuration.ts";

export interface CredentialOwner {
  readonly tenancyOcid: TenancyOcid;
  readonly region: string;
  readonly userOcid: UserOcid;
  readonly fingerprint: string;
}

/** A tenancy's own region over HTTPS, never a host that came with a login. */
export function identityClient(
  config: Config,
  { region, ...keyId }: CredentialOwner,
  pkcs8: Uint8Array<ArrayBuffer>,
): IdentityClient {
  const origin = config.ociIdentityOrigin ?? identityOrigin(keyId.tenancyOcid, region);
  return new IdentityClient(origin, { keyId, pkcs8 });
}

/** OCIDs were parsed before they were stored. */
export function ownerOf({
  tenancyOcid,
  region,
  userOcid,
  fingerprint,
}: LoginConfiguration["tenancy"]): CredentialOwner {
  return { tenancyOcid: tenancyOcid as TenancyOcid, region, userOcid: userOcid as UserOcid, fingerprint };
}

/** Asks OCI with the credential that is stored for a tenancy. Rejects if it cannot be decrypted. */
export async function storedIdentityClient(
  config: Config,
  tenancy: LoginConfiguration["tenancy"],
): Promise<IdentityClient> {
  const owner = ownerOf(tenancy);
  const { encryptedPrivateKey } = tenancy;
  const pkcs8 = await decryptPrivateKey(config.encryptionKeys, owner.tenancyOcid, encryptedPrivateKey);
  return identityClient(config, owner, pkcs8);
}
