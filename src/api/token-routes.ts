import * as z from "zod";
import { writeRefusal } from "../audit/refusals.ts";
import { clientInfo } from "../http/client-info.ts";
import { ledgers } from "../http/dependencies.ts";
import { limitedRequests } from "../http/rate-limit.ts";
import { defineRoute } from "../http/route.ts";
import { loginAnswer } from "../login/contract.ts";
import { renewToken } from "../login/renew.ts";
import { primarySession } from "../storage/session.ts";
import { claimsOfToken } from "../tokens/admission.ts";
import { principalOf } from "../tokens/claims.ts";
import { tokenEvent } from "../tokens/event.ts";
import {
  bodyRefusals,
  errorResponses,
  instanceRefusals,
  loginRefusals,
  tokenRefusals,
  userRefusals,
} from "./error-responses.ts";
import { examples } from "./examples.ts";
import { jsonBody, success } from "./fields.ts";
import { exampleAnswer } from "./login-examples.ts";
import { renewalMethods } from "./login-methods.ts";

const body = jsonBody(
  () =>
    z.strictObject({
      // A secret made from a file ends in a newline.
      accessToken: z.string().trim().meta({ description: "As a login or renewal answered it." }),
    }),
  { accessToken: examples.accessToken },
);

export const tokenRoutes = [
  defineRoute(
    {
      method: "post",
      path: "/api/v1/auth/token/renew",
      tags: ["Tokens"],
      operationId: "renewToken",
      summary: "Renew an access token",
      description: "A new copy of an access token, with its id, for as long as its right to log in lasts.",
      middleware: [limitedRequests],
      request: { body },
      responses: () => ({
        ...success("The new copy", loginAnswer(), exampleAnswer),
        ...errorResponses(
          bodyRefusals,
          tokenRefusals,
          userRefusals,
          instanceRefusals,
          loginRefusals,
          "token-malformed",
          "token-max-ttl",
          "too-many-requests",
        ),
      }),
    },
    async (c) => {
      const { config, timings, now } = c.var;
      const session = primarySession(c.env.DB, timings);
      const token = await renewToken(
        c.req.valid("json").accessToken,
        {
          issuer: config.tokens,
          client: clientInfo(c),
          methods: renewalMethods(c, session),
          recordRenewal: (claims, renewal) => ledgers(c).recordRenewal(principalOf(claims), renewal),
          reportRefusal: (event) => c.executionCtx.waitUntil(writeRefusal(c.env, event, "holder")),
        },
        now,
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
      summary: "Revoke an access token",
      description:
        "End an access token, all of its copies included. A service that verifies offline does not see it.",
      middleware: [limitedRequests],
      request: { body },
      responses: () => ({
        ...success("Revoked", z.strictObject({ message: z.literal("Successfully revoked access token") }), {
          message: "Successfully revoked access token",
        }),
        ...errorResponses(
          bodyRefusals,
          "token-malformed",
          "token-expired",
          "too-many-requests",
          "ledger-unavailable",
        ),
      }),
    },
    async (c) => {
      const claims = await claimsOfToken(c.req.valid("json").accessToken, c.var.config.tokens, c.var.now);
      const revocation = {
        tokenId: claims.jti,
        expiresAt: claims.exp,
        usesLimit: 0,
        event: tokenEvent("token.revoke", claims, clientInfo(c), null),
      };
      await ledgers(c).recordRevocation(principalOf(claims), revocation);
      return c.json({ message: "Successfully revoked access token" as const }, 200);
    },
  ),
] as const;
