import type { Context } from "hono";
import type { ClientInfo } from "../access/caller.ts";
import type { AppEnv } from "./route.ts";

const maxUserAgentLength = 256;

/**
 * Where a request came from. Cloudflare sets `cf-connecting-ip` and lets no caller set it; locally it is what the caller
 * says, else loopback.
 */
export function clientInfo(c: Context<AppEnv>): ClientInfo {
  return {
    reqId: c.get("requestId"),
    ip: c.req.header("cf-connecting-ip") ?? "127.0.0.1",
    userAgent: c.req.header("user-agent")?.slice(0, maxUserAgentLength) ?? null,
  };
}
