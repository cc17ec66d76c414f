/**
 * Certificates as OCI makes them for compute instances, as shapes to mint: real ones of 2025, taken apart. A test that
 * wants another certificate changes a shape before it is minted.
 */
import { randomBytes } from "node:crypto";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
} from "@peculiar/x509";
import { type Attributes, type CertificateShape, type Issuer, singleValued } from "./certificate.ts";
import { element } from "./der.ts";

/** What OCI certifies of an instance. The compartment is the tenancy for an instance in the root compartment. */
export interface Instance {
  readonly instanceOcid: string;
  readonly compartmentOcid: string;
  readonly tenancyOcid: string;
}

const minute = 60_000;
const year = 365 * 24 * 60 * minute;
/** How long OCI's leaf certificates live. */
export const leafLifetimeSeconds = 121 * 60;

const caKeyUsages =
  KeyUsageFlags.digitalSignature |
  KeyUsageFlags.keyEncipherment |
  KeyUsageFlags.dataEncipherment |
  KeyUsageFlags.keyAgreement |
  KeyUsageFlags.keyCertSign;

/** Self-signed, ten years. `at` becomes part of the name, in whole seconds. */
export async function rootShape(region: string, keys: CryptoKeyPair, at: Date): Promise<CertificateShape> {
  const seconds = Math.floor(at.getTime() / 1000);
  return {
    subject: singleValued([["CN", `OCI Instance Identity Root - ${region} - ${seconds}`]]),
    keys,
    notBefore: at,
    notAfter: new Date(at.getTime() + 10 * year),
    extensions: [
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      new BasicConstraintsExtension(true, undefined, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  };
}

/** A year, may sign leaves only. `region` is the short form that OCI writes there, such as r2. */
export async function intermediateShape(
  issuer: Issuer,
  region: string,
  keys: CryptoKeyPair,
  at: Date,
): Promise<CertificateShape> {
  const device = randomBytes(32).toString("hex").match(/../g)?.join(":");
  return {
    subject: singleValued([
      ["OU", `opc-device:${device}`],
      ["CN", `PKISVC Identity Intermediate ${region}`],
    ]),
    keys,
    issuer,
    notBefore: at,
    notAfter: new Date(at.getTime() + year),
    extensions: [
      new KeyUsagesExtension(caKeyUsages, true),
      new BasicConstraintsExtension(true, 0, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer.keys.publicKey),
    ],
  };
}

/** A leaf's attributes, in OCI's order. */
export function instanceAttributes({ instanceOcid, compartmentOcid, tenancyOcid }: Instance): Attributes {
  return [
    ["CN", instanceOcid],
    ["OU", "opc-certtype:instance"],
    ["OU", `opc-compartment:${compartmentOcid}`],
    ["OU", `opc-instance:${instanceOcid}`],
    ["OU", `opc-tenant:${tenancyOcid}`],
  ];
}

/** The extension of Oracle's own: what is certified once more, and the instance's tags. Absent in 2017. */
export function oracleExtension(fields: {
  readonly certtype: string;
  readonly instanceOcid: string;
  readonly compartmentOcid: string;
  readonly tenancyOcid: string;
  readonly tags: Uint8Array;
}): Extension {
  const text = (value: string) => new TextEncoder().encode(value);
  const value = element(
    0x30,
    element(0x81, text(fields.certtype)),
    element(0x82, text(fields.instanceOcid)),
    element(0x83, text(fields.compartmentOcid)),
    element(0x84, text(fields.tenancyOcid)),
    element(0x85, fields.tags),
  );
  return new Extension("1.3.6.1.4.1.111.98.10.1", false, value);
}

/** What a leaf says of its use. */
export const clientAuthentication = () => new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth], false);

export async function leafShape(
  issuer: Issuer,
  instance: Instance,
  keys: CryptoKeyPair,
  at: Date,
  lifetimeSeconds = leafLifetimeSeconds,
): Promise<CertificateShape> {
  return {
    subject: singleValued(instanceAttributes(instance)),
    keys,
    issuer,
    notBefore: at,
    notAfter: new Date(at.getTime() + lifetimeSeconds * 1000),
    extensions: [
      clientAuthentication(),
      await AuthorityKeyIdentifierExtension.create(issuer.keys.publicKey),
      oracleExtension({ certtype: "instance", ...instance, tags: new Uint8Array(32) }),
    ],
  };
}
