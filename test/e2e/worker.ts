/** The built Worker on real workerd, beside an emulated OCI, driven from outside. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createTestHarness } from "wrangler";
import { startEmulator } from "../../dev/emulator.ts";
import { testSecrets } from "../secrets.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

export const issuer = "https://auth.example.com";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests say what they expect of it.
  readonly body: any;
}

interface TestStatement {
  first(): Promise<Record<string, unknown>>;
  all(): Promise<{ results: Record<string, unknown>[] }>;
}

interface TestDatabase {
  prepare(sql: string): TestStatement & { bind(...values: unknown[]): TestStatement };
}

interface TestBindings {
  readonly DB: TestDatabase;
  readonly AUDIT_DB: TestDatabase;
  readonly DIRECTORY: {
    list(): Promise<{ keys: { name: string }[] }>;
    get(key: string): Promise<string | null>;
    put(key: string, value: string): Promise<void>;
  };
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === "" ? undefined : JSON.parse(text),
  };
}

// The Worker's own fetches go through this process's, and would follow the redirects that the Worker refuses.
const fetchAsAsked = globalThis.fetch;
globalThis.fetch = (input, init = {}) => {
  const get = (_: object, name: string | symbol) =>
    name === "redirect" ? "manual" : Reflect.get(init, name, init);
  return fetchAsAsked(input, new Proxy(init, { get }));
};

/** A copy of wrangler.toml with another entry point, where its paths still lead to the same places. */
export function configWithMain(main: string): string {
  const folder = join(root, ".wrangler");
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${basename(main, ".ts")}.toml`);
  const config = readFileSync(join(root, "wrangler.toml"), "utf8")
    .replace('main = "src/index.ts"', `main = "../${main}"`)
    .replace('"./src/', '"../src/')
    .replaceAll(/(migrations_dir|directory) = "/g, '$1 = "../');
  writeFileSync(path, config);
  return path;
}

/** What drives a Worker that listens at `url`. */
export function clientOf(url: URL, secrets: Record<string, string>) {
  async function send(path: string, init: RequestInit = {}): Promise<Answer> {
    return answerOf(await fetch(new URL(path, url), { redirect: "manual", ...init }));
  }

  async function json(method: string, path: string, body?: unknown, bearer?: string): Promise<Answer> {
    return send(path, {
      method,
      headers: {
        "content-type": "application/json",
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  return {
    url,
    /** A raw request. */
    send,
    json,
    /** A request of the holder of ADMIN_TOKEN. */
    admin: (method: string, path: string, body?: unknown) => json(method, path, body, secrets.ADMIN_TOKEN),
    login: (body: unknown) => json("POST", "/api/v1/auth/oci-auth/login", body),
    /** Asks about a token, as the holder of ADMIN_TOKEN or of another bearer. */
    introspect: (token: string, more: Record<string, string> = {}, bearer = secrets.ADMIN_TOKEN) =>
      send("/oauth2/introspect", {
        method: "POST",
        headers: { authorization: `Bearer ${bearer}` },
        body: new URLSearchParams({ token, ...more }),
      }),
  };
}

/** The controls of an emulated OCI. */
export function controlOf(emulator: string) {
  return async (method: string, path: string, body?: unknown) =>
    answerOf(
      await fetch(`${emulator}/_emulator/${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );
}

export interface WorkerOptions {
  /** Override the defaults. */
  readonly vars?: Record<string, string>;
  readonly secrets?: Record<string, string>;
  /** Another entry point than src/index.ts. */
  readonly main?: string;
  /** Whether the databases have their tables; they have, unless told otherwise. */
  readonly migrated?: boolean;
  /** What stands between the Worker and the emulated OCI, given the emulator's origin; its own origin. */
  readonly oci?: (emulator: string) => Promise<string>;
}

export async function startWorker(overrides: WorkerOptions = {}) {
  const emulator = await startEmulator(0);
  const secrets: Record<string, string> = { ...testSecrets(), ...overrides.secrets };
  const oci = (await overrides.oci?.(emulator.origin)) ?? emulator.origin;
  const vars: Record<string, string> = {
    ISSUER_URL: issuer,
    OCI_IDENTITY_ORIGIN: oci,
    OCI_AUTH_ORIGIN: `${oci}/{region}`,
    ...overrides.vars,
  };
  const server = createTestHarness({
    root,
    workers: [
      {
        configPath: overrides.main === undefined ? "wrangler.toml" : configWithMain(overrides.main),
        vars,
        secrets,
      },
    ],
  });
  const { url } = await server.listen();
  if (overrides.migrated ?? true) {
    await server.getWorker().applyD1Migrations("DB");
    await server.getWorker().applyD1Migrations("AUDIT_DB");
  }

  return {
    secrets,
    ...clientOf(url, secrets),
    emulator: controlOf(emulator.origin),
    logs: () => server.getLogs(),
    clearLogs: () => server.clearLogs(),
    /** The Worker's bindings, to look at what is stored. */
    env: async () => (await server.getWorker().getEnv()) as TestBindings,
    /** The ids of the ledgers that were asked or told anything. */
    ledgers: () => server.getWorker().listDurableObjectIds("LEDGER"),
    async close() {
      await server.close();
      await emulator.close();
    },
  };
}

export type Worker = Awaited<ReturnType<typeof startWorker>>;
