import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import type { Caller } from "../access/caller.ts";
import type { Standing } from "../identities/standing.ts";
import { Refusal } from "../refusal.ts";
import type { Role } from "../storage/roles.ts";
import { primarySession } from "../storage/session.ts";

import { admitToken, claimsOfToken } from "../tokens/admission.ts";
import { clientInfo } from "./client-info.ts";
import { ledgers } from "./dependencies.ts";
import { movesChanges } from "./moves-changes.ts";
import { checkRate, withinLimit } from "./rate-limit.ts";
import type { AppEnv } from "./route.ts";

/** Compares in constant time, whatever the lengths: digests have one length. */
async function equalSecrets(one: string, other: string): Promise<boolean> {
  const digest = (text: string) => crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return crypto.subtle.timingSafeEqual(await digest(one), await digest(other));
}

/** Throws a {@link Refusal} unless a caller may go on. */
type Permission = (caller: Caller) => void;

/**
 * An access token of this Worker's own API; its use is counted once the caller may go on. What is refused before D1 is
 * queried costs one verification of a signature at most: D1's primary and the ledgers are shared by all organizations.
 */
async function identityOf(bearer: string, c: Context<AppEnv>, permit: Permission): Promise<Caller> {
  const { config, database, now } = c.var;
  const client = clientInfo(c);
  const claims = await claimsOfToken(bearer, config.tokens, now);
  if (claims.aud !== config.tokens.issuer) {
    throw new Refusal("not-permitted", "This token is for other services, not for this Worker's own API.");
  }
  // After the verification: nobody without a token of the identity uses up its calls.
  if (!(await withinLimit(c.env.IDENTITY_CALLS, claims.identityId))) throw new Refusal("too-many-calls");
  const holder = ({ role }: Standing): Caller => ({
    kind: "identity",
    identityId: claims.identityId,
    role,
    organizationId: claims.orgId,
    client,
  });
  const dependencies = { database, ledgers: ledgers(c) };
  const permitHolder = (standing: Standing) => permit(holder(standing));
  return holder(await admitToken(claims, client.ip, dependencies, permitHolder));
}

async function callerOf(bearer: string, c: Context<AppEnv>, permit: Permission): Promise<Caller> {
  if (await equalSecrets(bearer, c.var.config.adminToken)) return { kind: "operator", client: clientInfo(c) };
  try {
    return await identityOf(bearer, c, permit);
  } catch (error) {
    // A bearer that is no token of ours is an unknown bearer, and nothing more is said of it.
    throw error instanceof Refusal && error.reason === "token-malformed"
      ? new Refusal("unauthenticated")
      : error;
  }
}

/** Who calls: ADMIN_TOKEN's holder, or an identity by its access token. Anyone else gets no further. */
const authenticated = (permit: Permission) =>
  createMiddleware<AppEnv>(async (c, next) => {
    c.set("database", primarySession(c.env.DB, c.var.timings));
    const bearer = /^Bearer +([\x21-\x7e]+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
    try {
      if (bearer === undefined) throw new Refusal("unauthenticated", "A bearer token is required.");
      c.set("caller", await callerOf(bearer, c, permit));
    } catch (error) {
      // Only failures count, and they decide nothing else: the limit is not checked before the bearer is judged. The
      // binding counts whenever it is called, and an address that an isolate remembered would be refused with the right
      // tokens of others behind it, to save one verification. To be over a rate is no failure.
      if (error instanceof Refusal && error.status < 500 && error.status !== 429) {
        await checkRate(c.env.FAILED_AUTHENTICATIONS, clientInfo(c).ip, "too-many-failures");
      }
      throw error;
    }
    await next();
  });

function hasRole(...roles: Role[]): Permission {
  return (caller) => {
    if (caller.kind === "identity" && !roles.includes(caller.role)) {
      throw new Refusal("not-permitted", `Only an identity with the role ${roles.join(" or ")} may do this.`);
    }
  };
}

const operates: Permission = (caller) => {
  if (caller.kind !== "operator") {
    throw new Refusal("not-permitted", "Only the holder of ADMIN_TOKEN may do this.");
  }
};

// Each is part of a route: who may call it, and what its description says of that (openapi.ts has the schemes).
const operator = { adminToken: [] };
const identity = { accessToken: [] };

/** For the admin API: the operator, or an identity with the role admin within its reach. */
export const adminOnly = {
  security: [operator, identity],
  middleware: [authenticated(hasRole("admin")), movesChanges],
};

/** For what belongs to the deployment as a whole. */
export const operatorOnly = { security: [operator], middleware: [authenticated(operates), movesChanges] };

/** For services that ask about tokens. */
export const introspectorOnly = {
  security: [operator, identity],
  middleware: [authenticated(hasRole("introspector", "admin"))],
};
