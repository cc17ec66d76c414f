import { createMiddleware } from "hono/factory";
import { routePath } from "hono/route";
import { log } from "../log.ts";
import type { AppEnv } from "./route.ts";

/** Milliseconds that a request waited for each thing that is remote. What was not asked is not there, or 0. */
export class Waits {
  readonly milliseconds: Partial<Record<"d1" | "kv" | "oci" | "ledger", number>> = {};

  async on<T>(what: "d1" | "kv" | "oci" | "ledger", answer: Promise<T>): Promise<T> {
    const start = Date.now();
    try {
      return await answer;
    } finally {
      this.milliseconds[what] = (this.milliseconds[what] ?? 0) + Date.now() - start;
    }
  }
}

/** One line for each request. The route is the pattern, not the path: a path may hold what a caller invented. */
export const requestLog = createMiddleware<AppEnv>(async (c, next) => {
  const waits = new Waits();
  c.set("waits", waits);
  await next();
  const { status } = c.res;
  const route = routePath(c, -1);
  log(status >= 500 ? "error" : "info", {
    reqId: c.var.requestId,
    method: c.req.method,
    route: route.startsWith("/") && !route.endsWith("*") ? route : null,
    status,
    ...c.var.refused,
    waits: waits.milliseconds,
    cfRay: c.req.header("cf-ray"),
  });
});
