import { createMiddleware } from "hono/factory";
import type { Config, Env } from "../env.ts";
import { primary } from "../identities/database.ts";
import { loadStanding } from "../identities/standing.ts";
import { verifyToken } from "../tokens/verify.ts";
import type { Caller } from "./caller.ts";
import { Refusal } from "./refusal.ts";
import type { AppEnv } from "./route.ts";

/** Compares in constant time, whatever the lengths: digests have one length. */
async function equalSecrets(one: string, other: string): Promise<boolean> {
  const digest = (text: string) => crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return crypto.subtle.timingSafeEqual(await digest(one), await digest(other));
}

async function callerOf(bearer: string, env: Env, config: Config): Promise<Caller> {
  if (await equalSecrets(bearer, config.adminToken)) return { kind: "operator" };

  const verified = await verifyToken(bearer, config.signingKeys, config.issuer, new Date());
  if (!verified.ok) throw new Refusal(verified.problem === "expired" ? "token-expired" : "unauthenticated");
  const { claims } = verified;
  if (claims.aud !== config.issuer) {
    throw new Refusal("not-permitted", "This token is for other services, not for this Worker's own API.");
  }
  const standing = await loadStanding(primary(env.DB), claims.identityId, claims.orgId);
  if (standing === undefined || standing.tokenGeneration !== claims.tokenGeneration) {
    throw new Refusal("unauthenticated", "This token has been revoked.");
  }
  if (standing.suspended) throw new Refusal("suspended");
  return {
    kind: "identity",
    identityId: claims.identityId,
    role: standing.role,
    organizationId: claims.orgId,
  };
}

/** Who calls: ADMIN_TOKEN's holder, or an identity by its access token. Anyone else gets no further. */
const authenticated = createMiddleware<AppEnv>(async (c, next) => {
  const bearer = /^Bearer +([\x21-\x7e]+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
  if (bearer === undefined) throw new Refusal("unauthenticated", "A bearer token is required.");
  c.set("caller", await callerOf(bearer, c.env, c.var.config));
  await next();
});

const administrates = createMiddleware<AppEnv>(async (c, next) => {
  const { caller } = c.var;
  if (caller.kind === "identity" && caller.role !== "admin") {
    throw new Refusal("not-permitted", "Only an identity with the role admin may do this.");
  }
  await next();
});

const operates = createMiddleware<AppEnv>(async (c, next) => {
  if (c.var.caller.kind !== "operator") {
    throw new Refusal("not-permitted", "Only the holder of ADMIN_TOKEN may do this.");
  }
  await next();
});

/** For the admin API: the operator, or an identity with the role admin within its reach. */
export const adminOnly = [authenticated, administrates];

/** For what belongs to the deployment as a whole. */
export const operatorOnly = [authenticated, operates];
