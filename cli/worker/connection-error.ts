/**
 * What fetch says of a connection that failed is in the cause of its error; where a host has several addresses, it is
 * in that of each, and the cause itself says nothing.
 */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof AggregateError && cause.message === "") return cause.errors.map(reasonOf).join(", ");
  return cause instanceof Error && cause.message !== "" ? cause.message : error.message;
}
