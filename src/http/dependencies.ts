/** What a request calls, each made in this one place: a client times its calls, and makes a refusal of a failure. */
import type { Context } from "hono";
import { UserDirectory } from "../directory/users.ts";
import { Ledgers } from "../ledger/ledgers.ts";
import { clientInfo } from "./client-info.ts";
import { lookupBudget } from "./rate-limit.ts";
import type { AppEnv } from "./route.ts";

export function userDirectory(c: Context<AppEnv>): UserDirectory {
  const { config, timings } = c.var;
  const access = { kv: c.env.DIRECTORY, background: c.executionCtx, timings };
  return new UserDirectory(access, config.directory, lookupBudget(c.env, clientInfo(c).ip));
}

export function ledgers(c: Context<AppEnv>): Ledgers {
  return new Ledgers(c.env.LEDGER, c.var.timings);
}
