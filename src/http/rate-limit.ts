/**
 * Rate limits of Cloudflare's binding: counted for each location, approximate, in windows of a minute of the wall clock
 * (docs/login.md, What Cloudflare promises). They bound what a caller can cost. They decide nothing else: no count of
 * wrong logins decides the answer to a right one, and a limit that cannot be asked refuses nobody.
 */

import { createMiddleware } from "hono/factory";
import { addressKey } from "../access/address.ts";
import type { RootsBudget } from "../directory/instance-roots.ts";
import type { LookupBudget } from "../directory/users.ts";
import type { Env } from "../env.ts";
import { log } from "../log.ts";
import { parseRegion } from "../oci/regions.ts";
import { type Reason, Refusal } from "../refusal.ts";
import { withTimeout } from "../timeout.ts";
import { clientInfo } from "./client-info.ts";
import type { AppEnv } from "./route.ts";

/** The binding answers from memory. */
const maxWaitMilliseconds = 500;

/** Counts one, and says whether that is within the limit. */
export async function withinLimit(limit: RateLimit, key: string): Promise<boolean> {
  try {
    return (await withTimeout(maxWaitMilliseconds, limit.limit({ key }))).success;
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
  await checkRate(c.env.TOKEN_REQUESTS, clientInfo(c).ip, "too-many-requests");
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

/**
 * For the roots of regions, apart from users: those of each region that is known by name have a budget of their own, and
 * all regions that anyone can have made up share one.
 */
export function rootsBudget(env: Env, ip: string): RootsBudget {
  return async ({ tenancyOcid, region }, cacheIsReadable) => {
    const key = `${tenancyOcid}/${parseRegion(region)?.realm === undefined ? "other regions" : region}`;
    return (
      (!cacheIsReadable || (await withinLimit(env.ADDRESS_QUESTIONS, `${key} ${addressKey(ip)}`))) &&
      (await withinLimit(env.TENANCY_QUESTIONS, key))
    );
  };
}
