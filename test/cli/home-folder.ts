/** The home folder of an OCI user: configuration files and keys. */
import { randomUUID } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { OciUser } from "../e2e/oci-users.ts";

export interface HomeFolder {
  readonly path: string;
  /** Writes a file that only its owner may read. Returns its path. */
  write(path: string, text: string, mode?: number): string;
  /** Writes the key of a user. Returns its path. */
  key(user: OciUser, path?: string): string;
  /** Variables for the command line's environment. */
  readonly env: Record<string, string>;
}

export function makeHomeFolder(parent: string): HomeFolder {
  const home = join(parent, randomUUID());
  mkdirSync(home);
  const write = (path: string, text: string, mode = 0o600) => {
    const whole = join(home, path);
    mkdirSync(dirname(whole), { recursive: true });
    writeFileSync(whole, text, { mode });
    return whole;
  };
  return {
    path: home,
    write,
    key: (user, path = `${user.fingerprint.replaceAll(":", "")}.pem`) => write(path, user.privateKey),
    env: { HOME: home },
  };
}

export interface ProfileValues {
  readonly user?: string | undefined;
  readonly fingerprint?: string | undefined;
  readonly tenancy?: string | undefined;
  readonly region?: string | undefined;
  readonly key_file?: string | undefined;
  readonly pass_phrase?: string | undefined;
}

export function profileOf(user: OciUser, keyFile: string, region = "us-ashburn-1"): ProfileValues {
  const { userOcid, tenancyOcid, fingerprint } = user;
  return { user: userOcid, fingerprint, tenancy: tenancyOcid, region, key_file: keyFile };
}

/** As `oci setup config` writes it. */
export function profileText(name: string, values: ProfileValues): string {
  const lines = Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${value}`],
  );
  return [`[${name}]`, ...lines, "", ""].join("\n");
}
