/**
 * `npm run require-issuer-url -- <environment>`: wrangler runs it before it bundles the Worker for an environment, so
 * that a deployment that could serve nobody fails before it replaces one that does. npm runs it beside wrangler.toml.
 */
import { unstable_readConfig as readConfig } from "wrangler";
import { issuerUrl } from "../src/env.ts";

const [env = ""] = process.argv.slice(2);
const { ISSUER_URL: issuer }: Record<string, unknown> = readConfig({ config: "wrangler.toml", env }).vars;
const checked = issuerUrl.safeParse(issuer);

// `wrangler dev` deploys nothing, and may be given it with --var.
if (!checked.success && process.env.WRANGLER_COMMAND !== "dev") {
  const problem = issuer === undefined ? "is missing" : checked.error.issues[0]?.message;
  process.stderr.write(`ISSUER_URL of [env.${env}] ${problem}.
Set it in wrangler.toml to the https origin that the Worker will have, and routes to the same host:

  [env.${env}]
  routes = [{ pattern = "auth.example.com", custom_domain = true }]
  vars = { ISSUER_URL = "https://auth.example.com" }
`);
  process.exitCode = 1;
}
