/**
 * `npm run require-issuer-url -- <environment>`: wrangler runs it before it bundles the Worker for an environment, so
 * that a deployment that could serve nobody fails before it replaces a working one. npm runs it beside wrangler.toml.
 */
import { unstable_readConfig as readConfig } from "wrangler";
import { issuerUrl } from "../src/env.ts";
import { malformed } from "../src/oci/parsed.ts";

const [env = ""] = process.argv.slice(2);
const { ISSUER_URL: issuer }: Record<string, unknown> = readConfig({ config: "wrangler.toml", env }).vars;
const checked = typeof issuer === "string" ? issuerUrl(issuer) : malformed("is missing");

// `wrangler dev` deploys nothing, and may be given it with --var.
if (!checked.ok && process.env.WRANGLER_COMMAND !== "dev") {
  process.stderr.write(`ISSUER_URL of [env.${env}] ${checked.problem}.
Set it in wrangler.toml to the https origin that the Worker will have, and routes to the same host:

  [env.${env}]
  routes = [{ pattern = "auth.example.com", custom_domain = true }]
  vars = { ISSUER_URL = "https://auth.example.com" }
`);
  process.exitCode = 1;
}
