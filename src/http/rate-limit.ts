/**
 * Rate limits of Cloudflare's binding: counted for each location, approximate, in windows of a minute of the wall clock
 * (docs/login.md, What Cloudflare promises). They bound what a caller can cost. They decide nothing else: no count of
 * wrong logins decides the answer to a right one, and a limit that cannot be asked refuses nobody.
 */

import { createMiddleware } from "hono/factory";
import ipaddr from "ipaddr.js";
import type { LookupBudget } from "../directory/directory.ts";
import type { Env } from "../env.ts";
import { log } from "../log.ts";
import { within } from "../time-limit.ts";
import { requestOrigin } from "./origin.ts";
import { type Reason, Refusal } from "./refusal.ts";
import type { AppEnv } from "./route.ts";

/** A caller's address as limits count it: an IPv6 /64 is one caller, and an IPv4-mapped address is IPv4. */
export function addressKey(ip: string): string {
  if (!ipaddr.isValid(ip)) return "unknown";
  const address = ipaddr.process(ip);
  if (address.kind() === "ipv4") return address.toString();
  return `${address.toByteArray().slice(0, 8).join(".")}/64`;
}

/** The binding answers from memory. */
const maxWaitMilliseconds = 500;

/** Counts one, and says whether that is within the limit. */
export async function withinLimit(limit: RateLimit, key: string): Promise<boolean> {
  try {
    return (await within(maxWaitMilliseconds, limit.limit({ key }))).success;
  } catch (error) {
    log("error", { message: "a rate limit cannot be asked", error: String(error) });
    return true;
  }
}

/** Throws a {@link Refusal} with the reason once the address is over the limit. */
export async function checkRate(limit: RateLimit, ip: string, reason: Reason): Promise<void> {
  if (!(await withinLimit(limit, addressKey(ip)))) throw new Refusal(reason);
}

/** For routes where each request counts. */
export const limitedRequests = createMiddleware<AppEnv>(async (c, next) => {
  await checkRate(c.env.TOKEN_REQUESTS, requestOrigin(c).ip, "too-many-requests");
  await next();
});

/**
 * The narrower budget first: an address that is over its own uses up nothing of its tenancy's. While the cache cannot be
 * read, known users are looked up like unknown ones, and many of them may be behind one address: then the tenancy's
 * budget alone counts.
 */
export function lookupBudget(env: Env, ip: string): LookupBudget {
  return async (tenancyOcid, cacheIsReadable) =>
    (!cacheIsReadable || (await withinLimit(env.ADDRESS_QUESTIONS, `${tenancyOcid} ${addressKey(ip)}`))) &&
    (await withinLimit(env.TENANCY_QUESTIONS, tenancyOcid));
}
