/** What an access token says, and how long it lives (docs/login.md, What compatible clients see; RFC 9068 for `iss`, `sub`, `aud`). */
import * as z from "zod";
import type { Principal } from "../access/principal.ts";
import { lazy } from "../lazy.ts";
import type { Role } from "../storage/roles.ts";

const commonClaims = () =>
  z.object({
    iss: z.string(),
    sub: z.string(),
    aud: z.string(),
    iat: z.number(),
    exp: z.number(),
    jti: z.string(),
    identityId: z.string(),
    identityName: z.string(),
    orgId: z.string(),
    rootOrgId: z.string(),
    parentOrgId: z.string(),
    identityAccessTokenId: z.string(),
    authTokenType: z.literal("identityAccessToken"),
    accessTokenTTL: z.number(),
    accessTokenMaxTTL: z.number(),
    accessTokenPeriod: z.number(),
    numUsesLimit: z.number().optional(),
    /** When its holder logged in, in seconds; renewal does not change it. */
    creationEpoch: z.number(),
    /** Of the identity; `revoke-tokens` and detaching raise the identity's. */
    tokenGeneration: z.number(),
  });

export const userClaims = lazy(() =>
  commonClaims().extend({
    authMethod: z.literal("oci-auth"),
    oci: z.object({
      tenancyOcid: z.string(),
      userOcid: z.string(),
      username: z.string(),
      fingerprint: z.string(),
    }),
  }),
);

export const instanceClaims = lazy(() =>
  commonClaims().extend({
    authMethod: z.literal("oci-instance-auth"),
    oci: z.object({
      tenancyOcid: z.string(),
      compartmentOcid: z.string(),
      instanceOcid: z.string(),
      region: z.string(),
    }),
    /** When the certificate ends, in seconds since the epoch: no copy of the token outlives it. */
    proofExpiresAt: z.number(),
  }),
);

export const accessTokenClaims = lazy(() =>
  z.discriminatedUnion("authMethod", [userClaims(), instanceClaims()]),
);

export type AccessTokenClaims = z.output<ReturnType<typeof accessTokenClaims>>;

export interface TokenPolicy {
  readonly accessTokenTTL: number;
  readonly accessTokenMaxTTL: number;
  readonly accessTokenPeriod: number;
  readonly accessTokenNumUsesLimit: number;
  readonly accessTokenAudience: string | null;
}

/** A login that succeeded, as far as its token tells of it. */
export interface Login {
  readonly tokenId: string;
  /** Seconds since the epoch. */
  readonly loggedInAt: number;
  readonly identity: {
    readonly id: string;
    readonly name: string;
    readonly role: Role;
    readonly tokenGeneration: number;
  };
  readonly organization: { readonly id: string; readonly rootId: string; readonly parentId: string | null };
  readonly policy: TokenPolicy;
  readonly proven: Proven;
}

/** By which method someone logged in, and as whom. */
export type Proven =
  | Pick<z.output<ReturnType<typeof userClaims>>, "authMethod" | "oci">
  | Pick<z.output<ReturnType<typeof instanceClaims>>, "authMethod" | "oci" | "proofExpiresAt">;

export type ProvenBy<M extends Proven["authMethod"]> = Extract<Proven, { authMethod: M }>;

/** Whom the ledger knows the token's holder as. */
export function principalOf({ authMethod, oci }: Proven): Principal {
  const subject = authMethod === "oci-auth" ? oci.userOcid : oci.instanceOcid;
  return { authority: oci.tenancyOcid, subject };
}

/** The name of the token's holder, for people. */
export function holderOf({ authMethod, oci }: Proven): string {
  return authMethod === "oci-auth" ? oci.username : oci.instanceOcid;
}

/** When a proof ends by itself, in seconds since the epoch. */
export function proofEnd(proven: Proven): number {
  return proven.authMethod === "oci-auth" ? Number.POSITIVE_INFINITY : proven.proofExpiresAt;
}

/**
 * Seconds for which a token issued now is valid: the least of the TTL (0: no such limit), what is left of the max TTL
 * since the login, what is left of the proof, and the ceiling. A period replaces the TTL and knows no max TTL. Zero or
 * less: no token.
 */
export function lifetimeSeconds(
  policy: TokenPolicy,
  loggedInAt: number,
  now: number,
  ceilingSeconds: number,
  proofExpiresAt: number,
): number {
  const ceiling = Math.min(ceilingSeconds, proofExpiresAt - now);
  if (policy.accessTokenPeriod > 0) return Math.min(policy.accessTokenPeriod, ceiling);
  const ttl = policy.accessTokenTTL > 0 ? policy.accessTokenTTL : Number.POSITIVE_INFINITY;
  return Math.min(ttl, loggedInAt + policy.accessTokenMaxTTL - now, ceiling);
}

/** The audience of this Worker's own API is for identities that may use it, and they get no other. */
export function audienceOf(
  identity: { readonly role: Role; readonly accessTokenAudience: string | null },
  { issuer, defaultAudience }: { issuer: string; defaultAudience: string },
): string {
  return identity.role === "member" ? (identity.accessTokenAudience ?? defaultAudience) : issuer;
}

/** `now` and `expiresAt` in seconds since the epoch. */
export function claimsOf(
  login: Login,
  token: { issuer: string; defaultAudience: string; now: number; expiresAt: number },
): AccessTokenClaims {
  const { identity, organization, policy } = login;
  return {
    iss: token.issuer,
    sub: identity.id,
    aud: audienceOf({ ...identity, ...policy }, token),
    iat: token.now,
    exp: token.expiresAt,
    jti: login.tokenId,
    identityId: identity.id,
    identityName: identity.name,
    orgId: organization.id,
    rootOrgId: organization.rootId,
    parentOrgId: organization.parentId ?? organization.id,
    identityAccessTokenId: login.tokenId,
    authTokenType: "identityAccessToken",
    accessTokenTTL: policy.accessTokenTTL,
    accessTokenMaxTTL: policy.accessTokenMaxTTL,
    accessTokenPeriod: policy.accessTokenPeriod,
    ...(policy.accessTokenNumUsesLimit > 0 ? { numUsesLimit: policy.accessTokenNumUsesLimit } : {}),
    creationEpoch: login.loggedInAt,
    tokenGeneration: identity.tokenGeneration,
    ...login.proven,
  };
}
