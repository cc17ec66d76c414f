/** Each method of login, and of renewal, with what it needs of a request. */
import type { Context } from "hono";
import { writeRefusal } from "../audit/refusals.ts";
import { clientInfo } from "../http/client-info.ts";
import { instanceRoots, ledgers, userDirectory } from "../http/dependencies.ts";
import { checkRate } from "../http/rate-limit.ts";
import type { AppEnv } from "../http/route.ts";
import {
  type ConfigurationLoader,
  loadInstanceConfiguration,
  loadUserConfiguration,
} from "../identities/login-configuration.ts";
import { instanceMethod, instanceRenewal } from "../login/instance/method.ts";
import type { LoginDependencies } from "../login/login.ts";
import type { RenewalMethods } from "../login/renew.ts";
import { type Users, userMethod, userRenewal } from "../login/user/method.ts";
import type { Session } from "../storage/session.ts";
import { nearestSession } from "../storage/session.ts";
import { storedIdentityClient, storedRootsSource } from "../tenancies/tenancy-client.ts";

function users(c: Context<AppEnv>): Users {
  const directory = userDirectory(c);
  const { config, now } = c.var;
  return {
    read: (keyId) => directory.read(keyId, now),
    resolve: (keyId, cached, prove, tenancy) =>
      directory.resolve(keyId, cached, prove, () => storedIdentityClient(config.oci, tenancy), now),
  };
}

export const usersOf = (c: Context<AppEnv>) => userMethod(users(c));

export function instancesOf(c: Context<AppEnv>) {
  const roots = instanceRoots(c);
  const { config, now } = c.var;
  return instanceMethod(config.tokens.issuer, {
    read: (query) => roots.read(query, now),
    resolve: (query, chain, cached, prove, tenancy) =>
      roots.resolve(
        query,
        chain,
        cached,
        prove,
        () => storedRootsSource(config.oci, tenancy, query.region),
        now,
      ),
  });
}

export function renewalMethods(c: Context<AppEnv>, session: Session): RenewalMethods {
  return {
    "oci-auth": userRenewal((identityId, id) => loadUserConfiguration(session, identityId, { id }), users(c)),
    "oci-instance-auth": instanceRenewal((identityId, id) =>
      loadInstanceConfiguration(session, identityId, { id }),
    ),
  };
}

/** What every login needs of a request, whichever its method. */
export function loginDependencies<Own>(
  c: Context<AppEnv>,
  load: ConfigurationLoader<Own>,
): LoginDependencies<Own> {
  const { config, timings } = c.var;
  const client = clientInfo(c);
  const session = nearestSession(c.env.DB, timings);
  return {
    issuer: config.tokens,
    client,
    checkRate: () => checkRate(c.env.LOGINS, client.ip, "too-many-logins"),
    loadConfiguration: (identityId, slug) =>
      load(session, identityId, slug === undefined ? undefined : { slug }),
    recordLogin: (principal, login) => ledgers(c).recordLogin(principal, login),
    reportRefusal: (event, refused) => c.executionCtx.waitUntil(writeRefusal(c.env, event, refused)),
  };
}
