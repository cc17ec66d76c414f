import { CompactSign, type CryptoKey, calculateJwkThumbprint, compactVerify, importJWK } from "jose";
import * as z from "zod";
import { lazy } from "../lazy.ts";

export type TokenAlgorithm = "ES256" | "EdDSA" | "RS256" | "PS256";

export interface SigningKey {
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  readonly alg: TokenAlgorithm;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  /** The published JWK: the public half and nothing else. */
  readonly publicJwk: PublicJwk;
}

/** The first key signs. All are published and verify tokens, so that keys can be rotated. */
export type SigningKeys = readonly [SigningKey, ...SigningKey[]];

const text = lazy(() => z.string().min(1));

/** By type: the one that is used is made. */
const privateKeys = {
  EC: lazy(() =>
    z.object({
      kty: z.literal("EC"),
      crv: z.literal("P-256"),
      x: text(),
      y: text(),
      d: text(),
      alg: z.literal("ES256").default("ES256"),
    }),
  ),
  OKP: lazy(() =>
    z.object({
      kty: z.literal("OKP"),
      crv: z.literal("Ed25519"),
      x: text(),
      d: text(),
      alg: z.literal("EdDSA").default("EdDSA"),
    }),
  ),
  RSA: lazy(() =>
    z.object({
      kty: z.literal("RSA"),
      n: text(),
      e: text(),
      d: text(),
      p: text(),
      q: text(),
      dp: text(),
      dq: text(),
      qi: text(),
      alg: z.enum(["RS256", "PS256"]).default("RS256"),
    }),
  ),
};

type PrivateJwk = z.output<ReturnType<(typeof privateKeys)[keyof typeof privateKeys]>>;

const privateKey = () =>
  z.looseObject({ kty: z.enum(["EC", "OKP", "RSA"]) }).transform((jwk, context): PrivateJwk => {
    const { data, error } = privateKeys[jwk.kty]().safeParse(jwk);
    if (error === undefined) return data;
    for (const { path, message } of error.issues) context.addIssue({ code: "custom", path, message });
    return z.NEVER;
  });

/** A JWK Set of private keys: EC P-256 (ES256), OKP Ed25519 (EdDSA), or RSA from 2048 bits (RS256 or PS256). */
export const signingKeySet = lazy(() => {
  const key = privateKey();
  return z.object({ keys: z.tuple([key], key) });
});

export type PublicJwk = ReturnType<typeof publicHalf> & { kid: string; alg: TokenAlgorithm; use: "sig" };

function publicHalf(jwk: PrivateJwk) {
  switch (jwk.kty) {
    case "EC":
      return { kty: jwk.kty, crv: jwk.crv, x: jwk.x, y: jwk.y };
    case "OKP":
      return { kty: jwk.kty, crv: jwk.crv, x: jwk.x };
    case "RSA":
      return { kty: jwk.kty, n: jwk.n, e: jwk.e };
  }
}

/** `algorithm` of an RSA key. The runtime's types and Node's have different names for it. */
export interface RsaAlgorithm {
  readonly name: string;
  readonly modulusLength: number;
}

/** Rejects if the numbers are not a key of its kind, or if the private and public half do not match. */
async function importSigningKey(jwk: PrivateJwk): Promise<SigningKey> {
  const kid = await calculateJwkThumbprint(publicHalf(jwk));
  // A JWK with `kty` other than `oct` is always imported as a CryptoKey.
  const privateKey = (await importJWK(jwk, jwk.alg)) as CryptoKey;
  const publicKey = (await importJWK(publicHalf(jwk), jwk.alg)) as CryptoKey;
  if (jwk.kty === "RSA" && (privateKey.algorithm as RsaAlgorithm).modulusLength < 2048) {
    throw new TypeError("an RSA key has less than 2048 bits");
  }
  const probe = await new CompactSign(new Uint8Array()).setProtectedHeader({ alg: jwk.alg }).sign(privateKey);
  await compactVerify(probe, publicKey);
  return {
    kid,
    alg: jwk.alg,
    privateKey,
    publicKey,
    publicJwk: { ...publicHalf(jwk), kid, alg: jwk.alg, use: "sig" },
  };
}

export async function importSigningKeys(
  set: z.output<ReturnType<typeof signingKeySet>>,
): Promise<SigningKeys> {
  const [first, ...others] = set.keys;
  return [await importSigningKey(first), ...(await Promise.all(others.map(importSigningKey)))];
}
