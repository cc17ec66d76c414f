import { readFileSync } from "node:fs";
import { exitCode, Failure } from "../terminal/failure.ts";

/**
 * The admin API's bearer token, from a file or the environment. No option accepts the token itself: every user of a
 * machine can read the arguments of its processes.
 */
export function readBearer(tokenFile: string | undefined): string {
  const [source, text] =
    tokenFile === undefined
      ? ["OCI_AUTH_ADMIN_TOKEN", process.env.OCI_AUTH_ADMIN_TOKEN ?? ""]
      : [tokenFile, readToken(tokenFile)];
  const token = text.trim();
  if (token === "" && tokenFile === undefined) {
    throw new Failure(
      "there is no token: set OCI_AUTH_ADMIN_TOKEN, or give --token-file with a file that holds it",
      exitCode.usage,
    );
  }
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new Failure(
      `${source} does not hold a token: one line of printable ASCII without spaces`,
      exitCode.usage,
    );
  }
  return token;
}

function readToken(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Failure(
      `the token file cannot be read: ${(error as Error).message}; check --token-file`,
      exitCode.usage,
    );
  }
}
