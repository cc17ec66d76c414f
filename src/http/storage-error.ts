/**
 * D1's errors carry this prefix. The query builder wraps them, in a message that repeats every parameter, which no log
 * may hold.
 */
export function storageError(error: unknown): Error | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause.message.startsWith("D1_")) return cause;
  }
  return undefined;
}
