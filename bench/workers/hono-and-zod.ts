/** Hono and Zod, with the schema of a login's body and nothing else: what a Worker that is built on them starts with. */
import { Hono } from "hono";
import { validator } from "hono/validator";
import { loginBody } from "../../src/login/contract.ts";

const app = new Hono();

app.get("/health", (c) => c.json({ status: "ok" }));
app.post(
  "/api/v1/auth/oci-auth/login",
  validator("json", (value) => loginBody().parse(value)),
  (c) => c.json({ identityId: c.req.valid("json").identityId }),
);

export default app;
