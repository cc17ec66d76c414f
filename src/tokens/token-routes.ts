import { z } from "@hono/zod-openapi";
import { writeRefusal } from "../audit/refusals.ts";
import { Directory } from "../directory/directory.ts";
import { errorResponses } from "../http/envelope.ts";
import { requestOrigin } from "../http/origin.ts";
import { limitedRequests, questionBudget } from "../http/rate-limit.ts";
import { defineRoute } from "../http/route.ts";
import { primarySession } from "../identities/database.ts";
import { jsonBody, success } from "../identities/fields.ts";
import { loadLoginConfiguration } from "../identities/login-configuration.ts";
import { storedIdentityClient } from "../identities/tenancy-client.ts";
import { askLedger, ledgerOf } from "../ledger/address.ts";
import { loginAnswer } from "../login/contract.ts";
import { claimsOfToken } from "./admission.ts";
import { renewToken, tokenEvent } from "./renew.ts";

const body = jsonBody(z.strictObject({ accessToken: z.string() }));

export const tokenRoutes = [
  defineRoute(
    {
      method: "post",
      path: "/api/v1/auth/token/renew",
      tags: ["Tokens"],
      operationId: "renewToken",
      description: "A new copy of an access token, with its id, for as long as its right to log in lasts.",
      middleware: limitedRequests,
      request: { body },
      responses: {
        ...success("The new copy", loginAnswer),
        ...errorResponses(400, 401, 403, 404, 413, 415, 422, 429, 503),
      },
    },
    async (c) => {
      const { config, waits } = c.var;
      const now = Date.now();
      const origin = requestOrigin(c);
      const session = primarySession(c.env.DB, waits);
      const budget = questionBudget(c.env, origin.ip);
      const directory = new Directory(c.env.DIRECTORY, config, c.executionCtx, budget);
      const token = await renewToken(
        c.req.valid("json").accessToken,
        {
          issuer: config,
          origin,
          loadConfiguration: (identityId, id) => loadLoginConfiguration(session, identityId, { id }),
          resolveUser: async (keyId, tenancy) => {
            const cached = await waits.on("kv", directory.read(keyId.tenancyOcid, keyId.userOcid));
            const open = () => storedIdentityClient(config, tenancy);
            return waits.on("oci", directory.resolve(keyId, cached, open, now));
          },
          recordRenewal: ({ oci, jti }, renewal) =>
            waits.on(
              "ledger",
              askLedger(() => ledgerOf(c.env.LEDGER, oci, jti).recordRenewal(renewal)),
            ),
          reportRefusal: (event) => c.executionCtx.waitUntil(writeRefusal(c.env, event)),
        },
        Math.floor(now / 1000),
      );
      return c.json(token, 200);
    },
  ),
  defineRoute(
    {
      method: "post",
      path: "/api/v1/auth/token/revoke",
      tags: ["Tokens"],
      operationId: "revokeToken",
      description:
        "End an access token, all of its copies included. A service that verifies offline does not see it.",
      middleware: limitedRequests,
      request: { body },
      responses: {
        ...success("Revoked", z.strictObject({ message: z.literal("Successfully revoked access token") })),
        ...errorResponses(400, 401, 403, 413, 415, 422, 429, 503),
      },
    },
    async (c) => {
      const claims = await claimsOfToken(c.req.valid("json").accessToken, c.var.config);
      const revocation = {
        tokenId: claims.jti,
        expiresAt: claims.exp,
        usesLimit: 0,
        event: tokenEvent("token.revoke", claims, requestOrigin(c), null),
      };
      await c.var.waits.on(
        "ledger",
        askLedger(() => ledgerOf(c.env.LEDGER, claims.oci, claims.jti).recordRevocation(revocation)),
      );
      return c.json({ message: "Successfully revoked access token" as const }, 200);
    },
  ),
] as const;
