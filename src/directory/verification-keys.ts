import QuickLRU from "quick-lru";
import { fingerprintOf, importPublicKey } from "../oci/public-key.ts";
import type { SignatureAlgorithm } from "../oci/request-signature.ts";

/** Imported once in an isolate, and kept by content: what verifies is always what the entry at hand says. */
const imported = new QuickLRU<string, Promise<CryptoKey | undefined>>({ maxSize: 1000 });

/** Undefined unless the key is RSA from 2048 bits and its fingerprint its own. `publicKey` is DER SPKI in base64. */
export function verificationKey(
  { publicKey, fingerprint }: { publicKey: string; fingerprint: string },
  algorithm: SignatureAlgorithm,
): Promise<CryptoKey | undefined> {
  const content = `${algorithm} ${fingerprint} ${publicKey}`;
  let key = imported.get(content);
  if (key === undefined) {
    key = importChecked(publicKey, fingerprint, algorithm);
    imported.set(content, key);
  }
  return key;
}

async function importChecked(
  publicKey: string,
  fingerprint: string,
  algorithm: SignatureAlgorithm,
): Promise<CryptoKey | undefined> {
  let der: Uint8Array<ArrayBuffer>;
  try {
    der = Uint8Array.from(atob(publicKey), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
  if ((await fingerprintOf(der)) !== fingerprint) return undefined;
  const key = await importPublicKey(der, algorithm);
  return key.ok ? key.value : undefined;
}
