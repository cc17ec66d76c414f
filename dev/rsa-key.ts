import { generateKeyPairSync } from "node:crypto";

/** A new key pair for an API key of OCI, in PEM. */
export function newKey() {
  return generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
}
