/** The Worker beside its remotes: D1 and KV in another process, and the emulated OCI in this one. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { startEmulator } from "../dev/emulator.ts";
import { freshSecrets } from "../dev/fresh-secrets.ts";
import { buildWorker, root } from "./bundle.ts";
import { type Runtime, startRuntime, textBinding } from "./runtime.ts";

const rateLimits = [
  "REFUSAL_EVENTS",
  "LOGINS",
  "TOKEN_REQUESTS",
  "FAILED_AUTHENTICATIONS",
  "ADDRESS_QUESTIONS",
  "TENANCY_QUESTIONS",
];

export async function startRig() {
  const secrets = await freshSecrets();
  const oci = await startEmulator(0);
  const remote = await startRuntime({
    bundle: await buildWorker("remote"),
    bindings: ['(name = "DATABASES", durableObjectNamespace = (className = "Database"))'],
    objects: ["Database"],
  });
  const { host } = new URL(remote.origin);

  async function execute(database: string, sql: string): Promise<void> {
    const response = await fetch(`${remote.origin}/query`, {
      method: "POST",
      headers: { "x-bench-database": database },
      body: JSON.stringify({ sql }),
    });
    const answer = await response.json();
    if (!answer[0]?.success) throw new Error(`${database}: ${answer.error}`);
  }

  for (const [name, folder] of [
    ["DB", "migrations/db"],
    ["AUDIT_DB", "migrations/audit_db"],
  ] as const) {
    for (const file of readdirSync(join(root, folder)).sort()) {
      await execute(name, readFileSync(join(root, folder, file), "utf8"));
    }
  }

  const d1 = (name: string) =>
    `(name = "${name}", wrapped = (moduleName = "cloudflare-internal:d1-api", innerBindings = [(name = "fetcher", service = "${name}")]))`;
  const external = (name: string, headers: string) =>
    `(name = "${name}", external = (address = "${host}", http = (${headers})))`;

  const workers: Runtime[] = [];
  return {
    secrets,
    oci,
    /** Starts a Worker with the product's bindings. */
    async start(bundle: string): Promise<Runtime> {
      const worker = await startRuntime({
        bundle,
        services: [
          external("DB", 'injectRequestHeaders = [(name = "x-bench-database", value = "DB")]'),
          external("AUDIT_DB", 'injectRequestHeaders = [(name = "x-bench-database", value = "AUDIT_DB")]'),
          external("KV", ""),
        ],
        objects: ["Ledger"],
        bindings: [
          d1("DB"),
          d1("AUDIT_DB"),
          '(name = "DIRECTORY", kvNamespace = "KV")',
          '(name = "LEDGER", durableObjectNamespace = (className = "Ledger"))',
          ...rateLimits.map((name) => `(name = "${name}", wrapped = (moduleName = "bench:rate-limit"))`),
          ...Object.entries(secrets).map(([name, value]) => textBinding(name, value)),
          textBinding("ISSUER_URL", "https://auth.example.com"),
          textBinding("OCI_IDENTITY_ORIGIN", oci.origin),
        ],
      });
      workers.push(worker);
      return worker;
    },
    async stop() {
      await Promise.all([...workers, remote].map((runtime) => runtime.stop()));
      await oci.close();
    },
  };
}

export type Rig = Awaited<ReturnType<typeof startRig>>;
