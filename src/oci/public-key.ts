import { malformed, type Parsed, parsed } from "./parsed.ts";
import type { SignatureAlgorithm } from "./request-signature.ts";

/** OCI accepts API keys of 2048 bits or more (docs/login.md, OCI's signatures). */
export const minModulusBits = 2048;

/** WebCrypto's names of the algorithms. */
export const webCryptoName = { "rsa-sha256": "RSASSA-PKCS1-v1_5", "rsa-pss-sha256": "RSA-PSS" } as const;

/** The DER SubjectPublicKeyInfo of a PEM `PUBLIC KEY`; undefined if the text is not one. */
export function publicKeyDer(pem: string): Uint8Array<ArrayBuffer> | undefined {
  const body = /-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----/.exec(pem)?.[1];
  if (body === undefined) return undefined;
  try {
    return Uint8Array.from(atob(body.replace(/\s/g, "")), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

/** A key's fingerprint as OCI shows it: MD5 of the DER SubjectPublicKeyInfo. WebCrypto has MD5 in workerd alone. */
export async function fingerprintOf(der: Uint8Array<ArrayBuffer>): Promise<string> {
  return shownFingerprint(new Uint8Array(await crypto.subtle.digest("MD5", der)));
}

/** The MD5 in colon-separated hex pairs. */
export function shownFingerprint(md5: Uint8Array): string {
  return Array.from(md5, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** Imports a DER SubjectPublicKeyInfo for verification with one algorithm. RSA keys of 2048 bits or more only. */
export async function importPublicKey(
  der: Uint8Array<ArrayBuffer>,
  algorithm: SignatureAlgorithm,
): Promise<Parsed<CryptoKey>> {
  let key: CryptoKey;
  try {
    key = await crypto.subtle.importKey(
      "spki",
      der,
      { name: webCryptoName[algorithm], hash: "SHA-256" },
      false,
      ["verify"],
    );
  } catch {
    return malformed("not an RSA public key");
  }
  // workerd and the DOM name the type of this differently.
  const { modulusLength } = key.algorithm as { name: string; modulusLength: number };
  return modulusLength < minModulusBits
    ? malformed(`an RSA key of ${modulusLength} bits; at least ${minModulusBits} are required`)
    : parsed(key);
}
