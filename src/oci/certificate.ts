/**
 * An X.509 certificate (RFC 5280), and what the profile of docs/login.md (Instances' certificates) wants of all three in
 * a chain: version 3, sha256WithRSAEncryption, an RSA key of 2048 to 4096 bits, each extension once.
 *
 * It does not say what the certificate may be used for (instance-certificate.ts, certificate-authority.ts), nor that
 * anyone signed it (instance-chain.ts).
 */
import { type CertificateExtensions, readExtensions } from "./certificate-extensions.ts";
import { contextTag, type DerElement, DerFields, readDer, tags } from "./der.ts";
import {
  objectIdentifier,
  readBytes,
  readInteger,
  readObjectIdentifier,
  readSmallInteger,
  readTime,
} from "./der-values.ts";
import { ensure } from "./parsed.ts";

export interface Certificate {
  readonly der: Uint8Array<ArrayBuffer>;
  /** What the issuer signed. */
  readonly toBeSigned: Uint8Array<ArrayBuffer>;
  readonly issuer: DerElement;
  readonly subject: DerElement;
  /** Milliseconds since 1970. The certificate is valid at both times and between them. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  readonly extensions: CertificateExtensions;
  readonly signature: Uint8Array<ArrayBuffer>;
}

const minModulusBits = 2048;
const maxModulusBits = 4096;

/** What every CA uses. Small exponents have helped to forge signatures. */
const minExponent = 65537;

const rsaEncryption = objectIdentifier("1.2.840.113549.1.1.1");
const sha256WithRsa = objectIdentifier("1.2.840.113549.1.1.11");

/** Throws, within `parsing` (parsed.ts). */
export function readCertificate(der: Uint8Array<ArrayBuffer>): Certificate {
  const certificate = new DerFields(readDer(der), "a certificate");
  const toBeSigned = certificate.next(tags.sequence, "signed part");
  expectSha256WithRsa(certificate.next(tags.sequence, "signature algorithm"));
  const signature = readBytes(certificate.next(tags.bitString, "signature"));
  certificate.end();

  const signed = new DerFields(toBeSigned, "a certificate's signed part");
  expectVersion3(signed.optional(contextTag(0, "constructed")));
  // Any number, a negative one too: nothing here looks a certificate up by it.
  readInteger(signed.next(tags.integer, "serial number"));
  expectSha256WithRsa(signed.next(tags.sequence, "signature algorithm"));
  const issuer = signed.next(tags.sequence, "issuer");
  const validity = new DerFields(signed.next(tags.sequence, "validity"), "a validity");
  const notBefore = nextTime(validity, "beginning");
  const notAfter = nextTime(validity, "end");
  validity.end();
  ensure(notBefore <= notAfter, "ends before it begins");
  const subject = signed.next(tags.sequence, "subject");
  const publicKey = signed.next(tags.sequence, "public key");
  expectRsaKey(publicKey);
  const extensions = readExtensions(signed.next(contextTag(3, "constructed"), "extensions"));
  signed.end();

  return {
    der,
    toBeSigned: toBeSigned.bytes,
    issuer,
    subject,
    notBefore,
    notAfter,
    publicKey: publicKey.bytes,
    extensions,
    signature,
  };
}

export function haveSameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

function expectVersion3(explicit: DerElement | undefined): void {
  const [version, ...more] = explicit?.children ?? [];
  const isVersion3 = version !== undefined && readSmallInteger(version) === 2;
  ensure(isVersion3 && more.length === 0, "is not of X.509's version 3");
}

function expectSha256WithRsa(algorithm: DerElement): void {
  const fields = new DerFields(algorithm, "a signature algorithm");
  const identifier = readObjectIdentifier(fields.next(tags.objectIdentifier, "identifier"));
  ensure(identifier === sha256WithRsa, "is not signed with sha256WithRSAEncryption");
  expectNull(fields);
}

/** RSA's parameters (RFC 4055, section 5; RFC 3279, section 2.3.1). */
function expectNull(fields: DerFields): void {
  const { content } = fields.next(tags.null, "NULL");
  ensure(content.length === 0, "has a NULL that is not empty");
  fields.end();
}

function nextTime(validity: DerFields, name: string): number {
  return readTime(validity.optional(tags.utcTime) ?? validity.next(tags.generalizedTime, name));
}

function expectRsaKey(publicKey: DerElement): void {
  const fields = new DerFields(publicKey, "a public key");
  const algorithm = new DerFields(fields.next(tags.sequence, "algorithm"), "a key's algorithm");
  const identifier = readObjectIdentifier(algorithm.next(tags.objectIdentifier, "identifier"));
  ensure(identifier === rsaEncryption, "does not have an RSA key");
  expectNull(algorithm);
  const bits = fields.next(tags.bitString, "key");
  fields.end();

  const key = new DerFields(readDer(readBytes(bits)), "an RSA key");
  const modulus = readInteger(key.next(tags.integer, "modulus"));
  const exponent = readSmallInteger(key.next(tags.integer, "exponent"));
  key.end();
  const bitLength = bitsOf(modulus);
  ensure(
    bitLength >= minModulusBits && bitLength <= maxModulusBits,
    `does not have an RSA key of ${minModulusBits} to ${maxModulusBits} bits`,
  );
  const isUsual = exponent !== undefined && exponent >= minExponent;
  ensure(isUsual, `has an RSA key with an exponent below ${minExponent}, or of more than 32 bits`);
}

/** Of a positive INTEGER; of another one, 0. */
function bitsOf(integer: Uint8Array): number {
  const [first = 0, second = 0] = integer;
  if (first >= 0x80) return 0;
  const [leading, bytes] = first === 0 ? [second, integer.length - 1] : [first, integer.length];
  return (bytes - 1) * 8 + (32 - Math.clz32(leading));
}
