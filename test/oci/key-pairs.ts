/** Keys made for one run of the tests: none is ever committed. */
import { Buffer } from "node:buffer";
import { createHash, generateKeyPairSync, type KeyObject } from "node:crypto";

export interface KeyPair {
  readonly privateKey: KeyObject;
  /** PEM SubjectPublicKeyInfo, as OCI lists it. */
  readonly publicPem: string;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array<ArrayBuffer>;
  /** DER PKCS#8. */
  readonly pkcs8: Uint8Array<ArrayBuffer>;
  /** MD5 of the DER SubjectPublicKeyInfo, for every kind of key. */
  readonly fingerprint: string;
}

function keyPair({ privateKey, publicKey }: { privateKey: KeyObject; publicKey: KeyObject }): KeyPair {
  const spki = Uint8Array.from(publicKey.export({ type: "spki", format: "der" }));
  const md5 = createHash("md5").update(spki).digest("hex");
  return {
    privateKey,
    publicPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
    spki,
    pkcs8: Uint8Array.from(privateKey.export({ type: "pkcs8", format: "der" })),
    fingerprint: md5.match(/../g)?.join(":") ?? "",
  };
}

export function newRsaKeyPair(modulusLength = 2048): KeyPair {
  return keyPair(generateKeyPairSync("rsa", { modulusLength }));
}

export function newEcKeyPair(): KeyPair {
  return keyPair(generateKeyPairSync("ec", { namedCurve: "P-256" }));
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
