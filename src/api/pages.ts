/** What every list of the API takes and returns beside its rows. */
import * as z from "zod";
import { lazy } from "../lazy.ts";
import { type Position, positionOf } from "../storage/pages.ts";

const cursor = () =>
  z
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
    .meta({ type: "string", description: "The nextCursor of the page before." });

export const pageQuery = lazy(() =>
  z.object({
    cursor: cursor().optional(),
    limit: z.coerce.number().int().min(1).max(100).default(50).meta({ description: "1 to 100." }),
  }),
);

export const nextCursor = lazy(() => z.string().nullable().meta({ description: "null on the last page." }));
