import { CompactSign } from "jose";
import type { SigningKeys } from "../keys/signing-keys.ts";
import { claimsOf, type Login, lifetimeSeconds, proofEnd } from "./claims.ts";

/** What issuing and verifying tokens takes of the configuration. */
export interface Issuer {
  /** `iss` of every token, and the audience of this Worker's own API. */
  readonly issuer: string;
  readonly defaultAudience: string;
  readonly maxTokenTtlSeconds: number;
  readonly signingKeys: SigningKeys;
}

export interface IssuedToken {
  readonly accessToken: string;
  /** Seconds, as really issued. */
  readonly expiresIn: number;
  readonly accessTokenMaxTTL: number;
  readonly tokenType: "Bearer";
}

/** Signs the token of a login with the first signing key. `now` in seconds since the epoch. */
export async function issueToken(issuer: Issuer, login: Login, now: number): Promise<IssuedToken> {
  const { policy, loggedInAt, proven } = login;
  const expiresIn = lifetimeSeconds(policy, loggedInAt, now, issuer.maxTokenTtlSeconds, proofEnd(proven));
  const [key] = issuer.signingKeys;
  const claims = claimsOf(login, { ...issuer, now, expiresAt: now + expiresIn });
  const accessToken = await new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({ alg: key.alg, typ: "JWT", kid: key.kid })
    .sign(key.privateKey);
  return { accessToken, expiresIn, accessTokenMaxTTL: policy.accessTokenMaxTTL, tokenType: "Bearer" };
}
