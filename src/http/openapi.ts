import type { OpenAPIHono } from "@hono/zod-openapi";
import type { AppEnv } from "./route.ts";

/** The document of all routes, made from their schemas. */
export function openApiDocument(app: OpenAPIHono<AppEnv>) {
  return app.getOpenAPIDocument({
    openapi: "3.0.3",
    info: {
      title: "oci-auth-worker",
      version: "1",
      description: "Turns an Oracle Cloud (OCI) request signature into a short-lived access token.",
    },
    servers: [{ url: "/" }],
  });
}
