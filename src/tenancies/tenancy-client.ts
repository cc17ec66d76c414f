import { decryptPrivateKey, type EncryptionKeys } from "../keys/credential-encryption.ts";
import { IdentityClient } from "../oci/identity-client.ts";
import { identityOrigin } from "../oci/identity-host.ts";
import { rootsOrigin } from "../oci/instance-roots-client.ts";
import type { TenancyOcid, UserOcid } from "../oci/ocid.ts";
import type { OciTenancy } from "../storage/tables.ts";

export interface CredentialOwner {
  readonly tenancyOcid: TenancyOcid;
  readonly region: string;
  readonly userOcid: UserOcid;
  readonly fingerprint: string;
}

/** A tenancy's credential as it is stored. */
export type StoredCredential = Omit<OciTenancy, "createdAt" | "updatedAt">;

/** What a call of OCI needs besides a tenancy's credential. */
export interface OciAccess {
  readonly encryptionKeys: EncryptionKeys;
  /** Local development only: where the Identity service is, instead of the tenancy's own region. */
  readonly ociIdentityOrigin: string | undefined;
  /** Local development only: where the roots of instances are, with `{region}` in its path. */
  readonly ociAuthOrigin: string | undefined;
}

/** Calls the tenancy's own region over HTTPS, never a host that came with a login. */
export function identityClient(
  { ociIdentityOrigin }: Pick<OciAccess, "ociIdentityOrigin">,
  { region, ...keyId }: CredentialOwner,
  pkcs8: Uint8Array<ArrayBuffer>,
): IdentityClient {
  const origin = ociIdentityOrigin ?? identityOrigin(keyId.tenancyOcid, region);
  return new IdentityClient(origin, { keyId, pkcs8 });
}

/** OCIDs were parsed before they were stored. */
export function ownerOf({ tenancyOcid, region, userOcid, fingerprint }: StoredCredential): CredentialOwner {
  return { tenancyOcid: tenancyOcid as TenancyOcid, region, userOcid: userOcid as UserOcid, fingerprint };
}

/** Where a region's roots of instances are, and the credential to fetch them with. Rejects if it cannot be decrypted. */
export async function storedRootsSource(access: OciAccess, tenancy: StoredCredential, region: string) {
  const { tenancyOcid, userOcid, fingerprint } = ownerOf(tenancy);
  const pkcs8 = await decryptPrivateKey(access.encryptionKeys, tenancyOcid, tenancy.encryptedPrivateKey);
  const origin = access.ociAuthOrigin?.replace("{region}", region) ?? rootsOrigin(tenancyOcid, region);
  return { origin, credential: { keyId: { tenancyOcid, userOcid, fingerprint }, pkcs8 } };
}

/** A client with the credential that is stored for a tenancy. Rejects if the credential cannot be decrypted. */
export async function storedIdentityClient(
  access: OciAccess,
  tenancy: StoredCredential,
): Promise<IdentityClient> {
  const owner = ownerOf(tenancy);
  const { encryptedPrivateKey } = tenancy;
  const pkcs8 = await decryptPrivateKey(access.encryptionKeys, owner.tenancyOcid, encryptedPrivateKey);
  return identityClient(access, owner, pkcs8);
}
