/** Fields that several routes of the admin API share. */
import * as z from "zod";
import type { Body } from "../http/body.ts";
import { lazy } from "../lazy.ts";
import { examples } from "./examples.ts";

/** Well-formed text without control characters, so that it can be stored, logged and shown as it is. */
export const printable = lazy(() =>
  z
    .string()
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, "has control characters or lone surrogates")
    // OpenAPI's patterns know no flags, and so neither classes nor surrogates.
    .meta({ pattern: "^[^\\u0000-\\u001f\\u007f-\\u009f]*$" }),
);

export const name = lazy(() => printable().trim().min(1).max(255));

export const slug = lazy(() =>
  z.string().regex(/^[a-z0-9-]{1,64}$/, "1 to 64 lower-case letters, digits and hyphens"),
);

/** A UUID, which is read in any case (RFC 9562, section 4). */
export const id = lazy(() => z.string().toLowerCase());

export const time = lazy(() => z.string().meta({ format: "date-time" }));

/** Of a path. */
export const identityId = lazy(() =>
  id().meta({
    description: "As createIdentity and listIdentities answer it.",
    example: examples.identityId,
  }),
);
export const organizationId = lazy(() =>
  id().meta({
    description: "As createOrganization and listOrganizations answer it.",
    example: examples.organizationId,
  }),
);

export const identityPath = lazy(() => z.object({ identityId: identityId() }));
export const organizationPath = lazy(() => z.object({ organizationId: organizationId() }));

/** A JSON request body, as a route's `request.body`. */
export function jsonBody<S extends z.ZodType>(
  schema: () => S,
  example: z.input<S> & object,
): Body<"json", () => S> {
  return { type: "json", schema: lazy(schema), example };
}

/** A 200 with a JSON body, as an entry of a route's `responses`. */
export function success<S extends z.ZodType>(description: string, schema: S, example: z.output<S>) {
  return { 200: { description, content: { "application/json": { schema, example } } } };
}
