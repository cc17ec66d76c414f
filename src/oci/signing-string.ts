import type { SignedHeader } from "./request-signature.ts";

/**
 * The text that is signed (docs/login.md, OCI's signatures): a line for each signed name, in the order of the signature,
 * without a trailing newline. Values must have been held to a grammar without control characters, or be our own.
 */
export function signingString(lines: readonly (readonly [name: SignedHeader, value: string])[]): string {
  return lines.map(([name, value]) => `${name}: ${value}`).join("\n");
}
