import type { OpenAPIHono } from "@hono/zod-openapi";
import type { AppEnv } from "../http/route.ts";
import { errorExamples } from "./error-responses.ts";

const about = {
  openapi: "3.0.3",
  info: {
    title: "oci-auth-worker",
    version: "1",
    description: `Turns an Oracle Cloud (OCI) request signature into a short-lived access token.

The examples tell one story, in this order: create an organization, register a tenancy for it, create an identity, attach OCI Auth, log in, introspect, renew and revoke the token. Ids, tokens, keys and signatures are made on the way: put yours in place of those in the examples.

Every error has one form, with a \`reqId\` that the log has too. Besides what each route lists, a path that does not exist is a 404, and a method that a path does not take is a 405 with \`Allow\`. A 429 and a 503 come with \`Retry-After\`.`,
  },
  servers: [{ url: "/", description: "This Worker" }],
  security: [],
  tags: [
    { name: "OCI Auth", description: "Logins, and which users of which tenancy may log in as an identity." },
    { name: "Tokens", description: "What becomes of an access token after the login." },
    { name: "Verification", description: "What a service needs to verify access tokens by itself." },
    {
      name: "Organizations",
      description: "Roots, their sub-organizations, and the members of these from elsewhere in the root.",
    },
    { name: "Identities", description: "Machine identities: who logs in." },
    { name: "OCI tenancies", description: "Where users come from, and the credential that reads them." },
    { name: "Audit", description: "What happened." },
    { name: "Service", description: "The Worker itself." },
  ],
};

const securitySchemes = {
  adminToken: {
    type: "http",
    scheme: "bearer",
    description: "`ADMIN_TOKEN`, the operator's secret: it may do everything.",
  },
  accessToken: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description:
      "An access token, from a login, of an identity with the role `admin` (or `introspector`, to introspect): it may do so in the organization that the token names and those below.",
  },
} as const;

/** `GET /openapi.json`: the document of all routes, made from their schemas. */
export function describe(app: OpenAPIHono<AppEnv>): void {
  let document: object | undefined;
  app.get("/openapi.json", (c) => {
    // Made once: it is the same for everyone, and takes longer than a login.
    document ??= documentOf(app);
    return c.json(document);
  });
}

function documentOf(app: OpenAPIHono<AppEnv>): object {
  const document = app.getOpenAPIDocument(about);
  return {
    ...document,
    components: { ...document.components, securitySchemes, examples: errorExamples() },
  };
}
