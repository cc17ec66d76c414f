import * as z from "zod";
import { reaches } from "../access/reach.ts";
import { introspectorOnly } from "../http/authenticate.ts";
import { ledgers } from "../http/dependencies.ts";
import { defineRoute } from "../http/route.ts";
import { isIpAddress } from "../identities/trusted-ips.ts";
import { lazy } from "../lazy.ts";
import { Refusal } from "../refusal.ts";
import { admitToken, checkAudience, claimsOfToken } from "../tokens/admission.ts";
import { type AccessTokenClaims, holderOf, instanceClaims, userClaims } from "../tokens/claims.ts";
import { bodyRefusals, callerRefusals, errorResponses } from "./error-responses.ts";
import { examples } from "./examples.ts";
import { success } from "./fields.ts";

/** Parameters that are not known are ignored (RFC 7662, section 2.1). */
const question = lazy(() =>
  z.object({
    // As renewal and revocation read it.
    token: z.string().trim().meta({ description: "The access token." }),
    token_type_hint: z.string().optional(),
    client_ip: z.string().refine(isIpAddress, "is not an IP address").optional().meta({
      description: "Where the token is used from. A token with restricted IPs is inactive without it.",
    }),
  }),
);

const active = () => ({
  active: z.literal(true),
  token_type: z.literal("Bearer"),
  client_id: z.string().meta({ description: "The identity's id." }),
  username: z.string().meta({ description: "The OCI username, or the instance's OCID." }),
});

const answer = lazy(() =>
  z.union([
    z.strictObject({ active: z.literal(false) }),
    userClaims().extend(active()).strict(),
    instanceClaims().extend(active()).strict(),
  ]),
);

const example: z.output<ReturnType<typeof answer>> = {
  active: true,
  token_type: "Bearer",
  client_id: examples.identityId,
  username: examples.username,
  iss: "https://auth.example.com",
  sub: examples.identityId,
  aud: "api",
  iat: examples.loggedInAt,
  exp: examples.loggedInAt + 3600,
  jti: examples.tokenId,
  identityId: examples.identityId,
  identityName: "payments",
  authMethod: "oci-auth",
  orgId: examples.organizationId,
  rootOrgId: examples.organizationId,
  parentOrgId: examples.organizationId,
  identityAccessTokenId: examples.tokenId,
  authTokenType: "identityAccessToken",
  accessTokenTTL: 2_592_000,
  accessTokenMaxTTL: 2_592_000,
  accessTokenPeriod: 0,
  creationEpoch: examples.loggedInAt,
  tokenGeneration: 0,
  oci: {
    tenancyOcid: examples.tenancyOcid,
    userOcid: examples.userOcid,
    username: examples.username,
    fingerprint: examples.fingerprint,
  },
};

/** Nothing is said of why a token is not active: the token may be anyone's (RFC 7662, section 2.2). */
async function ifActive(admitted: Promise<AccessTokenClaims>): Promise<AccessTokenClaims | undefined> {
  try {
    return await admitted;
  } catch (error) {
    if (error instanceof Refusal && error.status < 500) return undefined;
    throw error;
  }
}

export const introspectionRoute = defineRoute(
  {
    method: "post",
    path: "/oauth2/introspect",
    tags: ["Tokens"],
    operationId: "introspectToken",
    summary: "Ask whether an access token is active",
    description:
      "Whether an access token may be used now (RFC 7662): it sees revocations, use limits, trusted IPs and suspensions. An active answer is a use.",
    ...introspectorOnly,
    request: {
      body: {
        type: "form",
        schema: question,
        example: { token: examples.accessToken, client_ip: examples.ip },
      },
    },
    responses: () => ({
      ...success("What is known of the token", answer(), example),
      ...errorResponses(callerRefusals, bodyRefusals),
    }),
  },
  async (c) => {
    const { config, caller, now } = c.var;
    const { token, client_ip } = c.req.valid("form");
    const dependencies = { database: c.var.database, ledgers: ledgers(c) };
    const admit = async () => {
      const claims = await claimsOfToken(token, config.tokens, now);
      await admitToken(claims, client_ip, dependencies, (standing) => {
        // Another organization's token is as good as none.
        if (!reaches(caller, standing.organization)) throw new Refusal("not-found");
        checkAudience(claims.aud, standing, config.tokens);
      });
      return claims;
    };
    const claims = await ifActive(admit());
    if (claims === undefined) return c.json({ active: false as const }, 200);
    return c.json(
      {
        active: true as const,
        token_type: "Bearer" as const,
        client_id: claims.identityId,
        username: holderOf(claims),
        ...claims,
      },
      200,
    );
  },
);
