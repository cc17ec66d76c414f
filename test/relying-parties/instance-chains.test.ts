/** The chains that the profile takes, as OpenSSL judges them: what is accepted here is a chain to others too. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { goodRows } from "../oci/instance-chain-shapes.ts";
import { chainOf, type Keys, newKeys, now } from "../oci/instance-chains.ts";

const folder = mkdtempSync(join(tmpdir(), "oci-auth-chains-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let keys: Keys;
beforeAll(async () => {
  keys = await newKeys();
});

function pem(certificates: readonly Uint8Array[]): string {
  const lines = (der: Uint8Array) =>
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g)
      ?.join("\n");
  return certificates
    .map((der) => `-----BEGIN CERTIFICATE-----\n${lines(der)}\n-----END CERTIFICATE-----\n`)
    .join("");
}

function write(name: string, certificates: readonly Uint8Array[]): string {
  writeFileSync(join(folder, name), pem(certificates));
  return join(folder, name);
}

it.each(goodRows)("a chain %s verifies", async (_, difference) => {
  const { leaf, intermediate, roots } = await chainOf(keys, difference);
  const { status, stderr, error } = spawnSync("openssl", [
    ...["verify", "-purpose", "sslclient", "-x509_strict", "-no-CApath", "-no-CAstore"],
    ...["-attime", String(now / 1000), "-CAfile", write("roots.pem", roots)],
    ...["-untrusted", write("untrusted.pem", [intermediate]), write("leaf.pem", [leaf])],
  ]);
  expect({ status, stderr: String(stderr), error }).toEqual({ status: 0, stderr: "", error: undefined });
});
