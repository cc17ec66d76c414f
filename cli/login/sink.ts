/** The file that a token is kept in. It is complete or absent, and only its owner can read it. */
import { randomBytes } from "node:crypto";
import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  lstatSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { resolvePath } from "../profile/profile.ts";
import { exitCode, Failure } from "../terminal/failure.ts";

export class Sink {
  readonly path: string;

  /** Throws a {@link Failure} if the file could not be replaced, before a token is requested for it. */
  constructor(path: string) {
    this.path = resolvePath(path);
    let isOther: boolean;
    try {
      accessSync(dirname(this.path), constants.W_OK | constants.X_OK);
      isOther = lstatSync(this.path, { throwIfNoEntry: false })?.isFile() === false;
    } catch (error) {
      throw this.#failure(error);
    }
    // A link, a device or a pipe is there for a reason, and would be lost.
    if (isOther) {
      throw new Failure(`${this.path} is not a regular file; name another with --sink`, exitCode.usage);
    }
  }

  /** A reader sees the old text or the new one, even if the machine stops halfway. */
  write(text: string): void {
    const temporary = join(dirname(this.path), `.${basename(this.path)}.${randomBytes(6).toString("hex")}`);
    try {
      const file = openSync(temporary, "wx", 0o600);
      try {
        writeFileSync(file, text);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(temporary, this.path);
    } catch (error) {
      try {
        rmSync(temporary, { force: true });
      } catch {
        // The cause of the failed write, such as a read-only file system, may prevent the removal too.
      }
      throw this.#failure(error);
    }
  }

  #failure(error: unknown): Failure {
    const { message } = error as Error;
    return new Failure(
      `the token cannot be written to ${this.path}: ${message}; check --sink and its folder`,
      exitCode.usage,
    );
  }
}
