import { createMiddleware } from "hono/factory";
import { routePath } from "hono/route";
import { log } from "../log.ts";
import { Waits } from "../waits.ts";
import type { AppEnv } from "./route.ts";

/** One line for each request. The route is the pattern, not the path: a path may hold what a caller invented. */
export const requestLog = createMiddleware<AppEnv>(async (c, next) => {
  const waits = new Waits();
  c.set("waits", waits);
  await next();
  const { status } = c.res;
  const route = routePath(c, -1);
  log(status >= 500 ? "error" : "info", {
    reqId: c.get("requestId"),
    method: c.req.method,
    route: route.startsWith("/") && !route.endsWith("*") ? route : null,
    status,
    ...c.get("refused"),
    waits: waits.milliseconds,
    cfRay: c.req.header("cf-ray"),
  });
});
