/** D1 failed: what it said of a question, or what the runtime said of a connection to it. */
export class StorageError extends Error {
  override readonly name = "StorageError";
}

/**
 * What is behind `error`, if D1 failed. The query builder wraps it, in a message that repeats every parameter, which no
 * log may hold.
 */
export function storageError(error: unknown): StorageError | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof StorageError) return cause;
  }
  return undefined;
}
