/**
 * The reason of a failed connection is in the cause of fetch's error. If a host has several addresses, the cause has an
 * error for each, and no message of its own.
 */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof AggregateError && cause.message === "") return cause.errors.map(reasonOf).join(", ");
  return cause instanceof Error && cause.message !== "" ? cause.message : error.message;
}
