/** One JSON line. Never a token, a signature, a key, or a whole authorization header. */
export function log(level: "info" | "warn" | "error", fields: Record<string, unknown>): void {
  console[level](JSON.stringify({ level, ...fields }));
}
