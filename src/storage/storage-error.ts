/**
 * A failure of D1: its error for a statement, or the runtime's error for the connection. The message never holds a
 * parameter: SQLite repeats none, and a value that D1's client could not bind is cut from its message.
 */
export class StorageError extends Error {
  override readonly name = "StorageError";

  constructor(cause: unknown) {
    const message = cause instanceof Error ? cause.message : String(cause);
    super(message.replace(/ for value .*/s, ""), { cause });
  }
}

/** Whether a write failed because a unique value is taken, a referenced row does not exist, or a CHECK failed. */
export function isConstraintError(error: unknown, constraint: "UNIQUE" | "FOREIGN KEY" | "CHECK"): boolean {
  return error instanceof StorageError && error.message.includes(`${constraint} constraint failed`);
}
