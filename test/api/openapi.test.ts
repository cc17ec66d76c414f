/** `GET /openapi.json`: a file that was made when the Worker was built, from what the routes say of themselves. */
import { exports } from "cloudflare:workers";
import { expect, it } from "vitest";
import { openApiDocument } from "../../dev/openapi.ts";
import { app, routes } from "../../src/app.ts";

it("is what the routes say; if it is not, run npm run build:assets", async () => {
  const response = await exports.default.fetch("https://auth.example.com/openapi.json");
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual(JSON.parse(JSON.stringify(openApiDocument())));
});

it("describes each route that the Worker serves, but itself", () => {
  const { paths } = openApiDocument() as { paths: Record<string, object> };
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`),
  );
  const served = app.routes.filter(({ method }) => method !== "ALL");
  expect(new Set(described)).toEqual(
    new Set(
      served.map(({ method, path }) => `${method} ${path}`).filter((route) => route !== "GET /openapi.json"),
    ),
  );
  expect(described).toHaveLength(routes.length);
});

it("is a 500 where the file is missing", async () => {
  const env = { ASSETS: { fetch: async () => new Response("", { status: 404 }) } };
  const response = await app.request("/openapi.json", {}, env);
  expect([response.status, await response.json()]).toMatchObject([500, { error: "InternalServerError" }]);
});
