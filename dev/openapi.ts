/** The OpenAPI document, made of what the routes say of themselves. The Worker serves it as a file. */
import { OpenAPIRegistry, OpenApiGeneratorV3 } from "@asteasolutions/zod-to-openapi";
import { errorExamples } from "../src/api/error-responses.ts";
import { routes } from "../src/app.ts";
import type { Body } from "../src/http/body.ts";

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
    {
      name: "OCI Instance Auth",
      description:
        "Logins of compute instances by their certificates, and which of them may log in as an identity.",
    },
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

const mediaTypes = { json: "application/json", form: "application/x-www-form-urlencoded" };

function contentOf({ type, schema, example }: Body) {
  return { required: true, content: { [mediaTypes[type]]: { schema: schema(), example } } };
}

export function openApiDocument(): object {
  const registry = new OpenAPIRegistry();
  for (const { middleware: _, handler: __, request = {}, responses, ...described } of routes) {
    const { query, params, body } = request;
    registry.registerPath({
      ...described,
      request: {
        ...(query && { query: query() }),
        ...(params && { params: params() }),
        ...(body && { body: contentOf(body) }),
      },
      responses: { ...responses() },
    });
  }
  const document = new OpenApiGeneratorV3(registry.definitions).generateDocument(about);
  return {
    ...document,
    components: { ...document.components, securitySchemes, examples: errorExamples() },
  };
}
