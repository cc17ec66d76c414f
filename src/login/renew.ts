/**
 * Renewal: a new copy of a token, under the same id. It repeats all steps of the login but for the proof, so that nothing
 * outlives its right to log in, and it never passes the max TTL.
 */
import type { ClientInfo } from "../access/caller.ts";
import { roleIn } from "../access/role.ts";
import type { OutgoingEvent } from "../audit/event.ts";
import type { InstanceSettings } from "../identities/instance-permission.ts";
import type { LoginConfiguration, LoginOrganization } from "../identities/login-configuration.ts";
import type { UserSettings } from "../identities/user-permission.ts";
import type { TokenState, TokenUse } from "../ledger/ledger.ts";
import { Refusal } from "../refusal.ts";
import { checkAudience, checkIp, claimsOfToken } from "../tokens/admission.ts";
import {
  type AccessTokenClaims,
  lifetimeSeconds,
  type Proven,
  type ProvenBy,
  proofEnd,
} from "../tokens/claims.ts";
import { tokenEvent } from "../tokens/event.ts";
import { type IssuedToken, type Issuer, issueToken } from "../tokens/issue.ts";
import { checkConfiguration, checkOrganization } from "./eligibility.ts";
import type { RenewalMethod } from "./method.ts";

/** By method of the login that the token comes from. */
export interface RenewalMethods {
  readonly "oci-auth": RenewalMethod<UserSettings, ProvenBy<"oci-auth">>;
  readonly "oci-instance-auth": RenewalMethod<InstanceSettings, ProvenBy<"oci-instance-auth">>;
}

export interface RenewalDependencies {
  readonly issuer: Issuer;
  readonly client: ClientInfo;
  readonly methods: RenewalMethods;
  /** Rejects with a {@link Refusal} if the ledger does not answer. */
  recordRenewal(claims: AccessTokenClaims, renewal: TokenUse & { event: OutgoingEvent }): Promise<TokenState>;
  reportRefusal(event: OutgoingEvent): void;
}

/** Throws a {@link Refusal}. `now` in milliseconds since the epoch. */
export async function renewToken(
  accessToken: string,
  dependencies: RenewalDependencies,
  now: number,
): Promise<IssuedToken> {
  const claims = await claimsOfToken(accessToken, dependencies.issuer, now);
  try {
    const { methods } = dependencies;
    const seconds = Math.floor(now / 1000);
    return claims.authMethod === "oci-auth"
      ? await renew(methods["oci-auth"], claims, dependencies, seconds)
      : await renew(methods["oci-instance-auth"], claims, dependencies, seconds);
  } catch (error) {
    if (error instanceof Refusal) {
      dependencies.reportRefusal(tokenEvent("token.renew", claims, dependencies.client, error.reason));
    }
    throw error;
  }
}

async function renew<Own, P extends Proven>(
  method: RenewalMethod<Own, P>,
  claims: AccessTokenClaims & P,
  { issuer, client, recordRenewal }: RenewalDependencies,
  now: number,
): Promise<IssuedToken> {
  const found = await method.loadConfiguration(claims.identityId, claims.orgId);
  if (found?.identity.tokenGeneration !== claims.tokenGeneration) throw new Refusal("token-revoked");

  // The login's steps 6 and 11, and where and for what the token may be used.
  const configuration = checkConfiguration(found, method.notConfigured);
  const organization = organizationOf(claims, configuration);
  const { config: policy } = configuration;
  const identity = { ...configuration.identity, role: roleIn(organization, configuration.identity) };
  checkAudience(claims.aud, { ...policy, role: identity.role }, issuer);
  checkIp({ trustedIps: policy.accessTokenTrustedIps }, client.ip);
  const lifetime = lifetimeSeconds(
    policy,
    claims.creationEpoch,
    now,
    issuer.maxTokenTtlSeconds,
    proofEnd(claims),
  );
  if (lifetime <= 0) throw new Refusal("token-max-ttl");

  // Steps 7 to 10, as far as a renewal can repeat them.
  const proven = await method.confirm(claims, configuration);

  const state = await recordRenewal(claims, {
    tokenId: claims.jti,
    // The policy may have been shortened since: the copy at hand then outlives the new one.
    expiresAt: Math.max(claims.exp, now + lifetime),
    usesLimit: claims.numUsesLimit ?? 0,
    event: tokenEvent("token.renew", claims, client, null),
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
      proven,
    },
    now,
  );
}

function organizationOf(
  { orgId }: AccessTokenClaims,
  configuration: Pick<LoginConfiguration, "home" | "named">,
): LoginOrganization {
  const { home, named } = configuration;
  return orgId === home.id ? home : checkOrganization(named?.organization.slug ?? orgId, configuration);
}
