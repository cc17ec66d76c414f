/** What a request calls, each made in this one place: a client times its calls, and makes a refusal of a failure. */
import type { Context } from "hono";
import { InstanceRoots } from "../directory/instance-roots.ts";
import { UserDirectory } from "../directory/users.ts";
import type { CacheAccess } from "../directory/vouched-cache.ts";
import { Ledgers } from "../ledger/ledgers.ts";
import { clientInfo } from "./client-info.ts";
import { lookupBudget, rootsBudget } from "./rate-limit.ts";
import type { AppEnv } from "./route.ts";

function cacheAccess(c: Context<AppEnv>): CacheAccess {
  return { kv: c.env.DIRECTORY, background: c.executionCtx, timings: c.var.timings };
}

export function userDirectory(c: Context<AppEnv>): UserDirectory {
  return new UserDirectory(cacheAccess(c), c.var.config.directory, lookupBudget(c.env, clientInfo(c).ip));
}

export function instanceRoots(c: Context<AppEnv>): InstanceRoots {
  return new InstanceRoots(cacheAccess(c), rootsBudget(c.env, clientInfo(c).ip));
}

export function ledgers(c: Context<AppEnv>): Ledgers {
  return new Ledgers(c.env.LEDGER, c.var.timings);
}
