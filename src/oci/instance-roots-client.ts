import { maxAnswerLength, parseRootsAnswer, type RootsAnswer } from "./instance-roots.ts";
import type { TenancyOcid } from "./ocid.ts";
import { realmOf } from "./ocid.ts";
import { realmDomain } from "./realms.ts";
import { type OciCredential, type OciUnavailable, signedCall, unavailable } from "./signed-call.ts";

/**
 * Where a region's roots are (docs/login.md, Instances' certificates): the region is checked, and the domain is that of
 * the tenancy's realm, so no host ever comes from a caller.
 */
export function rootsOrigin(tenancy: TenancyOcid, region: string): string {
  return `https://auth.${region}.${realmDomain(realmOf(tenancy))}`;
}

/** Fetches a region's roots with a tenancy's credential. Never rejects. */
export async function fetchInstanceRoots(
  origin: string,
  credential: OciCredential,
): Promise<{ readonly kind: "answer"; readonly value: RootsAnswer } | OciUnavailable> {
  const url = new URL(`${origin}/v1/instancePrincipalRootCACertificates`);
  const answer = await signedCall(url, credential, maxAnswerLength);
  if (answer.kind === "not-found") return unavailable(answer.failure);
  if (answer.kind !== "answer") return answer;
  const roots = parseRootsAnswer(answer.text);
  return roots.ok
    ? { kind: "answer", value: roots.value }
    : unavailable({ ...answer.about, why: roots.problem });
}
