/** Each method of login with what it needs of a request. */
import type { Context } from "hono";
import { userDirectory } from "../http/dependencies.ts";
import type { AppEnv } from "../http/route.ts";
import type { Users } from "../login/user/method.ts";
import { storedIdentityClient } from "../tenancies/tenancy-client.ts";

export function users(c: Context<AppEnv>): Users {
  const directory = userDirectory(c);
  const { config, now } = c.var;
  return {
    read: (keyId) => directory.read(keyId, now),
    resolve: (keyId, cached, prove, tenancy) =>
      directory.resolve(keyId, cached, prove, () => storedIdentityClient(config.oci, tenancy), now),
  };
}
