import type { SignedHeader } from "./request-signature.ts";

/**
 * The text that is signed (docs/login.md, OCI's signatures): one line for each signed name, in signing order, without
 * a trailing newline. Each value must be our own, or parsed by a grammar without control characters.
 */
export function signingString(lines: readonly (readonly [name: SignedHeader, value: string])[]): string {
  return lines.map(([name, value]) => `${name}: ${value}`).join("\n");
}
