/** Fields that several routes of the admin API share. */
import { z } from "@hono/zod-openapi";

/** Well-formed text without control characters, so that it can be stored, logged and shown as it is. */
export const printable = z.string().regex(/^[^\p{Cc}\p{Cs}]*$/u, "has control characters or lone surrogates");

export const name = printable.trim().min(1).max(255).openapi({ example: "payments" });

export const slug = z
  .string()
  .regex(/^[a-z0-9-]{1,64}$/, "1 to 64 lower-case letters, digits and hyphens")
  .openapi({ example: "payments" });

export const id = z.string().openapi({ example: "3f0b5c0e-6a53-4a0c-9f7c-1c2a7d3f9b10" });

export const time = z.string().openapi({ format: "date-time", example: "2026-11-24T03:04:57.123Z" });

export const identityPath = z.object({ identityId: id });
export const organizationPath = z.object({ organizationId: id });

/** A JSON request body, as a route's `request.body`. */
export function jsonBody<S extends z.ZodType>(schema: S) {
  return { required: true, content: { "application/json": { schema } } };
}

/** A 200 with a JSON body, as an entry of a route's `responses`. */
export function success<S extends z.ZodType>(description: string, schema: S) {
  return { 200: { description, content: { "application/json": { schema } } } };
}
