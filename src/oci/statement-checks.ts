/** Whether a statement is of our kind, for us, for this identity, and fresh. Who signed it is not judged here. */
import { type Checked, denied, granted } from "./checked.ts";
import type { InstanceStatement } from "./instance-statement.ts";
import type { SignatureAlgorithm } from "./request-signature.ts";

export const statementType = "oci-instance+jwt";

/** OCI's names, by JWA's (RFC 7518, section 3.1). PS256 has a salt of 32 bytes. */
const algorithms = new Map<string, SignatureAlgorithm>([
  ["RS256", "rsa-sha256"],
  ["PS256", "rsa-pss-sha256"],
]);

/** The algorithm to verify it with, where the statement is for this issuer and identity. */
export function checkAddressee(
  { header, claims }: InstanceStatement,
  issuerUrl: string,
  identityId: string,
): Checked<SignatureAlgorithm> {
  const algorithm = algorithms.get(header.alg);
  if (header.hasCrit) return denied("statement-header", "crit in the header of jwt is not supported");
  if (header.typ !== statementType) {
    return denied("statement-header", `typ in the header of jwt is not '${statementType}'`);
  }
  if (algorithm === undefined) {
    return denied("statement-header", "alg in the header of jwt is neither 'RS256' nor 'PS256'");
  }
  if (claims.aud !== issuerUrl) return denied("another-audience", `aud of jwt is not '${issuerUrl}'`);
  if (claims.sub !== identityId) return denied("another-identity", "sub of jwt is not identityId");
  return granted(algorithm);
}

const allowedSkewSeconds = 300;
const maxLifetimeSeconds = 300;

/** `now` in milliseconds since 1970. */
export function checkTimes({ claims }: InstanceStatement, now: number): Checked<undefined> {
  const seconds = now / 1000;
  const utc = (time: number) => new Date(time * 1000).toUTCString();
  const wrong = (problem: string) =>
    denied("statement-out-of-date", `${problem} Our clock says '${utc(seconds)}'.`);
  if (Math.abs(claims.iat - seconds) > allowedSkewSeconds) {
    const [from, to] = [seconds - allowedSkewSeconds, seconds + allowedSkewSeconds];
    return wrong(`iat of jwt is not within the allowed clock skew, from '${utc(from)}' to '${utc(to)}'.`);
  }
  if (claims.exp <= claims.iat || claims.exp - claims.iat > maxLifetimeSeconds) {
    return wrong(`exp of jwt is not after iat, or more than ${maxLifetimeSeconds} s after it.`);
  }
  if (claims.exp <= seconds) return wrong("exp of jwt is past.");
  return granted(undefined);
}
