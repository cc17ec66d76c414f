import { createRoute, type RouteConfig, type RouteHandler } from "@hono/zod-openapi";
import { createMiddleware } from "hono/factory";
import type { Caller } from "../access/caller.ts";
import { type Config, configOf, type Env } from "../env.ts";
import type { Session } from "../storage/session.ts";
import { withTimeout } from "../timeout.ts";
import type { Timings } from "../timings.ts";

export interface AppEnv {
  Bindings: Env;
  Variables: {
    requestId: string;
    config: Config;
    /** Set by `authenticated` (authenticate.ts), which every route of the admin API has, as is the database. */
    caller: Caller;
    /** DB's primary. */
    database: Session;
    timings: Timings;
    /** When the request came, in milliseconds since the epoch: the clock of whatever it decides. */
    now: number;
    /** Why the request was refused, and what the log alone says of it. */
    refused: { reason: string; message?: string | undefined } | undefined;
  };
}

/** A route beside its handler, for `app.openapiRoutes`. */
export function defineRoute<P extends string, R extends Omit<RouteConfig, "path"> & { path: P }>(
  route: R,
  handler: RouteHandler<R, AppEnv>,
) {
  return { route: createRoute(route), handler };
}

/** Checks the configuration before anything that needs it. */
export const configured = createMiddleware<AppEnv>(async (c, next) => {
  c.set("config", await configOf(c.env));
  await next();
});

/** Longer than any time limit within: whatever hangs, the caller has an answer. In milliseconds. */
const maxRequestMilliseconds = 7000;

/** Rejects with `TimeoutError`. */
export const timeLimit = createMiddleware((_, next) => withTimeout(maxRequestMilliseconds, next()));
