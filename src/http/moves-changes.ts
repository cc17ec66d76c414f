import { createMiddleware } from "hono/factory";
import { moveChanges } from "../audit/outbox.ts";
import type { AppEnv } from "./route.ts";

/** Moves the event of a change on, after the answer. */
export const movesChanges = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  if (c.req.method !== "GET" && c.res.ok) c.executionCtx.waitUntil(moveChanges(c.env, Date.now()));
});
