import { createHash, createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { password } from "@inquirer/prompts";
import { exitCode, Failure } from "../failure.ts";
import { isTerminal, onTerminal } from "../terminal.ts";

export interface PrivateKeyFile {
  readonly key: KeyObject;
  /** Of its public half, as OCI shows it. */
  readonly fingerprint: string;
}

/** Reads an RSA private key in PEM. One with a passphrase is decrypted here, and never written anywhere. */
export async function readPrivateKeyFile(path: string): Promise<PrivateKeyFile> {
  const pem = read(path);
  const key = /ENCRYPTED/.test(pem)
    ? parse(path, pem, await askPassphrase(path))
    : parse(path, pem, undefined);
  if (key.asymmetricKeyType !== "rsa") {
    throw new Failure(
      `${path} is not an RSA key, and OCI takes only RSA keys; give the API key's file`,
      exitCode.usage,
    );
  }
  const spki = createPublicKey(key).export({ type: "spki", format: "der" });
  // OCI's fingerprint is an MD5; WebCrypto has none on Node.
  const fingerprint = createHash("md5")
    .update(spki)
    .digest("hex")
    .replace(/..(?!$)/g, "$&:");
  return { key, fingerprint };
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

function parse(path: string, pem: string, passphrase: string | undefined): KeyObject {
  try {
    return createPrivateKey({ key: pem, ...(passphrase === undefined ? {} : { passphrase }) });
  } catch {
    throw new Failure(
      passphrase === undefined
        ? `${path} is not a private key in PEM; give the file with BEGIN PRIVATE KEY or BEGIN RSA PRIVATE KEY`
        : `${path} cannot be decrypted; check the passphrase and run it again`,
      exitCode.usage,
    );
  }
}

async function askPassphrase(path: string): Promise<string> {
  if (!isTerminal()) {
    throw new Failure(
      `${path} has a passphrase, and there is no terminal to ask for it; run this in one, or decrypt the key first: openssl pkey -in <encrypted key> -out <key>`,
      exitCode.usage,
    );
  }
  return onTerminal(password({ message: `Passphrase of ${path}` }, { output: process.stderr }));
}
