/**
 * Versions of the Worker side by side on one state, as while a version is rolled out: each has isolates of its own, and
 * a Durable Object runs the code of one version at a time, whoever calls it. Each version's bindings are those of its
 * own wrangler.toml.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
// wrangler's own, which wrangler pins.
import {
  convertV4MiniflareOptions,
  Log,
  LogLevel,
  Miniflare,
  type V4DurableObject,
  type V4WorkerOptions,
} from "miniflare";
import { unstable_getMiniflareWorkerOptions, unstable_readConfig, unstable_splitSqlQuery } from "wrangler";
import { applyMigrations } from "./migrations.ts";
import { clientOf } from "./worker.ts";

/** Folders of releases (dev/release.ts), by what the versions are called. */
export type Versions = Readonly<Record<string, string>>;

export interface Deployment {
  /** The folder that databases, caches, ledgers and alarms are kept in. */
  readonly state: string;
  readonly versions: Versions;
  /** The version whose code the ledgers run. */
  readonly ledgers: string;
  /** Whether AUDIT_DB takes events. It refuses by having no tables, whatever a version's are called. */
  readonly auditDb: "works" | "refuses";
  readonly vars: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
}

/** A version's bindings as its configuration has them. Those of one name are to one database, cache or class. */
function configured(folder: string) {
  const config = unstable_readConfig({ config: join(folder, "wrangler.toml") });
  // Without the secrets that the configuration requires: they would be looked for beside it.
  const { workerOptions } = unstable_getMiniflareWorkerOptions({ ...config, secrets: undefined });
  const { assets: _, modulesRules: __, ...options } = workerOptions;
  return options as Omit<V4WorkerOptions, "modules"> & {
    bindings: Record<string, string>;
    d1Databases: Record<string, { id: string }>;
    durableObjects: Record<string, V4DurableObject>;
  };
}

function workerOptions(name: string, deployment: Deployment): V4WorkerOptions {
  const { versions, ledgers, auditDb, vars, secrets } = deployment;
  const folder = versions[name] ?? "";
  const { bindings, d1Databases, durableObjects, ...rest } = configured(folder);
  const shared = configured(versions[ledgers] ?? "").durableObjects;
  return {
    ...rest,
    name,
    modules: [
      { type: "ESModule", path: "index.js", contents: readFileSync(join(folder, "index.js"), "utf8") },
    ],
    bindings: { ...bindings, ...vars, ...secrets },
    d1Databases: {
      ...d1Databases,
      ...(auditDb === "refuses" ? { AUDIT_DB: { id: "NO_TABLES" } } : {}),
      // What migrations are applied to.
      MIGRATED_DB: { id: "DB" },
      MIGRATED_AUDIT_DB: { id: "AUDIT_DB" },
    },
    durableObjects: Object.fromEntries(
      Object.entries(durableObjects).map(([binding, object]) => {
        const elsewhere = name !== ledgers && binding in shared ? { scriptName: ledgers } : {};
        return [binding, { ...object, unsafeUniqueKey: object.className, ...elsewhere }];
      }),
    ),
    unsafeDirectSockets: [{}],
  };
}

export async function deploy(deployment: Deployment) {
  const errors = new Set<string>();
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      workers: Object.keys(deployment.versions).map((name) => workerOptions(name, deployment)),
      resourcePersistencePath: deployment.state,
      log: new Log(LogLevel.NONE),
      handleStructuredLogs: ({ level, message }) => {
        if (level === "error") errors.add(message.replace(/"reqId":"[^"]*",?/, ""));
      },
    }),
  );
  await miniflare.ready;

  return {
    /** What the Workers logged as errors, but for the ids of requests. */
    errors,
    client: async (version: string) =>
      clientOf(await miniflare.unsafeGetDirectURL(version), deployment.secrets),
    /** What the platform does every minute. */
    async runScheduled(version: string): Promise<void> {
      await (await miniflare.getWorker(version)).scheduled({ cron: "* * * * *" });
    },
    /** Applies what a version's migrations have that is not applied yet, as wrangler does. */
    async migrate(version: string): Promise<void> {
      for (const binding of ["DB", "AUDIT_DB"]) {
        const folder = join(deployment.versions[version] ?? "", "migrations", binding.toLowerCase());
        const migrations = readdirSync(folder)
          .sort()
          .map((name) => ({
            name,
            queries: unstable_splitSqlQuery(readFileSync(join(folder, name), "utf8")),
          }));
        await applyMigrations(await miniflare.getD1Database(`MIGRATED_${binding}`), migrations);
      }
    },
    /** Ends workerd by SIGKILL, as Miniflare always does: nothing is put in order first. */
    kill: () => miniflare.dispose(),
  };
}

export type Deployed = Awaited<ReturnType<typeof deploy>>;
