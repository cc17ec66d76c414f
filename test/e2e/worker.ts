/** The built Worker on real workerd, beside an emulated OCI, driven from outside. */
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

interface TestDatabase {
  prepare(sql: string): {
    bind(...values: unknown[]): {
      first(): Promise<Record<string, unknown>>;
      all(): Promise<{ results: Record<string, unknown>[] }>;
    };
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

/** `vars` and `secrets` override the defaults. */
export async function startWorker(
  overrides: { vars?: Record<string, string>; secrets?: Record<string, string> } = {},
) {
  const emulator = await startEmulator(0);
  const secrets: Record<string, string> = { ...testSecrets(), ...overrides.secrets };
  const vars: Record<string, string> = {
    ISSUER_URL: issuer,
    OCI_IDENTITY_ORIGIN: emulator.origin,
    ...overrides.vars,
  };
  const server = createTestHarness({
    root,
    workers: [{ configPath: "wrangler.toml", vars, secrets }],
  });
  const { url } = await server.listen();
  await server.getWorker().applyD1Migrations("DB");
  await server.getWorker().applyD1Migrations("AUDIT_DB");

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
    secrets,
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
    emulator: async (method: string, path: string, body?: unknown) =>
      answerOf(
        await fetch(`${emulator.origin}/_emulator/${path}`, {
          method,
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        }),
      ),
    logs: () => server.getLogs(),
    clearLogs: () => server.clearLogs(),
    /** The Worker's bindings, to look at what is stored. */
    env: async () => (await server.getWorker().getEnv()) as { DB: TestDatabase },
    async close() {
      await server.close();
      await emulator.close();
    },
  };
}

export type Worker = Awaited<ReturnType<typeof startWorker>>;
