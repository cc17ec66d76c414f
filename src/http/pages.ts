import { z } from "@hono/zod-openapi";
import { base64url } from "jose";

/** Where a page ends: lists are ordered by time of creation, then by id. */
export interface Position {
  readonly createdAt: string;
  readonly id: string;
}

const position = z.tuple([z.string().max(30), z.string().max(255)]);

const cursor = z
  .string()
  .max(600)
  .transform((text, context): Position => {
    try {
      const [createdAt, id] = position.parse(JSON.parse(new TextDecoder().decode(base64url.decode(text))));
      return { createdAt, id };
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

/** Cuts rows that were read with one more than the limit into a page and the cursor of the next. */
export function pageOf<T>(rows: T[], limit: number, positionOf: (row: T) => Position) {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  if (rows.length <= limit || last === undefined) return { page, nextCursor: null };
  const { createdAt, id } = positionOf(last);
  return { page, nextCursor: base64url.encode(JSON.stringify([createdAt, id])) };
}
