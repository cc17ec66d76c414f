/** RSA keys, each of which takes as long to make as many requests. So a run of the tests makes them once for all files. */
import { createHash, generateKeyPair, generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";

export interface RsaKey {
  readonly privateKey: string;
  readonly publicKey: string;
  readonly fingerprint: string;
}

export function fingerprintOf(publicKey: KeyObject): string {
  const md5 = createHash("md5")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("hex");
  return md5.match(/../g)?.join(":") ?? "";
}

function rsaKeyOf({ publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject }): RsaKey {
  return {
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(),
    fingerprint: fingerprintOf(publicKey),
  };
}

/** None outside of a run of the tests. */
const made: RsaKey[] =
  process.env.RSA_KEYS_OF_RUN === undefined
    ? []
    : JSON.parse(readFileSync(process.env.RSA_KEYS_OF_RUN, "utf8"));

/** A key that this process has not been given before. */
export function newRsaKey(modulusLength = 2048): RsaKey {
  const ready = modulusLength === 2048 ? made.pop() : undefined;
  return ready ?? rsaKeyOf(generateKeyPairSync("rsa", { modulusLength }));
}

export default async function setup(project: TestProject): Promise<(() => void) | undefined> {
  // The tests inside workerd make theirs themselves.
  if (project.vitest.projects.every(({ name }) => name === "workerd")) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "oci-auth-rsa-keys-"));
  const make = () => promisify(generateKeyPair)("rsa", { modulusLength: 2048 });
  const keys = (await Promise.all(Array.from({ length: 32 }, make))).map(rsaKeyOf);
  process.env.RSA_KEYS_OF_RUN = join(folder, "keys.json");
  writeFileSync(process.env.RSA_KEYS_OF_RUN, JSON.stringify(keys), { mode: 0o600 });
  return () => rmSync(folder, { recursive: true });
}
