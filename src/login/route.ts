import { writeRefusal } from "../audit/refusals.ts";
import { Directory } from "../directory/directory.ts";
import { errorResponses } from "../http/envelope.ts";
import { requestOrigin } from "../http/origin.ts";
import { checkRate, questionBudget } from "../http/rate-limit.ts";
import { defineRoute } from "../http/route.ts";
import { nearestSession } from "../identities/database.ts";
import { loadLoginConfiguration } from "../identities/login-configuration.ts";
import { storedIdentityClient } from "../identities/tenancy-client.ts";
import { askLedger, ledgerOf } from "../ledger/address.ts";
import { loginAnswer, loginBody } from "./contract.ts";
import { logIn } from "./login.ts";

export const loginRoute = defineRoute(
  {
    method: "post",
    path: "/api/v1/auth/oci-auth/login",
    tags: ["OCI Auth"],
    description: "Login with OCI Auth for machine identity",
    operationId: "loginWithOciAuth",
    request: { body: { required: true, content: { "application/json": { schema: loginBody } } } },
    responses: {
      200: { description: "Default Response", content: { "application/json": { schema: loginAnswer } } },
      ...errorResponses(400, 401, 403, 404, 405, 413, 415, 422, 429, 500, 503),
    },
  },
  async (c) => {
    const { config, waits } = c.var;
    const now = Date.now();
    const origin = requestOrigin(c);
    const budget = questionBudget(c.env, origin.ip);
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
        resolveUser: (keyId, cached, tenancy) =>
          waits.on(
            "oci",
            directory.resolve(keyId, cached, () => storedIdentityClient(config, tenancy), now),
          ),
        recordLogin: (keyId, login) =>
          waits.on(
            "ledger",
            askLedger(() => ledgerOf(c.env.LEDGER, keyId, login.signatureDigest).recordLogin(login)),
          ),
        reportRefusal: (event) => c.executionCtx.waitUntil(writeRefusal(c.env, event)),
      },
      now,
    );
    return c.json(token, 200);
  },
);
