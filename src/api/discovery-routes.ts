import { createMiddleware } from "hono/factory";
import * as z from "zod";
import { defineRoute } from "../http/route.ts";
import { errorResponses } from "./error-responses.ts";

/** Any cache may have these for five minutes: a rotation waits at least as long. */
const cacheable = createMiddleware((c, next) => {
  c.header("cache-control", "public, max-age=300");
  return next();
});

const jwk = () => {
  const text = z.string();
  const shared = { kid: text, alg: z.enum(["ES256", "EdDSA", "RS256", "PS256"]), use: z.literal("sig") };
  return z.union([
    z.strictObject({ kty: z.literal("EC"), crv: text, x: text, y: text, ...shared }),
    z.strictObject({ kty: z.literal("OKP"), crv: text, x: text, ...shared }),
    z.strictObject({ kty: z.literal("RSA"), n: text, e: text, ...shared }),
  ]);
};

const common = { method: "get" as const, tags: ["Verification"], middleware: [cacheable] };

const jwksPath = "/.well-known/jwks.json";

function discoveryOf(issuer: string, algorithms: string[]) {
  return {
    issuer,
    jwks_uri: `${issuer}${jwksPath}`,
    introspection_endpoint: `${issuer}/oauth2/introspect`,
    // RFC 8414, section 2, names the schemes of the registry: here a bearer token.
    introspection_endpoint_auth_methods_supported: ["bearer"],
    // Required by the specification; tokens come from a login, not from an authorization endpoint.
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: algorithms,
    claims_supported: [
      "iss",
      "sub",
      "aud",
      "iat",
      "exp",
      "jti",
      "identityId",
      "identityName",
      "orgId",
      "oci",
    ],
  };
}

const exampleKey = {
  kty: "EC",
  crv: "P-256",
  x: "EjD8qLa8bkkUCaw9isOvSmQQ1NRGskcmNEJk2ytKjHo",
  y: "qD9V4MYIbkCFQHJuE2hA4IL1K3qM72Xkvo69oF5usvc",
  kid: "S-_fcV_9NEWvFdE_DK9tGxTI4symk_ZRXPPYRRdhQ00",
  alg: "ES256",
  use: "sig",
};

export const discoveryRoutes = [
  defineRoute(
    {
      ...common,
      path: jwksPath,
      operationId: "getJwks",
      summary: "Get the public keys",
      description: "The public keys that verify access tokens (RFC 7517).",
      responses: () => ({
        200: {
          description: "A JWK Set",
          content: {
            "application/json": {
              schema: z.strictObject({ keys: z.array(jwk()) }),
              example: { keys: [exampleKey] },
            },
          },
        },
        ...errorResponses(),
      }),
    },
    (c) => c.json({ keys: c.var.config.tokens.signingKeys.map(({ publicJwk }) => publicJwk) }, 200),
  ),
  defineRoute(
    {
      ...common,
      path: "/.well-known/openid-configuration",
      operationId: "getDiscovery",
      summary: "Get the discovery document",
      description: "How to verify this issuer's tokens (OpenID Connect Discovery 1.0).",
      responses: () => ({
        200: {
          description: "The discovery document",
          content: {
            "application/json": {
              schema: z.strictObject({
                issuer: z.string(),
                jwks_uri: z.string(),
                introspection_endpoint: z.string(),
                introspection_endpoint_auth_methods_supported: z.array(z.string()),
                response_types_supported: z.array(z.string()),
                subject_types_supported: z.array(z.string()),
                id_token_signing_alg_values_supported: z.array(z.string()),
                claims_supported: z.array(z.string()),
              }),
              example: discoveryOf("https://auth.example.com", ["ES256"]),
            },
          },
        },
        ...errorResponses(),
      }),
    },
    (c) => {
      const { issuer, signingKeys } = c.var.config.tokens;
      return c.json(discoveryOf(issuer, [...new Set(signingKeys.map(({ alg }) => alg))]), 200);
    },
  ),
] as const;
