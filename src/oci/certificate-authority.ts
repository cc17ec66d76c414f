/** What the profile of docs/login.md (Instances' certificates) wants of the two who sign: the root and the intermediate. */
import { type Certificate, haveSameBytes, readCertificate } from "./certificate.ts";
import { clientAuth } from "./certificate-extensions.ts";
import { ensure, type Parsed, parsing } from "./parsed.ts";
import { importPublicKey } from "./public-key.ts";
import { verifyBytes } from "./verify.ts";

export function parseIntermediate(der: Uint8Array<ArrayBuffer>): Parsed<Certificate> {
  return parsing("the intermediate certificate", () => {
    const certificate = readCertificate(der);
    expectAuthority(certificate);
    ensure(!isSelfIssued(certificate), "is one that issued itself: the chain is leaf, intermediate, root");
    return certificate;
  });
}

/** Its own signature is checked by {@link trustRoot}. */
export function parseRoot(der: Uint8Array<ArrayBuffer>): Parsed<Certificate> {
  return parsing("a root certificate", () => {
    const certificate = readCertificate(der);
    expectAuthority(certificate);
    ensure(isSelfIssued(certificate), "has another issuer than itself");
    ensure(certificate.extensions.pathLength !== 0, "allows no intermediate (path length 0)");
    return certificate;
  });
}

/** A root whose signature of itself was verified. Whether it is valid now is checked each time. */
export interface TrustedRoot {
  readonly certificate: Certificate;
  /** Imported for RSASSA-PKCS1-v1_5. */
  readonly key: CryptoKey;
}

/** Undefined if the certificate did not sign itself. */
export async function trustRoot(certificate: Certificate): Promise<TrustedRoot | undefined> {
  const key = await certificateKey(certificate);
  return key !== undefined && (await isSignedBy(certificate, key)) ? { certificate, key } : undefined;
}

/** The certificate's key, imported to verify certificates. Undefined if WebCrypto does not take it. */
export async function certificateKey(certificate: Certificate): Promise<CryptoKey | undefined> {
  const key = await importPublicKey(certificate.publicKey, "rsa-sha256");
  return key.ok ? key.value : undefined;
}

export function isSignedBy(certificate: Certificate, key: CryptoKey): Promise<boolean> {
  return verifyBytes(key, "rsa-sha256", certificate.signature, certificate.toBeSigned);
}

function isSelfIssued({ issuer, subject }: Certificate): boolean {
  return haveSameBytes(issuer.bytes, subject.bytes);
}

function expectAuthority({ extensions }: Certificate): void {
  ensure(extensions.isCa, "is not one of a CA (basicConstraints)");
  ensure(extensions.keyUsage?.keyCertSign === true, "may not sign certificates (keyUsage)");
  ensure(extensions.instance === undefined, "has the extension of an instance's certificate");
  // What verifiers take for a limit on the certificates below.
  const purposes = extensions.extendedKeyUsage;
  ensure(purposes?.includes(clientAuth) !== false, "may not vouch for clients (extendedKeyUsage)");
}
