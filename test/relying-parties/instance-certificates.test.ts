/** What dev/emulator mints, as OpenSSL reads it: a chain that the Worker is tried with is one that others verify too. */
import { spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  type Certificate,
  type CertificateShape,
  mint,
  multiValued,
  newRsaKeys,
  singleValued,
} from "../../dev/emulator/certificate.ts";
import {
  instanceAttributes,
  intermediateShape,
  leafShape,
  rootShape,
} from "../../dev/emulator/instance-certificates.ts";
import { startEmulator } from "../../dev/emulator.ts";

const folder = mkdtempSync(join(tmpdir(), "oci-auth-openssl-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const instance = {
  instanceOcid: `ocid1.instance.oc1.phx.${"a".repeat(60)}`,
  compartmentOcid: `ocid1.compartment.oc1..${"b".repeat(60)}`,
  tenancyOcid: `ocid1.tenancy.oc1..${"c".repeat(60)}`,
};
const [commonName, ...units] = instanceAttributes(instance);
if (commonName === undefined) throw new Error("a leaf without a CN");

let root: Certificate;
/** Of the same name, with another key. */
let otherRoot: Certificate;
let intermediate: Certificate;
let leaf: CertificateShape;

beforeAll(async () => {
  const now = new Date();
  root = await mint(await rootShape("us-phoenix-1", await newRsaKeys(4096), now));
  otherRoot = await mint(await rootShape("us-phoenix-1", await newRsaKeys(), now));
  intermediate = await mint(await intermediateShape(root, "r2", await newRsaKeys(4096), now));
  leaf = await leafShape(intermediate, instance, await newRsaKeys(), now);
});

type Pem = Pick<Certificate, "pem">;

function verifiedByOpenssl(roots: Pem[], untrusted: Pem, certificate: Pem): boolean {
  const write = (name: string, certificates: Pem[]) => {
    writeFileSync(join(folder, name), certificates.map(({ pem }) => pem).join(""));
    return join(folder, name);
  };
  const { status, error } = spawnSync("openssl", [
    ...["verify", "-purpose", "sslclient", "-x509_strict", "-no-CApath", "-no-CAstore"],
    ...["-CAfile", write("roots.pem", roots), "-untrusted", write("untrusted.pem", [untrusted])],
    write("certificate.pem", [certificate]),
  ]);
  if (error !== undefined) throw error;
  return status === 0;
}

it.each<[string, () => Partial<CertificateShape> | Promise<Partial<CertificateShape>>]>([
  ["of today", () => ({})],
  ["with one multi-valued name, as in 2017", () => ({ subject: multiValued([...units, commonName]) })],
  ["with its names in another order", () => ({ subject: singleValued([...units, commonName]) })],
  ["in UTF8String", () => ({ subject: singleValued(instanceAttributes(instance), "utf8String") })],
  ["of an RSA key of 4096 bits", async () => ({ keys: await newRsaKeys(4096) })],
])("a leaf %s verifies", async (_, changed) => {
  const certificate = await mint({ ...leaf, ...(await changed()) });
  expect(verifiedByOpenssl([root], intermediate, certificate)).toBe(true);
  expect(verifiedByOpenssl([otherRoot, root], intermediate, certificate)).toBe(true);
  expect(verifiedByOpenssl([otherRoot], intermediate, certificate)).toBe(false);
});

it("an emulated instance's certificate verifies under the roots of its region, before and after a new one", async () => {
  const emulator = await startEmulator(0);
  try {
    const control = async (method: string, path: string, body?: unknown) => {
      const init = { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
      return (await fetch(`${emulator.origin}/_emulator/${path}`, init)).json();
    };
    const { instanceOcid, ...about } = instance;
    const put = () => control("PUT", `instances/${instanceOcid}`, about);
    const before = await put();
    const { certificates } = await control("POST", "instance-roots/us-phoenix-1/rotate");
    const [oldRoot, newRoot] = certificates.map((der: string) => ({
      pem: new X509Certificate(Buffer.from(der, "base64")).toString(),
    }));
    const chains = [before, await put()].map(({ certificate, intermediate }) => [
      { pem: intermediate },
      { pem: certificate },
    ]) as [Pem, Pem][];
    const verified = (roots: Pem[]) => chains.map((chain) => verifiedByOpenssl(roots, ...chain));
    expect(verified([oldRoot, newRoot])).toEqual([true, true]);
    expect(verified([oldRoot])).toEqual([true, false]);
    expect(verified([newRoot])).toEqual([false, true]);
  } finally {
    await emulator.close();
  }
});
