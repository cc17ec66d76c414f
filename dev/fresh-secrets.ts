import { randomBytes, randomUUID } from "node:crypto";
import { exportJWK, generateKeyPair } from "jose";

/** ADMIN_TOKEN, and the JWK Sets that sign tokens and encrypt credentials. */
export async function freshSecrets() {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  const signingKey = { ...(await exportJWK(privateKey)), alg: "ES256", use: "sig" };
  const encryptionKey = {
    kty: "oct",
    kid: randomUUID().slice(0, 8),
    k: randomBytes(32).toString("base64url"),
  };
  return {
    ADMIN_TOKEN: randomBytes(32).toString("base64url"),
    TOKEN_SIGNING_KEYS: JSON.stringify({ keys: [signingKey] }),
    ENCRYPTION_KEYS: JSON.stringify({ keys: [encryptionKey] }),
  };
}
