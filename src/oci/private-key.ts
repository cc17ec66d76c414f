import { Buffer } from "node:buffer";
import type { KeyObject } from "node:crypto";
import { malformed, type Parsed, parsed } from "./parsed.ts";
import { minModulusBits, shownFingerprint } from "./public-key.ts";

/** A private key, converted to one form. */
export interface ApiPrivateKey {
  /** DER PKCS#8, the form that WebCrypto imports. */
  readonly pkcs8: Uint8Array<ArrayBuffer>;
  /** Fingerprint of the public half. */
  readonly fingerprint: string;
}

export function isEncrypted(pem: string): boolean {
  return /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem);
}

/**
 * Reads a private key as OCI users have them: PKCS#8 or PKCS#1 PEM, with or without the console's trailing
 * `OCI_API_KEY` line, and encrypted if there is a passphrase. The ASN.1 is left to the runtime's OpenSSL interface,
 * which takes some milliseconds to load and is loaded here alone; signing itself is WebCrypto's.
 */
export async function parsePrivateKey(pem: string, passphrase?: string): Promise<Parsed<ApiPrivateKey>> {
  if (isEncrypted(pem) && passphrase === undefined) {
    return malformed(
      "the private key is encrypted with a passphrase; decrypt it first: openssl pkey -in <encrypted key> -out <key>",
    );
  }
  if (/BEGIN (?:RSA )?PUBLIC KEY|BEGIN CERTIFICATE|^ssh-rsa /.test(pem)) {
    return malformed("this is a public key or a certificate; the private key is needed");
  }
  if (!/-----BEGIN (?:RSA |ENCRYPTED )?PRIVATE KEY-----/.test(pem)) {
    return malformed("not a private key in PEM form (BEGIN PRIVATE KEY or BEGIN RSA PRIVATE KEY)");
  }
  const { createHash, createPrivateKey, createPublicKey } = await import("node:crypto");
  let key: KeyObject;
  let spki: Uint8Array<ArrayBuffer>;
  let pkcs8: Uint8Array<ArrayBuffer>;
  try {
    key = createPrivateKey({ key: pem, ...(passphrase === undefined ? {} : { passphrase }) });
    pkcs8 = bytes(key.export({ type: "pkcs8", format: "der" }));
    const unencrypted = key.export({ type: "pkcs8", format: "pem" });
    spki = bytes(createPublicKey(unencrypted).export({ type: "spki", format: "der" }));
  } catch {
    return malformed(
      isEncrypted(pem)
        ? "the private key cannot be decrypted; is the passphrase right?"
        : "the private key cannot be read; is a part of it missing?",
    );
  }
  if (key.asymmetricKeyType !== "rsa") {
    return malformed("the private key is not an RSA key, and OCI takes only RSA API keys");
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < minModulusBits) {
    return malformed(`the private key has ${bits} bits; OCI takes RSA keys from ${minModulusBits} bits`);
  }
  return parsed({ pkcs8, fingerprint: shownFingerprint(createHash("md5").update(spki).digest()) });
}

function bytes(buffer: Buffer | string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(buffer as Buffer));
}
