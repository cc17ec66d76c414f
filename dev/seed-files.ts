/**
 * The files of `npm run dev -- --seed`, in the folder `seed` of the state: the API keys, an OCI configuration file and
 * variables for a shell. Only their owner can read them, and git ignores the folder wherever it is.
 */
import { createPublicKey } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newKey } from "./rsa-key.ts";

export interface SeedUser {
  readonly profile: string;
  readonly name: string;
  readonly userOcid: string;
}

export class SeedFiles {
  readonly folder: string;

  /** `state` is an absolute path, since the configuration file has absolute paths of keys. */
  constructor(state: string) {
    this.folder = join(state, "seed");
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    this.#write(".gitignore", "*\n");
  }

  /** The key of a user: that of an earlier run if there is one, since the Worker may have cached it. */
  key(profile: string): { privateKey: string; publicKey: string } {
    const path = this.#path(`${profile}.pem`);
    if (!existsSync(path)) this.#write(`${profile}.pem`, newKey().privateKey);
    const privateKey = readFileSync(path, "utf8");
    const publicKey = createPublicKey(privateKey).export({ type: "spki", format: "pem" }).toString();
    return { privateKey, publicKey };
  }

  /** Writes a configuration file with a profile for each user. Returns its path. */
  config(
    tenancyOcid: string,
    region: string,
    users: readonly (SeedUser & { fingerprint: string })[],
  ): string {
    const profiles = users.map(({ profile, userOcid, fingerprint }) => [
      `[${profile}]`,
      `user=${userOcid}`,
      `fingerprint=${fingerprint}`,
      `key_file=${this.#path(`${profile}.pem`)}`,
    ]);
    const shared = ["[DEFAULT]", `tenancy=${tenancyOcid}`, `region=${region}`];
    return this.#write("config", `${[shared, ...profiles].map((lines) => lines.join("\n")).join("\n\n")}\n`);
  }

  /** Writes a file of variables for a shell. Returns its path. */
  env(variables: Readonly<Record<string, string>>): string {
    const lines = Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}\n`);
    return this.#write("env", lines.join(""));
  }

  #path(name: string): string {
    return join(this.folder, name);
  }

  #write(name: string, text: string): string {
    writeFileSync(this.#path(name), text, { mode: 0o600 });
    chmodSync(this.#path(name), 0o600);
    return this.#path(name);
  }
}

/** The text as one word of a shell. */
export function quoted(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
