/**
 * Mints X.509 certificates of any shape, good or bad, with a library that is not ours: the emulator's, and those that
 * tests show to the Worker. Runs in Node and in workerd. What a certificate says is up to the caller: nothing is checked.
 */
import "reflect-metadata";
import { type Extension, Name, X509CertificateGenerator } from "@peculiar/x509";

export type Encoding = "printableString" | "utf8String" | "bmpString" | "ia5String" | "universalString";

/** The attributes of a name, in order. */
export type Attributes = readonly (readonly [type: "CN" | "OU" | "O", value: string])[];

/** A name whose every attribute is an RDN of its own. */
export function singleValued(attributes: Attributes, encoding: Encoding = "printableString"): Name {
  return new Name(attributes.map(([type, value]) => ({ [type]: [{ [encoding]: value }] })));
}

/** A name of one RDN, which holds all attributes: grouped by type, since that is what the library writes. */
export function multiValued(attributes: Attributes, encoding: Encoding = "printableString"): Name {
  const rdn: Record<string, Record<string, string>[]> = {};
  for (const [type, value] of attributes) {
    rdn[type] ??= [];
    rdn[type].push({ [encoding]: value });
  }
  return new Name([rdn]);
}

/** What signs: a certificate, or what pretends to be one. */
export interface Issuer {
  readonly subject: Name;
  readonly keys: CryptoKeyPair;
}

export interface CertificateShape {
  readonly subject: Name;
  readonly keys: CryptoKeyPair;
  /** The subject itself if absent. The algorithm of its key is the signature's. */
  readonly issuer?: Issuer;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly extensions: readonly Extension[];
  /** Hexadecimal; 128 random bits if absent. */
  readonly serialNumber?: string;
}

export interface Certificate extends Issuer {
  readonly der: Uint8Array<ArrayBuffer>;
  readonly pem: string;
}

export async function mint(shape: CertificateShape): Promise<Certificate> {
  const { subject, keys, issuer = { subject, keys }, extensions, ...rest } = shape;
  // The length is for RSASSA-PSS alone.
  const signingAlgorithm = { ...issuer.keys.privateKey.algorithm, saltLength: 32 };
  const certificate = await X509CertificateGenerator.create({
    ...rest,
    subject,
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey: issuer.keys.privateKey,
    signingAlgorithm,
    extensions: [...extensions],
  });
  return {
    subject,
    keys,
    der: new Uint8Array(certificate.rawData),
    pem: `${certificate.toString("pem")}\n`,
  };
}

/** A new RSA key, which signs with PKCS#1 v1.5 and SHA-256. */
export async function newRsaKeys(modulusLength = 2048): Promise<CryptoKeyPair> {
  const algorithm = { ...rsaSha256, modulusLength, publicExponent: Uint8Array.of(1, 0, 1) };
  return (await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as CryptoKeyPair;
}

const rsaSha256 = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };

export async function newEcKeys(namedCurve = "P-256"): Promise<CryptoKeyPair> {
  const algorithm = { name: "ECDSA", namedCurve };
  return (await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as CryptoKeyPair;
}

/** The same RSA key, which signs in another way. */
export async function signingWith(
  keys: CryptoKeyPair,
  name: "RSASSA-PKCS1-v1_5" | "RSA-PSS",
  hash: "SHA-1" | "SHA-256" | "SHA-384" | "SHA-512",
): Promise<CryptoKeyPair> {
  const { subtle } = crypto;
  const pkcs8 = (await subtle.exportKey("pkcs8", keys.privateKey)) as ArrayBuffer;
  const privateKey = await subtle.importKey("pkcs8", pkcs8, { name, hash }, true, ["sign"]);
  return { publicKey: keys.publicKey, privateKey };
}
