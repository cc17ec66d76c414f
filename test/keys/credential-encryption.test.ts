import { Buffer } from "node:buffer";
import { describe, expect, it } from "vitest";
import {
  decryptPrivateKey,
  encryptionKeySet,
  encryptPrivateKey,
  importEncryptionKeys,
} from "../../src/keys/credential-encryption.ts";
import { newTenancyOcid } from "../oci/ocids.ts";

const randomBytes = (length: number) => crypto.getRandomValues(new Uint8Array(length));
const newKey = (kid: string) => ({ kty: "oct", kid, k: Buffer.from(randomBytes(32)).toString("base64url") });

const old = newKey("old");
const fresh = newKey("fresh-2_B");
const importKeys = (...keys: object[]) => importEncryptionKeys(encryptionKeySet().parse({ keys }));

const tenancy = newTenancyOcid();
const pkcs8 = randomBytes(1218);

describe("an encrypted private key", async () => {
  const keys = await importKeys(old);
  const encrypted = await encryptPrivateKey(keys, tenancy, pkcs8);
  const [version = "", kid = "", nonce = "", ciphertext = ""] = encrypted.split(".");

  it("is written as v1.{key id}.{nonce}.{ciphertext}", () => {
    expect(encrypted).toMatch(/^v1\.old\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]+$/);
    const tagBytes = 16;
    expect(Buffer.from(ciphertext, "base64url")).toHaveLength(pkcs8.length + tagBytes);
  });

  it("is decrypted to the same bytes", async () => {
    expect(await decryptPrivateKey(keys, tenancy, encrypted)).toEqual(pkcs8);
  });

  it("is AES-256-GCM with the tenancy's OCID as additional data", async () => {
    const raw = Buffer.from(old.k, "base64url");
    const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["decrypt"]);
    const parameters = {
      name: "AES-GCM",
      iv: Buffer.from(nonce, "base64url"),
      additionalData: new TextEncoder().encode(tenancy),
    };
    const plain = await crypto.subtle.decrypt(parameters, key, Buffer.from(ciphertext, "base64url"));
    expect(new Uint8Array(plain)).toEqual(pkcs8);
  });

  it("never has the nonce of another one", async () => {
    const texts = await Promise.all(
      Array.from({ length: 100 }, () => encryptPrivateKey(keys, tenancy, pkcs8)),
    );
    expect(new Set(texts.map((text) => text.split(".")[2])).size).toBe(100);
  });

  it("does not decrypt for another tenancy", async () => {
    await expect(decryptPrivateKey(keys, newTenancyOcid(), encrypted)).rejects.toThrow();
  });

  it("does not decrypt with another key of the same id", async () => {
    await expect(decryptPrivateKey(await importKeys(newKey("old")), tenancy, encrypted)).rejects.toThrow();
  });

  it("names the key that is missing", async () => {
    await expect(decryptPrivateKey(await importKeys(fresh), tenancy, encrypted)).rejects.toThrow(
      "ENCRYPTION_KEYS has no key with kid 'old'",
    );
  });

  const flipped = (text: string, index: number) => {
    const bytes = Buffer.from(text, "base64url");
    bytes.writeUInt8(bytes.readUInt8(index) ^ 1, index);
    return bytes.toString("base64url");
  };
  it.each([
    ["its first byte is changed", `${version}.${kid}.${nonce}.${flipped(ciphertext, 0)}`],
    ["a byte in its middle is changed", `${version}.${kid}.${nonce}.${flipped(ciphertext, 600)}`],
    ["its tag is changed", `${version}.${kid}.${nonce}.${flipped(ciphertext, pkcs8.length + 15)}`],
    ["its nonce is changed", `${version}.${kid}.${flipped(nonce, 0)}.${ciphertext}`],
    ["its nonce is cut short", `${version}.${kid}.${nonce.slice(4)}.${ciphertext}`],
    ["its tag is missing", `${version}.${kid}.${nonce}.${ciphertext.slice(0, -22)}`],
    ["its ciphertext is missing", `${version}.${kid}.${nonce}.`],
    ["it has no fourth part", `${version}.${kid}.${nonce}`],
    ["it has a fifth part", `${encrypted}.AAAA`],
    ["its version is changed", `v2.${kid}.${nonce}.${ciphertext}`],
    ["it has no version", `${kid}.${nonce}.${ciphertext}`],
    ["its key id is another's", `${version}.fresh-2_B.${nonce}.${ciphertext}`],
    ["its key id is unknown", `${version}.older.${nonce}.${ciphertext}`],
    ["its key id is an object's property", `${version}.constructor.${nonce}.${ciphertext}`],
    ["it is not encoded", `${version}.${kid}.${nonce}.*`],
    ["it is empty", ""],
  ])("does not decrypt once %s", async (_, altered) => {
    await expect(decryptPrivateKey(await importKeys(old, fresh), tenancy, altered)).rejects.toThrow();
  });
});

describe("a rotation of the encryption key", () => {
  it("encrypts with the first key and decrypts with all", async () => {
    const before = await encryptPrivateKey(await importKeys(old), tenancy, pkcs8);
    const rotated = await importKeys(fresh, old);
    const after = await encryptPrivateKey(rotated, tenancy, pkcs8);
    expect([before, after].map((text) => text.split(".")[1])).toEqual(["old", "fresh-2_B"]);
    expect(await decryptPrivateKey(rotated, tenancy, before)).toEqual(pkcs8);
    expect(await decryptPrivateKey(rotated, tenancy, after)).toEqual(pkcs8);
  });

  it("makes the old key's ciphertexts undecryptable once it is dropped", async () => {
    const before = await encryptPrivateKey(await importKeys(old), tenancy, pkcs8);
    await expect(decryptPrivateKey(await importKeys(fresh), tenancy, before)).rejects.toThrow();
  });
});

describe("a set of encryption keys is refused", () => {
  it.each<[string, unknown]>([
    ["without a key", { keys: [] }],
    ["without a list", {}],
    ["with a key of 128 bits", { keys: [{ ...old, k: Buffer.from(randomBytes(16)).toString("base64url") }] }],
    ["with a key of 264 bits", { keys: [{ ...old, k: Buffer.from(randomBytes(33)).toString("base64url") }] }],
    ["with a key in base64 that is not base64url", { keys: [{ ...old, k: `+/${old.k.slice(2)}` }] }],
    ["with a key without an id", { keys: [{ ...old, kid: undefined }] }],
    ["with a key whose id has a dot", { keys: [{ ...old, kid: "a.b" }] }],
    ["with a key whose id is empty", { keys: [{ ...old, kid: "" }] }],
    ["with a key of another kind", { keys: [{ ...old, kty: "RSA" }] }],
    ["with two keys of one id", { keys: [old, newKey("old")] }],
    ["with a second key that is malformed", { keys: [old, { ...fresh, k: "AAAA" }] }],
  ])("%s", (_, set) => {
    expect(encryptionKeySet().safeParse(set).success).toBe(false);
  });
});
