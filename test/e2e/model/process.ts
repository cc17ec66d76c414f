/** Builds the Worker of test/model-worker.ts, starts it, kills it, and starts it again on its state. */
import { type ChildProcess, fork } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Unstable_Config, unstable_readConfig, unstable_splitSqlQuery } from "wrangler";
import { bundle, type Weakening } from "../bundle.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** The bindings of wrangler.toml; limits that follow the real clock are out of reach. */
function bindings() {
  const config: Unstable_Config = unstable_readConfig(
    { config: join(root, "wrangler.toml") },
    { hideWarnings: true },
  );
  return {
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags,
    d1Databases: config.d1_databases.map(({ binding }) => binding),
    kvNamespaces: config.kv_namespaces.map(({ binding }) => binding),
    durableObjects: Object.fromEntries(
      config.durable_objects.bindings.map(({ name, class_name }) => [
        name,
        { className: class_name, useSQLite: true },
      ]),
    ),
    ratelimits: Object.fromEntries(
      config.ratelimits.map(({ name, namespace_id, simple: { period } }) => [
        name,
        { namespace_id, simple: { limit: 1_000_000_000, period } },
      ]),
    ),
  };
}

export interface WorkerProcess {
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** SIGKILL: what is in flight gets no answer. */
  kill(): Promise<void>;
  /** Again, on what was stored. */
  start(): Promise<void>;
  close(): Promise<void>;
}

export async function startProcess(
  vars: Record<string, string>,
  weakenings: readonly Weakening[] = [],
): Promise<WorkerProcess> {
  // In memory, where there is such a place: what is killed is the process, not the machine.
  const memory = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  const state = mkdtempSync(join(memory, "oci-auth-model-"));
  const optionsFile = join(state, "options.json");
  const options = {
    modules: true,
    script: await bundle("test/model-worker.ts", weakenings),
    bindings: vars,
    ...bindings(),
    resourcePersistencePath: join(state, "stored"),
  };
  writeFileSync(optionsFile, JSON.stringify(options));

  let child: ChildProcess | undefined;
  let url = "";

  async function start(): Promise<void> {
    const started = fork(fileURLToPath(new URL("server.ts", import.meta.url)), [optionsFile], {
      detached: true,
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    child = started;
    url = await new Promise<string>((resolve, reject) => {
      started.once("message", (message) => resolve(String(message)));
      started.once("exit", (code) => reject(new Error(`the Worker ended with ${code} before it was ready`)));
    });
  }

  async function kill(): Promise<void> {
    const running = child;
    child = undefined;
    if (running?.pid === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => running.once("exit", () => resolve()));
    process.kill(-running.pid, "SIGKILL");
    await ended;
  }

  const workerProcess: WorkerProcess = {
    fetch: (path, init) => fetch(new URL(path, url), { redirect: "manual", ...init }),
    kill,
    start,
    async close() {
      await kill();
      rmSync(state, { recursive: true, force: true });
    },
  };
  await start();
  for (const database of ["DB", "AUDIT_DB"]) {
    const folder = join(root, "migrations", database.toLowerCase());
    for (const file of readdirSync(folder).sort()) {
      for (const sql of unstable_splitSqlQuery(readFileSync(join(folder, file), "utf8"))) {
        const body = JSON.stringify({ database, sql, values: [] });
        const answer = await workerProcess.fetch("/_model/sql", { method: "POST", body });
        if (!answer.ok) throw new Error(`${file} cannot be applied: ${await answer.text()}`);
      }
    }
  }
  return workerProcess;
}
