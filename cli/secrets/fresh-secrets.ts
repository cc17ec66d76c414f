/** The secrets of a Worker, made here alone: for a deployment, for a rotation and for `npm run dev`. */
import { randomBytes } from "node:crypto";
import { exportJWK, generateKeyPair, type JWK } from "jose";

export const secretNames = ["ADMIN_TOKEN", "TOKEN_SIGNING_KEYS", "ENCRYPTION_KEYS"] as const;
export type SecretName = (typeof secretNames)[number];

/** Each as the string that the Worker takes. */
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

/** A private JWK. The modulus matters to RSA alone. */
export async function newSigningKey(alg: string, modulusLength = 2048): Promise<JWK> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength });
  return { ...(await exportJWK(privateKey)), alg, use: "sig" };
}

/** Its id is the name that what it encrypted is stored under, so it never returns. */
export function newEncryptionKey(): JWK {
  return { kty: "oct", kid: randomBytes(6).toString("hex"), k: randomBytes(32).toString("base64url") };
}
