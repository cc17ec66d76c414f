/** /openapi.json as tests read it. */

export interface MediaType {
  readonly schema: object;
  readonly example?: unknown;
  readonly examples?: Record<string, { readonly value: unknown }>;
}

interface Content {
  readonly content: Record<string, MediaType>;
}

interface Described {
  readonly operationId: string;
  readonly summary?: string;
  readonly tags: readonly string[];
  readonly security?: readonly object[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: "path" | "query";
    readonly schema: { readonly example?: string };
  }[];
  readonly requestBody?: Content;
  readonly responses: Record<string, Content>;
}

export interface Operation extends Described {
  readonly path: string;
  /** In upper case. */
  readonly method: string;
}

/** The value with every reference into the document replaced by what it refers to. */
export function resolved(value: unknown, document: object): unknown {
  if (Array.isArray(value)) return value.map((item) => resolved(item, document));
  if (typeof value !== "object" || value === null) return value;
  if ("$ref" in value && typeof value.$ref === "string") {
    const found = value.$ref
      .slice(2)
      .split("/")
      .reduce((at: object, key) => Reflect.get(at, key), document);
    return resolved(found, document);
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolved(inner, document)]));
}

export function operationsOf(document: { paths: object }): Operation[] {
  const paths = resolved(document.paths, document) as Record<string, Record<string, Described>>;
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({
      ...described,
      path,
      method: method.toUpperCase(),
    })),
  );
}
