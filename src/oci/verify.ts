import type { SignatureAlgorithm } from "./request-signature.ts";

/** Salt of OCI's RSASSA-PSS signatures in bytes: as long as the SHA-256 digest. */
export const pssSaltBytes = 32;

/** Whether `key`, imported for `algorithm`, made `signature` over the signing string. */
export function verifySignature(
  key: CryptoKey,
  algorithm: SignatureAlgorithm,
  signature: Uint8Array<ArrayBuffer>,
  signingString: string,
): Promise<boolean> {
  return verifyBytes(key, algorithm, signature, new TextEncoder().encode(signingString));
}

/** Likewise over bytes. */
export function verifyBytes(
  key: CryptoKey,
  algorithm: SignatureAlgorithm,
  signature: Uint8Array<ArrayBuffer>,
  signed: BufferSource,
): Promise<boolean> {
  const parameters =
    algorithm === "rsa-pss-sha256"
      ? { name: "RSA-PSS", saltLength: pssSaltBytes }
      : { name: "RSASSA-PKCS1-v1_5" };
  return crypto.subtle.verify(parameters, key, signature, signed);
}
