import { writeRefusal } from "../audit/refusals.ts";
import { Directory } from "../directory/directory.ts";
import { errorResponses, ofBodies, ofEligibility } from "../http/error-responses.ts";
import { requestOrigin } from "../http/origin.ts";
import { checkRate, lookupBudget } from "../http/rate-limit.ts";
import { defineRoute } from "../http/route.ts";
import { jsonBody, success } from "../identities/fields.ts";
import { loadLoginConfiguration } from "../identities/login-configuration.ts";
import { storedIdentityClient } from "../identities/tenancy-client.ts";
import { askLedger, ledgerOf } from "../ledger/address.ts";
import { nearestSession } from "../storage/session.ts";
import { exampleAnswer, exampleBody, loginAnswer, loginBody } from "./contract.ts";
import { logIn } from "./login.ts";

export const loginRoute = defineRoute(
  {
    method: "post",
    path: "/api/v1/auth/oci-auth/login",
    tags: ["OCI Auth"],
    summary: "Log in with a signed OCI request",
    description: "Login with OCI Auth for machine identity",
    operationId: "loginWithOciAuth",
    request: { body: jsonBody(loginBody, exampleBody) },
    responses: {
      ...success("Default Response", loginAnswer, exampleAnswer),
      ...errorResponses(
        ofBodies,
        "malformed-request",
        "security-token",
        "date-not-signed",
        "another-user",
        "date-out-of-range",
        "another-realm",
        ofEligibility,
        "signature-invalid",
        "signature-reused",
        "too-many-logins",
        "ledger-unavailable",
      ),
    },
  },
  async (c) => {
    const { config, waits } = c.var;
    const now = Date.now();
    const origin = requestOrigin(c);
    const budget = lookupBudget(c.env, origin.ip);
    const directory = new Directory(c.env.DIRECTORY, config, c.executionCtx, budget);
    const session = nearestSession(c.env.DB, waits);
    const token = await logIn(
      c.req.valid("json"),
      {
        issuer: config,
        origin,
        checkRate: () => checkRate(c.env.LOGINS, origin.ip, "too-many-logins"),
        loadConfiguration: (identityId, slug) =>
          loadLoginConfiguration(session, identityId, slug === undefined ? undefined : { slug }),
        readDirectory: ({ tenancyOcid, userOcid }) => waits.on("kv", directory.read(tenancyOcid, userOcid)),
        resolveUser: (keyId, cached, prove, tenancy) =>
          waits.on(
            "oci",
            directory.resolve(keyId, cached, prove, () => storedIdentityClient(config, tenancy), now),
          ),
        recordLogin: (keyId, login) =>
          waits.on(
            "ledger",
            askLedger(() => ledgerOf(c.env.LEDGER, keyId, login.signatureDigest).recordLogin(login)),
          ),
        reportRefusal: (event, refused) => c.executionCtx.waitUntil(writeRefusal(c.env, event, refused)),
      },
      now,
    );
    return c.json(token, 200);
  },
);
