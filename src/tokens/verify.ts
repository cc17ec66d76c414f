import { errors, jwtVerify } from "jose";
import type { SigningKeys } from "../keys/signing-keys.ts";
import { type AccessTokenClaims, accessTokenClaims } from "./claims.ts";

export type VerifiedToken =
  | { readonly ok: true; readonly claims: AccessTokenClaims }
  /** "expired" only for a token that this Worker signed. */
  | { readonly ok: false; readonly problem: "unknown" | "expired" };

/**
 * Whether this Worker issued the token and it has not expired; no leeway, since both clocks are ours. It says nothing
 * of the audience, of revocation, or of what became of the identity since.
 */
export async function verifyToken(
  token: string,
  keys: SigningKeys,
  issuer: string,
  now: Date,
): Promise<VerifiedToken> {
  // RFC 7515, section 5.2: no white space or other characters, which jose decodes as if they were not there.
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return { ok: false, problem: "unknown" };
  try {
    const { payload } = await jwtVerify(
      token,
      ({ kid, alg }) => {
        const key = keys.find((candidate) => candidate.kid === kid && candidate.alg === alg);
        if (key === undefined) throw new errors.JWKSNoMatchingKey();
        return key.publicKey;
      },
      { issuer, currentDate: now, typ: "JWT", requiredClaims: ["exp"] },
    );
    const claims = accessTokenClaims().safeParse(payload);
    return claims.success ? { ok: true, claims: claims.data } : { ok: false, problem: "unknown" };
  } catch (error) {
    return { ok: false, problem: error instanceof errors.JWTExpired ? "expired" : "unknown" };
  }
}
