/** Checks whether OCI still lets each tenancy's credential do what a login needs, and if not, why. */
import { encryptingKeyId } from "../keys/credential-encryption.ts";
import type { IdentityClient } from "../oci/identity-client.ts";
import type { OciFailure } from "../oci/signed-call.ts";
import type { OciTenancy } from "../storage/tables.ts";
import { type FailedTrial, tryCredential } from "../tenancies/credential-trial.ts";
import { type OciAccess, ownerOf, storedIdentityClient } from "../tenancies/tenancy-client.ts";
import { TimeoutError, withTimeout } from "../timeout.ts";
import type { CredentialProblem } from "./problems.ts";

export interface CredentialCheck {
  readonly tenancyOcid: string;
  readonly ok: boolean;
  readonly problem?: CredentialProblem;
  /** What is wrong and what to do. */
  readonly message?: string;
  /** OCI's answer. */
  readonly oci?: Omit<OciFailure, "why">;
}

/** A Worker has six connections at a time, and other checks need some of them. */
const lanes = 4;

/** A credential for which no time is left is `not-checked`. `deadline` is in milliseconds since the epoch. */
export async function checkCredentials(
  access: OciAccess,
  tenancies: readonly OciTenancy[],
  deadline: number,
): Promise<CredentialCheck[]> {
  const checks: CredentialCheck[] = [];
  const queue = tenancies.entries();
  const lane = async () => {
    for (const [place, tenancy] of queue) checks[place] = await checkUntil(deadline, access, tenancy);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return checks;
}

async function checkUntil(
  deadline: number,
  access: OciAccess,
  tenancy: OciTenancy,
): Promise<CredentialCheck> {
  const { tenancyOcid } = tenancy;
  try {
    const left = deadline - Date.now();
    if (left > 0) return await withTimeout(left, checkCredential(access, tenancy));
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
  }
  const message = "There was no time left for it. Ask for fewer at once: GET /ready?limit=4.";
  return { tenancyOcid, ok: false, problem: "not-checked", message };
}

async function checkCredential(access: OciAccess, tenancy: OciTenancy): Promise<CredentialCheck> {
  const { tenancyOcid, encryptedPrivateKey } = tenancy;
  const wrong = (problem: CredentialProblem, message: string, failure?: OciFailure): CredentialCheck => {
    const { why: _, ...oci } = failure ?? { why: "" };
    return { tenancyOcid, ok: false, problem, message, ...(failure && { oci }) };
  };
  let client: IdentityClient;
  try {
    client = await storedIdentityClient(access, tenancy);
  } catch {
    const kid = encryptingKeyId(encryptedPrivateKey);
    const what = access.encryptionKeys.byId.has(kid) ? "and not with its namesake in" : "which is not in";
    return wrong(
      "undecryptable",
      `It was encrypted with the key '${kid}', ${what} ENCRYPTION_KEYS. Put that key back, or register the tenancy again.`,
    );
  }
  const owner = ownerOf(tenancy);
  const failed = await tryCredential(client, owner);
  if (failed === undefined) return { tenancyOcid, ok: true };
  const problem = await diagnose(client, tenancy, failed);
  return wrong(problem, messages(tenancy, failed)[problem], failed.failure);
}

/** OCI answers 404 for both missing and not allowed. Reading oneself needs no policy, so it tells which. */
async function diagnose(
  client: IdentityClient,
  tenancy: OciTenancy,
  { kind, failure }: FailedTrial,
): Promise<"not-authenticated" | "user-gone" | "policy-gone" | "oci-unavailable"> {
  if (failure.status === 401) return "not-authenticated";
  if (kind === "unavailable") return "oci-unavailable";
  const self = await client.getUser(ownerOf(tenancy).userOcid);
  if (self.kind === "answer") return "policy-gone";
  if (self.kind === "not-found") return "user-gone";
  return self.failure.status === 401 ? "not-authenticated" : "oci-unavailable";
}

function messages({ userOcid, fingerprint, region }: OciTenancy, { attempt, failure }: FailedTrial) {
  return {
    "not-authenticated": `OCI does not know the credential: user ${userOcid} is gone or inactive, or the API key ${fingerprint} is. Look at both in the console, and register the tenancy again with a key that is there.`,
    "user-gone": `User ${userOcid} is gone: it cannot even read itself. Make another, and register the tenancy again with its key.`,
    "policy-gone": `The policy is gone: user ${userOcid} may read itself, but not ${attempt}. Its group needs: Allow group <group> to read users in tenancy.`,
    "oci-unavailable": `OCI cannot be asked in ${region}: ${failure.why}. Users who are cached go on logging in for up to DIRECTORY_STALE_SECONDS; see ocistatus.oraclecloud.com.`,
  };
}
