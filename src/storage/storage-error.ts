/**
 * D1 failed: what it said of a statement, or what the runtime said of a connection to it. The message never holds a
 * parameter: SQLite repeats none, and what D1's client repeats of a value that it cannot bind is cut.
 */
export class StorageError extends Error {
  override readonly name = "StorageError";

  constructor(cause: unknown) {
    const message = cause instanceof Error ? cause.message : String(cause);
    super(message.replace(/ for value .*/s, ""), { cause });
  }
}

/** Whether a write failed because a unique value is taken, a row it refers to is not there, or a check fails. */
export function isConstraintError(error: unknown, constraint: "UNIQUE" | "FOREIGN KEY" | "CHECK"): boolean {
  return error instanceof StorageError && error.message.includes(`${constraint} constraint failed`);
}
