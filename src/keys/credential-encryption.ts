/**
 * Encrypts the private keys of OCI credentials at rest: AES-256-GCM with the tenancy's OCID as additional data, so a
 * ciphertext that is moved to another tenancy's row does not decrypt. The format is
 * `v1.{key id}.{nonce}.{ciphertext}`, the last two in base64url. The key id allows a rotation of the encryption key.
 */
import { base64url } from "jose";
import * as z from "zod";
import { lazy } from "../lazy.ts";
import type { TenancyOcid } from "../oci/ocid.ts";

/** A JWK Set of 256-bit `oct` keys with distinct `kid`s: the first encrypts, all decrypt. */
export const encryptionKeySet = lazy(() => {
  const key = z.object({
    kty: z.literal("oct"),
    kid: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
    k: z.base64url().length(43),
  });
  return z
    .object({ keys: z.tuple([key], key) })
    .refine(({ keys }) => new Set(keys.map(({ kid }) => kid)).size === keys.length, "two keys have one kid");
});

export interface EncryptionKeys {
  readonly first: string;
  readonly byId: ReadonlyMap<string, CryptoKey>;
}

const nonceBytes = 12;

export async function importEncryptionKeys(
  set: z.output<ReturnType<typeof encryptionKeySet>>,
): Promise<EncryptionKeys> {
  const byId = new Map<string, CryptoKey>();
  for (const { kid, k } of set.keys) {
    const key = await crypto.subtle.importKey("raw", bytes(base64url.decode(k)), "AES-GCM", false, [
      "encrypt",
      "decrypt",
    ]);
    byId.set(kid, key);
  }
  return { first: set.keys[0].kid, byId };
}

export async function encryptPrivateKey(
  keys: EncryptionKeys,
  tenancyOcid: TenancyOcid,
  pkcs8: Uint8Array<ArrayBuffer>,
): Promise<string> {
  const iv = crypto.getRandomValues(new Uint8Array(nonceBytes));
  const ciphertext = await crypto.subtle.encrypt(gcm(iv, tenancyOcid), key(keys, keys.first), pkcs8);
  return `v1.${keys.first}.${base64url.encode(iv)}.${base64url.encode(new Uint8Array(ciphertext))}`;
}

/** Rejects if the key is not among `keys`, or if the text was altered or encrypted for another tenancy. */
export async function decryptPrivateKey(
  keys: EncryptionKeys,
  tenancyOcid: TenancyOcid,
  encrypted: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts = encrypted.split(".");
  const [version, kid = "", nonce = "", ciphertext = ""] = parts;
  if (parts.length !== 4 || version !== "v1") {
    throw new TypeError("not an encrypted private key of a known version");
  }
  const iv = bytes(base64url.decode(nonce));
  const plain = await crypto.subtle.decrypt(
    gcm(iv, tenancyOcid),
    key(keys, kid),
    bytes(base64url.decode(ciphertext)),
  );
  return new Uint8Array(plain);
}

/** The `kid` of the key that encrypted it. */
export function encryptingKeyId(encrypted: string): string {
  return encrypted.split(".")[1] ?? "";
}

function key(keys: EncryptionKeys, kid: string): CryptoKey {
  const found = keys.byId.get(kid);
  if (found === undefined) throw new TypeError(`ENCRYPTION_KEYS has no key with kid '${kid}'`);
  return found;
}

function gcm(iv: Uint8Array<ArrayBuffer>, tenancyOcid: TenancyOcid) {
  return { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(tenancyOcid) };
}

function bytes(view: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(view);
}
