/** The built Worker on real workerd, beside an emulated OCI, driven from outside. */
// wrangler's own, which wrangler pins.
import {
  convertV4MiniflareOptions,
  Log,
  LogLevel,
  Miniflare,
  type V4WorkerOptions,
  type WorkerdStructuredLog,
} from "miniflare";
import { inject } from "vitest";
import { startEmulator } from "../../dev/emulator.ts";
import { testSecrets } from "../secrets.ts";
import { bundle, type Weakening } from "./bundle.ts";
import { applyMigrations } from "./migrations.ts";

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
  readonly weakenings?: readonly Weakening[];
  /** Whether the databases have their tables; they have, unless told otherwise. */
  readonly migrated?: boolean;
  /** What stands between the Worker and the emulated OCI, given the emulator's origin; its own origin. */
  readonly oci?: (emulator: string) => Promise<string>;
}

export async function startWorker(overrides: WorkerOptions = {}) {
  const { main = "src/index.ts", weakenings = [], migrated = true } = overrides;
  const isProduct = main === "src/index.ts" && weakenings.length === 0;
  const emulator = await startEmulator(0);
  const secrets: Record<string, string> = { ...testSecrets(), ...overrides.secrets };
  const oci = (await overrides.oci?.(emulator.origin)) ?? emulator.origin;
  const vars: Record<string, string> = {
    ISSUER_URL: issuer,
    OCI_IDENTITY_ORIGIN: oci,
    OCI_AUTH_ORIGIN: `${oci}/{region}`,
    ...overrides.vars,
  };
  const contents = isProduct ? inject("release")["index.js"] : await bundle(main, weakenings);
  const options = inject("workerOptions") as Partial<V4WorkerOptions>;
  let logs: WorkerdStructuredLog[] = [];
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      workers: [
        {
          ...options,
          modules: [{ type: "ESModule", path: "index.js", contents }],
          bindings: { ...options.bindings, ...vars, ...secrets },
        } as V4WorkerOptions,
      ],
      // Nothing is fetched for `Request.cf`.
      cf: false,
      log: new Log(LogLevel.NONE),
      handleStructuredLogs: (log) => logs.push(log),
      unsafeInspectDurableObjects: true,
    }),
  );
  const url = await miniflare.ready;
  if (migrated) {
    for (const [binding, migrations] of Object.entries(inject("migrations"))) {
      await applyMigrations(await miniflare.getD1Database(binding), migrations);
    }
  }

  return {
    secrets,
    ...clientOf(url, secrets),
    emulator: controlOf(emulator.origin),
    logs: () => [...logs],
    clearLogs: () => {
      logs = [];
    },
    /** The Worker's bindings, to look at what is stored. */
    env: () => miniflare.getBindings<TestBindings>(),
    /** The ids of the ledgers that were asked or told anything. */
    ledgers: () => miniflare.listDurableObjectIds("LEDGER"),
    async close() {
      await miniflare.dispose();
      await emulator.close();
    },
  };
}

export type Worker = Awaited<ReturnType<typeof startWorker>>;
