/**
 * The two certificates that an instance shows, and whether a root vouches for them: leaf, intermediate, root, no more and
 * no less. A chain that parses is of the profile; that it is valid now, and signed, are checks of their own.
 */
import { type Certificate, haveSameBytes } from "./certificate.ts";
import { certificateKey, isSignedBy, parseIntermediate, type TrustedRoot } from "./certificate-authority.ts";
import { type Checked, denied, granted } from "./checked.ts";
import { type InstanceCertificate, parseInstanceCertificate } from "./instance-certificate.ts";
import { malformed, type Parsed, parsed } from "./parsed.ts";

export interface InstanceChain {
  readonly leaf: InstanceCertificate;
  readonly intermediate: Certificate;
}

type Der = Uint8Array<ArrayBuffer>;

export function parseInstanceChain([leafDer, intermediateDer]: readonly [
  leaf: Der,
  intermediate: Der,
]): Parsed<InstanceChain> {
  const leaf = parseInstanceCertificate(leafDer);
  if (!leaf.ok) return leaf;
  const intermediate = parseIntermediate(intermediateDer);
  if (!intermediate.ok) return intermediate;
  return isIssuedAs(leaf.value, intermediate.value)
    ? parsed({ leaf: leaf.value, intermediate: intermediate.value })
    : malformed("the instance's certificate has another issuer than the intermediate certificate");
}

/** How long before its beginning a certificate is taken: the clock that dated it may be ahead of ours. */
const graceMilliseconds = 300_000;

/** `now` in milliseconds since 1970. */
export function isValidAt({ notBefore, notAfter }: Certificate, now: number): boolean {
  return now >= notBefore - graceMilliseconds && now <= notAfter;
}

export function checkValidity({ leaf, intermediate }: InstanceChain, now: number): Checked<undefined> {
  for (const [certificate, name] of [
    [leaf, "the instance's certificate"],
    [intermediate, "the intermediate certificate"],
  ] as const) {
    if (isValidAt(certificate, now)) continue;
    const [clock, from, to] = [now, certificate.notBefore - graceMilliseconds, certificate.notAfter].map(
      (time) => new Date(time).toUTCString(),
    );
    return denied(
      "certificate-out-of-date",
      `${name} is not valid now. Our clock says '${clock}', and it is accepted from '${from}' to '${to}'.`,
    );
  }
  return granted(undefined);
}

/** Whether the root vouches for the intermediate, and is valid now. `now` in milliseconds since 1970. */
export async function vouches(
  { certificate, key }: TrustedRoot,
  intermediate: Certificate,
  now: number,
): Promise<boolean> {
  return (
    isIssuedAs(intermediate, certificate) &&
    isValidAt(certificate, now) &&
    (await isSignedBy(intermediate, key))
  );
}

/** Whether the intermediate signed the leaf. */
export async function isLeafSigned({ leaf, intermediate }: InstanceChain): Promise<boolean> {
  const key = await certificateKey(intermediate);
  return key !== undefined && (await isSignedBy(leaf, key));
}

/** RFC 5280 compares names after normalizing them. Byte for byte is stricter, and one CA writes both. */
function isIssuedAs(certificate: Certificate, issuer: Certificate): boolean {
  return haveSameBytes(certificate.issuer.bytes, issuer.subject.bytes);
}
