/** Builds the Worker once, as `wrangler deploy` would upload it, for all tests that drive it from outside. */
import { fileURLToPath } from "node:url";
import { readD1Migrations } from "@cloudflare/vitest-plugin";
import type { TestProject } from "vitest/node";
import { unstable_getMiniflareWorkerOptions, unstable_readConfig } from "wrangler";
import { buildRelease, type Release } from "../../dev/release.ts";
import type { Migration } from "./migrations.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

declare module "vitest" {
  export interface ProvidedContext {
    readonly release: Release;
    /** What wrangler makes of wrangler.toml, for Miniflare. */
    readonly workerOptions: Record<string, unknown>;
    /** By the database's binding. */
    readonly migrations: Record<"DB" | "AUDIT_DB", Migration[]>;
  }
}

function workerOptions() {
  const config = unstable_readConfig({ config: `${root}wrangler.toml` });
  // Without the secrets that the configuration requires: they would be looked for beside it.
  const { modulesRules: _, ...options } = unstable_getMiniflareWorkerOptions({
    ...config,
    secrets: undefined,
  }).workerOptions;
  return { ...options, name: config.name, rootPath: root };
}

export default async function setup(project: TestProject): Promise<void> {
  // The tests inside workerd bundle it themselves.
  if (project.vitest.projects.every(({ name }) => name === "workerd")) return;
  async function provide(): Promise<void> {
    project.provide("release", await buildRelease(root));
    project.provide("workerOptions", workerOptions());
    project.provide("migrations", {
      DB: await readD1Migrations(`${root}migrations/db`),
      AUDIT_DB: await readD1Migrations(`${root}migrations/audit_db`),
    });
  }
  await provide();
  project.onTestsRerun(provide);
}
