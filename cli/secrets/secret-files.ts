/** Writes files of secrets: all or none, readable by their owner only, new, and never where git could commit them. */
import { closeSync, fsyncSync, lstatSync, openSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { resolvePath } from "../profile/profile.ts";
import { orFail } from "../terminal/checked.ts";
import { exitCode, Failure } from "../terminal/failure.ts";
import { checkNotCommitted } from "./work-tree.ts";

export interface SecretFile {
  readonly name: string;
  readonly text: string;
}

/** Throws a {@link Failure}, and leaves no file, if one of them cannot be written. */
export function writeSecretFiles(folder: string, files: readonly SecretFile[]): void {
  const real = realFolder(folder);
  for (const { name } of files) {
    const path = join(real, name);
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) throw alreadyThere(path);
    orFail(checkNotCommitted(real, name));
  }
  const written: string[] = [];
  try {
    for (const { name, text } of files) {
      const path = join(real, name);
      // Never overwrites a file that was made meanwhile.
      const file = openSync(path, "wx", 0o600);
      written.push(path);
      try {
        writeFileSync(file, text);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
    }
  } catch (error) {
    for (const path of written) rmSync(path, { force: true });
    throw new Failure(
      `the secrets cannot be written: ${(error as Error).message}; check --folder`,
      exitCode.usage,
    );
  }
}

function alreadyThere(path: string): Failure {
  return new Failure(
    `${path} exists already, and may be the only copy of a secret; move it to your secret store, or name another folder with --folder`,
    exitCode.usage,
  );
}

function realFolder(folder: string): string {
  try {
    return realpathSync(resolvePath(folder));
  } catch (error) {
    throw new Failure(
      `--folder cannot be used: ${(error as Error).message}; create it first`,
      exitCode.usage,
    );
  }
}
