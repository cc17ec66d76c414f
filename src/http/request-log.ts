import { createMiddleware } from "hono/factory";
import { routePath } from "hono/route";
import { log } from "../log.ts";
import { Timings } from "../timings.ts";
import type { AppEnv } from "./route.ts";

/** One line for each request. The route is the pattern, not the path: a path may hold what a caller invented. */
export const requestLog = createMiddleware<AppEnv>(async (c, next) => {
  const timings = new Timings();
  c.set("timings", timings);
  c.set("now", Date.now());
  await next();
  const { status } = c.res;
  const route = routePath(c, -1);
  log(status >= 500 ? "error" : "info", {
    reqId: c.get("requestId"),
    method: c.req.method,
    route: route.startsWith("/") && !route.endsWith("*") ? route : null,
    status,
    ...c.get("refused"),
    waits: timings.milliseconds,
    cfRay: c.req.header("cf-ray"),
  });
});
