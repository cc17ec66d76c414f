import { createMiddleware } from "hono/factory";
import type { AppEnv } from "./route.ts";

const urlSafe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** `req-` and 14 URL-safe characters (facts.md, section 5): 84 random bits. */
export function newRequestId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(14));
  return `req-${Array.from(bytes, (byte) => urlSafe[byte & 63]).join("")}`;
}

/** Gives each request its id, which its error body, its log lines and the `x-request-id` header carry. */
export const requestId = createMiddleware<AppEnv>(async (c, next) => {
  c.set("requestId", newRequestId());
  await next();
  c.header("x-request-id", c.var.requestId);
});
