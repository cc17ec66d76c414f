/** The Worker beside its remotes: D1 and KV in another process, and the emulated OCI in this one. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { startEmulator } from "../dev/emulator.ts";
import { freshSecrets } from "../dev/fresh-secrets.ts";
import { buildWorker, root } from "./bundle.ts";
import { jsonBinding, type Runtime, startRuntime, textBinding } from "./runtime.ts";

const rateLimits = [
  "REFUSAL_EVENTS",
  "LOGINS",
  "TOKEN_REQUESTS",
  "FAILED_AUTHENTICATIONS",
  "ADDRESS_QUESTIONS",
  "TENANCY_QUESTIONS",
];

/** How long each answer is held back, in milliseconds. */
export interface Delays {
  readonly kv: number;
  readonly d1: number;
  readonly ledger: number;
  readonly oci: number;
}

const none: Delays = { kv: 0, d1: 0, ledger: 0, oci: 0 };

const wrappers = {
  "bench:rate-limit": "export default () => ({ limit: async () => ({ success: true }) });",
  "bench:late-ledger": `export default ({ ledger, delay }) => ({
    getByName(name) {
      const stub = ledger.getByName(name);
      return {
        async recordLogin(record) {
          await scheduler.wait(delay - 1); // workerd's timers take a millisecond longer than told
          return stub.recordLogin(record);
        },
      };
    },
  });`,
};

export async function startRig(delays = none) {
  const secrets = await freshSecrets();
  const oci = await startEmulator(0);
  await fetch(`${oci.origin}/_emulator/faults`, {
    method: "PUT",
    body: JSON.stringify({ delayMs: delays.oci }),
  });
  const remote = await startRuntime({
    bundle: await buildWorker("remote"),
    bindings: [
      '(name = "DATABASES", durableObjectNamespace = (className = "Database"))',
      jsonBinding("DELAYS", delays),
    ],
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

  const objects = '(name = "LEDGER", durableObjectNamespace = (className = "Ledger"))';
  const late = `(name = "LEDGER", wrapped = (moduleName = "bench:late-ledger", innerBindings = [
      (name = "ledger", durableObjectNamespace = (className = "Ledger")), ${jsonBinding("delay", delays.ledger)}]))`;

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
        wrappers,
        bindings: [
          d1("DB"),
          d1("AUDIT_DB"),
          '(name = "DIRECTORY", kvNamespace = "KV")',
          delays.ledger > 0 ? late : objects,
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
