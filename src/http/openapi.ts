import type { OpenAPIHono } from "@hono/zod-openapi";
import type { AppEnv } from "./route.ts";

const about = {
  openapi: "3.0.3",
  info: {
    title: "oci-auth-worker",
    version: "1",
    description: "Turns an Oracle Cloud (OCI) request signature into a short-lived access token.",
  },
  servers: [{ url: "/" }],
};

/** `GET /openapi.json`: the document of all routes, made from their schemas. */
export function describe(app: OpenAPIHono<AppEnv>): void {
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    description: "ADMIN_TOKEN, or an access token of an identity with the role admin.",
  });
  let document: ReturnType<typeof app.getOpenAPIDocument> | undefined;
  app.get("/openapi.json", (c) => {
    // Made once: it is the same for everyone, and takes longer than a login.
    document ??= app.getOpenAPIDocument(about);
    return c.json(document);
  });
}
