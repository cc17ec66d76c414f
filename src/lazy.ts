/**
 * Makes a value when it is first needed, and keeps it. Schemas are made in this way, so that the first answer of a new
 * isolate waits for those of its own request alone: building all of them takes several times as long as a login.
 */
export function lazy<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
