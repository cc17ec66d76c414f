import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { isEncrypted, parsePrivateKey } from "../../src/oci/private-key.ts";
import { Passphrases } from "../profile/passphrase.ts";
import { exitCode, Failure } from "../terminal/failure.ts";

export interface PrivateKeyFile {
  /** PKCS#8, and not encrypted. */
  readonly pem: string;
  /** Fingerprint of its public half, as OCI shows it. */
  readonly fingerprint: string;
}

/** Reads an RSA private key in PEM. One with a passphrase is decrypted here, and never written anywhere. */
export async function readPrivateKeyFile(path: string): Promise<PrivateKeyFile> {
  const text = read(path);
  const passphrase = isEncrypted(text) ? await new Passphrases().of(path) : undefined;
  const key = await parsePrivateKey(text, passphrase);
  if (!key.ok) throw new Failure(`${path}: ${key.problem}; correct --key-file`, exitCode.usage);
  const { pkcs8, fingerprint } = key.value;
  const der = createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" });
  return { pem: der.export({ type: "pkcs8", format: "pem" }).toString(), fingerprint };
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Failure(
      `the key file cannot be read: ${(error as Error).message}; check --key-file`,
      exitCode.usage,
    );
  }
}
