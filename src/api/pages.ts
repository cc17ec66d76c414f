/** What every list of the API takes and returns beside its rows. */
import { z } from "@hono/zod-openapi";
import { type Position, positionOf } from "../storage/pages.ts";

const cursor = z
  .string()
  .max(600)
  .transform((text, context): Position => {
    try {
      return positionOf(text);
    } catch {
      context.addIssue("not a cursor that this list returned");
      return z.NEVER;
    }
  })
  .openapi({ type: "string", description: "The nextCursor of the page before." });

export const pageQuery = z.object({
  cursor: cursor.optional(),
  limit: z.coerce.number().int().min(1).max(100).default(50).openapi({ description: "1 to 100." }),
});

export const nextCursor = z.string().nullable().openapi({ description: "null on the last page." });
