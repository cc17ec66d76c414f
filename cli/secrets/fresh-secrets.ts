/** Makes the secrets of a Worker, for a deployment, for a rotation and for `npm run dev`. */
import { randomBytes } from "node:crypto";
import { exportJWK, generateKeyPair, type JWK } from "jose";

export const secretNames = ["ADMIN_TOKEN", "TOKEN_SIGNING_KEYS", "ENCRYPTION_KEYS"] as const;
export type SecretName = (typeof secretNames)[number];

/** Each as the string that the Worker accepts. */
export type Secrets = Readonly<Record<SecretName, string>>;

export async function freshSecrets(): Promise<Secrets> {
  return {
    ADMIN_TOKEN: newAdminToken(),
    TOKEN_SIGNING_KEYS: JSON.stringify({ keys: [await newSigningKey("ES256")] }),
    ENCRYPTION_KEYS: JSON.stringify({ keys: [newEncryptionKey()] }),
  };
}

export function newAdminToken(): string {
  return randomBytes(32).toString("base64url");
}

/** A private JWK. Only RSA uses the modulus length. */
export async function newSigningKey(alg: string, modulusLength = 2048): Promise<JWK> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength });
  return { ...(await exportJWK(privateKey)), alg, use: "sig" };
}

/** Ciphertexts are stored with the key's id, so no id is used twice. */
export function newEncryptionKey(): JWK {
  return { kty: "oct", kid: randomBytes(6).toString("hex"), k: randomBytes(32).toString("base64url") };
}
