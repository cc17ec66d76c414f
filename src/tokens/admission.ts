/**
 * Whether an access token may be used now: verified, of an identity in good standing, from where it may be used, not
 * revoked and not used up. Introspection and this Worker's own API ask the same question here.
 */

import { permitsInstance } from "../identities/instance-permission.ts";
import { loadStanding, type Permission, type Standing } from "../identities/standing.ts";
import { trusts, trustsAnyone } from "../identities/trusted-ips.ts";
import { permitsUser } from "../identities/user-permission.ts";
import type { Ledgers } from "../ledger/ledgers.ts";
import { Refusal } from "../refusal.ts";
import type { Session } from "../storage/session.ts";
import { type AccessTokenClaims, audienceOf, principalOf } from "./claims.ts";
import type { Issuer } from "./issue.ts";
import { verifyToken } from "./verify.ts";

export interface AdmissionDependencies {
  /** The primary, which knows the last change. */
  readonly database: Session;
  readonly ledgers: Ledgers;
}

/**
 * The claims of a token that this Worker issued and that has not expired. `now` in milliseconds since the epoch. Throws
 * a {@link Refusal}.
 */
export async function claimsOfToken(
  token: string,
  { signingKeys, issuer }: Pick<Issuer, "signingKeys" | "issuer">,
  now: number,
): Promise<AccessTokenClaims> {
  const verified = await verifyToken(token, signingKeys, issuer, new Date(now));
  if (!verified.ok) throw new Refusal(verified.problem === "expired" ? "token-expired" : "token-malformed");
  return verified.claims;
}

/** Where the token's identity stands. Throws a {@link Refusal} if a token of it may not be used, whatever the use. */
async function standingOf(claims: AccessTokenClaims, database: Session): Promise<Standing> {
  const standing = await loadStanding(database, claims.identityId, claims.orgId, claims.authMethod);
  if (standing === undefined || standing.tokenGeneration !== claims.tokenGeneration) {
    throw new Refusal("token-revoked");
  }
  checkHolder(claims, standing);
  if (standing.suspended) throw new Refusal("suspended");
  return standing;
}

/**
 * Whoever may not log in as the identity any more has no use of it left: an admin who was taken off the list could put
 * itself back on it.
 */
function checkHolder(claims: AccessTokenClaims, { permission }: Standing): void {
  if (!permits(permission, claims)) {
    throw new Refusal("token-revoked", "The holder of this token may not log in as this identity any more.");
  }
}

function permits(permission: Permission, claims: AccessTokenClaims): boolean {
  if (claims.authMethod === "oci-auth" && permission.authMethod === "oci-auth") {
    return permitsUser(permission, claims.oci);
  }
  if (claims.authMethod === "oci-instance-auth" && permission.authMethod === "oci-instance-auth") {
    return permitsInstance(permission, claims.oci);
  }
  return false;
}

/** What an identity's tokens are for may have changed since, by its role or its configuration. */
export function checkAudience(
  audience: string,
  identity: Pick<Standing, "role" | "accessTokenAudience">,
  issuer: Pick<Issuer, "issuer" | "defaultAudience">,
): void {
  if (audience !== audienceOf(identity, issuer)) {
    throw new Refusal(
      "token-revoked",
      "This token's audience is no longer its identity's. Please log in again.",
    );
  }
}

/**
 * Admits a token of these claims ({@link claimsOfToken}) and counts the use. `clientIp` is where the token is used from,
 * if that is known; `accept` throws a {@link Refusal} before the use is counted. Throws a {@link Refusal}.
 */
export async function admitToken(
  claims: AccessTokenClaims,
  clientIp: string | undefined,
  dependencies: AdmissionDependencies,
  accept: (standing: Standing) => void,
): Promise<Standing> {
  const standing = await standingOf(claims, dependencies.database);
  accept(standing);
  checkIp(standing, clientIp);
  const use = { tokenId: claims.jti, expiresAt: claims.exp, usesLimit: claims.numUsesLimit ?? 0 };
  const state = await dependencies.ledgers.use(principalOf(claims), use);
  if (state !== "active") throw new Refusal(state === "revoked" ? "token-revoked" : "token-used-up");
  return standing;
}

export function checkIp({ trustedIps }: Pick<Standing, "trustedIps">, clientIp: string | undefined): void {
  if (trustsAnyone(trustedIps)) return;
  if (clientIp === undefined || !trusts(trustedIps, clientIp)) throw new Refusal("ip-not-trusted");
}
