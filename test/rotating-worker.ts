/**
 * The Worker, with secrets that change while it serves. `PUT /_versions` takes the secrets of each version that is out:
 * with two, requests go to one and the other in turn, as they do while a deployment spreads.
 */
import type { Env } from "../src/env.ts";
import worker from "../src/index.ts";

export { Ledger } from "../src/index.ts";

type Secrets = Pick<Env, "ADMIN_TOKEN" | "TOKEN_SIGNING_KEYS" | "ENCRYPTION_KEYS">;

let versions: Env[] = [];
let requests = 0;

export default {
  async fetch(request, env, context) {
    if (new URL(request.url).pathname === "/_versions") {
      const secrets: Secrets[] = await request.json();
      versions = secrets.map((each) => ({ ...env, ...each }));
      return Response.json({ versions: versions.length });
    }
    requests += 1;
    return worker.fetch(request, versions[requests % versions.length] ?? env, context);
  },
} satisfies ExportedHandler<Env>;
