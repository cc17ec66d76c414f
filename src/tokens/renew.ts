/**
 * Renewal: a new copy of a token, under the same id. It asks again all that the login asked but for the signature, so
 * that nothing outlives its right to log in, and it never passes the max TTL.
 */
import { newEvent, type OutgoingEvent, type RequestOrigin } from "../audit/event.ts";
import type { Resolution } from "../directory/directory.ts";
import { type Reason, Refusal } from "../http/refusal.ts";
import type { LoginConfiguration, LoginOrganization } from "../identities/login-configuration.ts";
import { roleIn } from "../identities/standing.ts";
import type { TokenState, TokenUse } from "../ledger/ledger.ts";
import {
  checkConfiguration,
  checkOrganization,
  checkTenancy,
  checkUser,
  checkUsername,
} from "../login/eligibility.ts";
import { type ApiKeyId, formatApiKeyId, parseApiKeyId } from "../oci/key-id.ts";
import { checkAudience, checkIp, claimsOfToken } from "./admission.ts";
import { type AccessTokenClaims, lifetimeSeconds } from "./claims.ts";
import { type IssuedToken, type Issuer, issueToken } from "./issue.ts";

export interface RenewalDependencies {
  readonly issuer: Issuer;
  readonly origin: RequestOrigin;
  loadConfiguration(identityId: string, organizationId: string): Promise<LoginConfiguration | undefined>;
  resolveUser(keyId: ApiKeyId, tenancy: LoginConfiguration["tenancy"]): Promise<Resolution>;
  /** Rejects with a {@link Refusal} if the ledger does not answer. */
  recordRenewal(claims: AccessTokenClaims, renewal: TokenUse & { event: OutgoingEvent }): Promise<TokenState>;
  reportRefusal(event: OutgoingEvent): void;
}

/** Throws a {@link Refusal}. `now` in seconds since the epoch. */
export async function renewToken(
  accessToken: string,
  dependencies: RenewalDependencies,
  now: number,
): Promise<IssuedToken> {
  const claims = await claimsOfToken(accessToken, dependencies.issuer);
  try {
    return await renew(claims, dependencies, now);
  } catch (error) {
    if (error instanceof Refusal) {
      dependencies.reportRefusal(tokenEvent("token.renew", claims, dependencies.origin, error.reason));
    }
    throw error;
  }
}

async function renew(
  claims: AccessTokenClaims,
  { issuer, origin, ...dependencies }: RenewalDependencies,
  now: number,
): Promise<IssuedToken> {
  const keyId = signerOf(claims);
  const found = await dependencies.loadConfiguration(claims.identityId, claims.orgId);
  if (found?.identity.tokenGeneration !== claims.tokenGeneration) throw new Refusal("token-revoked");

  // The login's steps 6, 7 and 11, and where and for what the token may be used.
  const configuration = checkConfiguration(found);
  checkTenancy(keyId.tenancyOcid, configuration);
  const organization = organizationOf(claims, configuration);
  const { config: policy } = configuration;
  const identity = { ...configuration.identity, role: roleIn(organization, configuration.identity) };
  checkAudience(claims.aud, { ...policy, role: identity.role }, issuer);
  checkIp({ trustedIps: policy.accessTokenTrustedIps }, origin.ip);
  const lifetime = lifetimeSeconds(policy, claims.creationEpoch, now, issuer.maxTokenTtlSeconds);
  if (lifetime <= 0) throw new Refusal("token-max-ttl");

  // Steps 8 and 10.
  const user = checkUser(await dependencies.resolveUser(keyId, configuration.tenancy));
  checkUsername(user.username, configuration);

  const state = await dependencies.recordRenewal(claims, {
    tokenId: claims.jti,
    // The policy may have been shortened since: the copy at hand then outlives the new one.
    expiresAt: Math.max(claims.exp, now + lifetime),
    usesLimit: claims.numUsesLimit ?? 0,
    event: tokenEvent("token.renew", claims, origin, null),
  });
  if (state !== "active") throw new Refusal(state === "revoked" ? "token-revoked" : "token-used-up");

  return issueToken(
    issuer,
    {
      tokenId: claims.jti,
      loggedInAt: claims.creationEpoch,
      identity,
      organization,
      policy,
      oci: { ...keyId, username: user.username },
    },
    now,
  );
}

/** The event of something that a token's holder did with it. */
export function tokenEvent(
  type: "token.renew" | "token.revoke",
  claims: AccessTokenClaims,
  origin: RequestOrigin,
  reason: Reason | null,
): OutgoingEvent {
  return newEvent(origin, {
    type,
    actor: `identity/${claims.identityId}`,
    reason,
    organizationId: claims.orgId,
    rootOrganizationId: claims.rootOrgId,
    identityId: claims.identityId,
    details: { tokenId: claims.jti },
  });
}

function signerOf({ oci }: AccessTokenClaims): ApiKeyId {
  const keyId = parseApiKeyId(formatApiKeyId(oci));
  if (!keyId.ok) throw new Refusal("token-malformed");
  return keyId.value;
}

function organizationOf({ orgId }: AccessTokenClaims, configuration: LoginConfiguration): LoginOrganization {
  const { home, named } = configuration;
  return orgId === home.id ? home : checkOrganization(named?.organization.slug ?? orgId, configuration);
}
