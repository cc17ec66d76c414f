/** Tries a tenancy's OCI credential with the calls that a login makes. */
import type { IdentityClient } from "../oci/identity-client.ts";
import { parseUserOcid } from "../oci/ocid.ts";
import type { OciFailure } from "../oci/signed-call.ts";
import type { CredentialOwner } from "./tenancy-client.ts";

export interface FailedTrial {
  /** What the credential was used for. */
  readonly attempt: string;
  readonly kind: "not-found" | "unavailable";
  readonly failure: OciFailure;
}

/**
 * Reads what a login reads. Undefined if OCI allows it. A user may read themselves without any policy, so only another
 * user's keys prove it, if there is another user.
 */
export async function tryCredential(
  client: IdentityClient,
  owner: CredentialOwner,
): Promise<FailedTrial | undefined> {
  const users = await client.listUsers(owner.tenancyOcid, 2);
  if (users.kind !== "answer") return { attempt: "list the tenancy's users", ...users };
  const other = users.value.find((user) => user.id !== owner.userOcid);
  if (other === undefined) return undefined;
  const otherOcid = parseUserOcid(other.id);
  if (!otherOcid.ok) {
    const failure = { status: 200, why: otherOcid.problem };
    return { attempt: "list the tenancy's users", kind: "unavailable", failure };
  }
  const keys = await client.listApiKeys(otherOcid.value);
  return keys.kind === "answer" ? undefined : { attempt: "list another user's API keys", ...keys };
}
