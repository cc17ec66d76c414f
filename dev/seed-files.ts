/**
 * What `npm run dev -- --seed` keeps on disk, in the folder `seed` of the state: the API keys, an OCI configuration file
 * and variables for a shell. All of it is its owner's alone, and git ignores the folder wherever it is.
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

  /** `state` is an absolute path: the configuration file names the keys by theirs. */
  constructor(state: string) {
    this.folder = join(state, "seed");
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    this.#write(".gitignore", "*\n");
  }

  /** The key of a user: the one of an earlier run, since the Worker may have cached it. */
  key(profile: string): { privateKey: string; publicKey: string } {
    const path = this.#path(`${profile}.pem`);
    if (!existsSync(path)) this.#write(`${profile}.pem`, newKey().privateKey);
    const privateKey = readFileSync(path, "utf8");
    const publicKey = createPublicKey(privateKey).export({ type: "spki", format: "pem" }).toString();
    return { privateKey, publicKey };
  }

  /** The path of a configuration file with a profile for each user. */
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

  /** The path of a file for a shell to read. */
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

/** One word of a shell. */
export function quoted(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
