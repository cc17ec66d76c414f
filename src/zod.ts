/**
 * What this Worker uses of Zod. In the built Worker "zod" is this file (wrangler.toml, `[alias]`): libraries hold on to
 * the whole of `z`, and with it to every language that Zod speaks, a third of the bundle.
 */
export {
  array,
  base64url,
  boolean,
  coerce,
  discriminatedUnion,
  enum,
  iso,
  literal,
  NEVER,
  number,
  object,
  record,
  strictObject,
  string,
  tuple,
  union,
  unknown,
  ZodType,
} from "zod/v4";
export * as z from "./zod.ts";
