import { writeRefusal } from "../audit/refusals.ts";
import { clientInfo } from "../http/client-info.ts";
import { ledgers } from "../http/dependencies.ts";
import { checkRate } from "../http/rate-limit.ts";
import { defineRoute } from "../http/route.ts";
import { loadLoginConfiguration } from "../identities/login-configuration.ts";
import { loginAnswer, loginBody } from "../login/contract.ts";
import { logIn } from "../login/login.ts";
import { userMethod } from "../login/user/method.ts";
import { nearestSession } from "../storage/session.ts";
import { bodyRefusals, eligibilityRefusals, errorResponses } from "./error-responses.ts";
import { jsonBody, success } from "./fields.ts";
import { exampleAnswer, exampleBody } from "./login-examples.ts";
import { users } from "./login-methods.ts";

export const loginRoute = defineRoute(
  {
    method: "post",
    path: "/api/v1/auth/oci-auth/login",
    tags: ["OCI Auth"],
    summary: "Log in with a signed OCI request",
    description: "Login with OCI Auth for machine identity",
    operationId: "loginWithOciAuth",
    request: { body: jsonBody(loginBody, exampleBody) },
    responses: () => ({
      ...success("Default Response", loginAnswer(), exampleAnswer),
      ...errorResponses(
        bodyRefusals,
        "malformed-request",
        "security-token",
        "date-not-signed",
        "another-user",
        "date-out-of-range",
        "another-realm",
        eligibilityRefusals,
        "signature-invalid",
        "signature-reused",
        "too-many-logins",
        "ledger-unavailable",
      ),
    }),
  },
  async (c) => {
    const { config, timings, now } = c.var;
    const client = clientInfo(c);
    const session = nearestSession(c.env.DB, timings);
    const token = await logIn(
      userMethod(users(c)),
      c.req.valid("json"),
      {
        issuer: config.tokens,
        client,
        checkRate: () => checkRate(c.env.LOGINS, client.ip, "too-many-logins"),
        loadConfiguration: (identityId, slug) =>
          loadLoginConfiguration(session, identityId, slug === undefined ? undefined : { slug }),
        recordLogin: (principal, login) => ledgers(c).recordLogin(principal, login),
        reportRefusal: (event, refused) => c.executionCtx.waitUntil(writeRefusal(c.env, event, refused)),
      },
      now,
    );
    return c.json(token, 200);
  },
);
