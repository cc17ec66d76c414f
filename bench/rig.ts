/** The Worker with its remotes: D1 and KV in another process, and the emulated OCI in this one. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { freshSecrets } from "../cli/secrets/fresh-secrets.ts";
import { startEmulator } from "../dev/emulator.ts";
import { buildWorker, rateLimits, root } from "./bundle.ts";
import { type FirstRequest, jsonBinding, type Runtime, startRuntime, textBinding } from "./runtime.ts";

/** Delay of each answer, in milliseconds. */
export interface Delays {
  readonly kv: number;
  readonly d1: number;
  readonly oci: number;
}

type Binding = "DB" | "AUDIT_DB";

interface Answer {
  readonly results: Record<string, unknown>[];
  readonly meta: { readonly size_after: number; readonly rows_read: number };
}

const none: Delays = { kv: 0, d1: 0, oci: 0 };

const noRateLimit = "export default () => ({ limit: async () => ({ success: true }) });";

/** Rejects on an error: otherwise a delay or a database that was not set would become a figure. */
async function textOf(response: Response): Promise<string> {
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}: ${text}`);
  return text;
}

export async function startRig(delays = none) {
  const secrets = await freshSecrets();
  const oci = await startEmulator(0);
  await textOf(
    await fetch(`${oci.origin}/_emulator/faults`, {
      method: "PUT",
      body: JSON.stringify({ delayMs: delays.oci }),
    }),
  );
  const remote = await startRuntime({
    bundle: await buildWorker("remote"),
    bindings: [
      '(name = "DATABASES", durableObjectNamespace = (className = "Database"))',
      jsonBinding("DELAYS", delays),
    ],
    objects: ["Database"],
  });
  const { host } = new URL(remote.origin);

  async function call(database: Binding, path: string, body?: string): Promise<string> {
    const headers = { "x-bench-database": database };
    const response = await fetch(
      remote.origin + path,
      body === undefined ? { headers } : { method: "POST", headers, body },
    );
    return textOf(response);
  }

  /** One statement, or several without parameters. Rejects if one fails. */
  async function query(database: Binding, sql: string, ...params: (string | number)[]): Promise<Answer> {
    const answer = JSON.parse(await call(database, "/query", JSON.stringify({ sql, params })));
    if (!answer[0]?.success) throw new Error(`${database}: ${answer.error}`);
    return answer[0];
  }

  async function migrate(database: Binding): Promise<void> {
    const folder = join(root, "migrations", database.toLowerCase());
    for (const file of readdirSync(folder).sort()) {
      await query(database, readFileSync(join(folder, file), "utf8"));
    }
  }

  await migrate("DB");
  await migrate("AUDIT_DB");

  const d1 = (name: string) =>
    `(name = "${name}", wrapped = (moduleName = "cloudflare-internal:d1-api", innerBindings = [(name = "fetcher", service = "${name}")]))`;
  const external = (name: string, headers: string) =>
    `(name = "${name}", external = (address = "${host}", http = (${headers})))`;

  const workers: Runtime[] = [];
  return {
    secrets,
    oci,
    remote,
    query,
    migrate,
    /** Connects the binding to the database of this name, from now on. */
    lead: (binding: Binding, name: string) => call(binding, "/lead", name),
    /** Rows that the database read and wrote since the last call. */
    takeRows: async (database: Binding): Promise<{ read: number; written: number }> =>
      JSON.parse(await call(database, "/rows")),
    /** A value in KV, as text. */
    async readKv(key: string): Promise<string | undefined> {
      const response = await fetch(`${remote.origin}/${encodeURIComponent(key)}`);
      return response.status === 404 ? undefined : textOf(response);
    },
    /** Starts a Worker with the product's bindings, and modules in front of some of them. */
    async start(
      bundle: string,
      inFront: Readonly<Record<string, string>> = {},
      first?: FirstRequest,
    ): Promise<Runtime> {
      const fronted = (name: string, binding: string) =>
        name in inFront
          ? `(name = "${name}", wrapped = (moduleName = "bench:${name}", innerBindings = [${binding}]))`
          : binding;
      const fronts = Object.entries(inFront).map(([name, source]) => [`bench:${name}`, source]);
      const worker = await startRuntime(
        {
          bundle,
          services: [
            external("DB", 'injectRequestHeaders = [(name = "x-bench-database", value = "DB")]'),
            external("AUDIT_DB", 'injectRequestHeaders = [(name = "x-bench-database", value = "AUDIT_DB")]'),
            external("KV", ""),
          ],
          objects: ["Ledger"],
          wrappers: { "bench:rate-limit": noRateLimit, ...Object.fromEntries(fronts) },
          bindings: [
            fronted("DB", d1("DB")),
            d1("AUDIT_DB"),
            fronted("DIRECTORY", '(name = "DIRECTORY", kvNamespace = "KV")'),
            fronted("LEDGER", '(name = "LEDGER", durableObjectNamespace = (className = "Ledger"))'),
            ...rateLimits.map((name) => `(name = "${name}", wrapped = (moduleName = "bench:rate-limit"))`),
            ...Object.entries(secrets).map(([name, value]) => textBinding(name, value)),
            textBinding("ISSUER_URL", "https://auth.example.com"),
            textBinding("OCI_IDENTITY_ORIGIN", oci.origin),
          ],
        },
        first,
      );
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
