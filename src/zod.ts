/**
 * In the built Worker "zod" is this file (wrangler.toml, `[alias]`): libraries hold on to the whole of `z`, and with it
 * to every language that Zod speaks, a third of the bundle.
 */
export * from "./zod-members.ts";
export * as z from "./zod-members.ts";
