import type { Context } from "hono";
import type { AppEnv } from "../http/route.ts";

/** `GET /openapi.json`: the document of all routes, which is made when the Worker is built (dev/openapi.ts). */
export async function openApi(c: Context<AppEnv>): Promise<Response> {
  const document = await c.env.ASSETS.fetch(new URL("/openapi.json", c.req.url));
  if (!document.ok) throw new Error(`the asset openapi.json is answered ${document.status}`);
  return c.body(await document.text(), 200, { "content-type": "application/json" });
}
