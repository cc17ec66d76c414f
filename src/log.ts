import { running } from "./version.ts";

/**
 * One JSON line, with the version that writes it: while one is rolled out, two do. Never a token, a signature, a key, or
 * a whole authorization header.
 */
export function log(level: "info" | "warn" | "error", fields: Record<string, unknown>): void {
  const { release, versionId } = running;
  console[level](JSON.stringify({ level, release, versionId, ...fields }));
}
