import { createMiddleware } from "hono/factory";
import type { AppEnv } from "./route.ts";

/** `req-` and 14 URL-safe characters (docs/login.md, What compatible clients see): 84 random bits. */
export function newRequestId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(11));
  return `req-${bytes.toBase64({ alphabet: "base64url" }).slice(0, 14)}`;
}

/** Gives each request its id, which its error body, its log lines and the `x-request-id` header carry. */
export const requestId = createMiddleware<AppEnv>((c, next) => {
  const id = newRequestId();
  c.set("requestId", id);
  c.header("x-request-id", id);
  return next();
});
