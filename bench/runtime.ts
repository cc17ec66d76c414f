/**
 * Runs workerd directly, without wrangler or Miniflare between the load and the Worker, so that a figure is that of the
 * Worker and the runtime. The configuration is workerd's own (workerd.capnp).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../dev/free-port.ts";
import { compatibility } from "./bundle.ts";
import { atEnd } from "./leftovers.ts";

const workerd: string = createRequire(import.meta.url)("workerd").default;

/** A file system in memory, if there is one: the disk is not measured. */
const base = process.platform === "linux" ? "/dev/shm" : tmpdir();

export interface Runtime {
  readonly origin: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const quoted = (text: string) => JSON.stringify(text);

export interface WorkerConfig {
  /** The path of the bundle. */
  readonly bundle: string;
  /** Lines of workerd's configuration. */
  readonly bindings: readonly string[];
  readonly objects: readonly string[];
  readonly services?: readonly string[];
  /** Sources of modules for `wrapped` bindings, by name. */
  readonly wrappers?: Readonly<Record<string, string>>;
}

export const textBinding = (name: string, value: string) =>
  `(name = ${quoted(name)}, text = ${quoted(value)})`;

export const jsonBinding = (name: string, value: unknown) =>
  `(name = ${quoted(name)}, json = ${quoted(JSON.stringify(value))})`;

/** The first request that a Worker gets, once it listens. */
export interface FirstRequest {
  readonly path: string;
  readonly body?: string;
}

/** Starts one Worker as a process of its own. It has answered its first request when this resolves. */
export async function startRuntime(
  config: WorkerConfig,
  first: FirstRequest = { path: "/health" },
): Promise<Runtime> {
  const port = await freePort();
  const folder = mkdtempSync(join(base, "oci-auth-bench-"));
  const objects = join(folder, "objects");
  mkdirSync(objects);
  copyFileSync(config.bundle, join(folder, "worker.mjs"));
  const path = join(folder, "config.capnp");
  const wrappers = Object.entries(config.wrappers ?? {}).map(
    ([name, source]) => `(name = ${quoted(name)}, internal = true, esModule = ${quoted(source)})`,
  );
  writeFileSync(
    path,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "internet", network = (allow = ["public", "private"])),
    (name = "objects", disk = (path = ${quoted(objects)}, writable = true)),
    ${(config.services ?? []).join(",\n    ")}
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
  extensions = [(modules = [${wrappers.join(", ")}])]
);
const main :Workerd.Worker = (
  modules = [(name = "worker.mjs", esModule = embed "worker.mjs")],
  compatibilityDate = ${quoted(compatibility.date)},
  compatibilityFlags = [${compatibility.flags.map(quoted).join(", ")}],
  bindings = [
    ${config.bindings.join(",\n    ")}
  ],
  durableObjectNamespaces = [
    ${config.objects.map((name) => `(className = ${quoted(name)}, uniqueKey = ${quoted(name)}, enableSql = true)`).join(", ")}
  ],
  durableObjectStorage = (localDisk = "objects"),
);
`,
  );
  const child = spawn(workerd, ["serve", path, "--experimental"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const remove = atEnd(() => {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4000);
  });
  const origin = `http://127.0.0.1:${port}`;
  await firstAnswer(child, origin, first, () => said);
  return {
    origin,
    pid: child.pid ?? 0,
    async stop() {
      child.kill("SIGKILL");
      await ended;
      remove();
    },
  };
}

async function firstAnswer(
  child: ChildProcess,
  origin: string,
  { path, body }: FirstRequest,
  said: () => string,
): Promise<void> {
  const init =
    body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body };
  for (let tries = 0; tries < 300; tries += 1) {
    if (child.exitCode !== null) break;
    // What does not listen yet has got no request.
    const answer = await fetch(origin + path, init).catch(() => undefined);
    if (answer !== undefined) {
      const text = await answer.text();
      // A Worker that fails has started nothing; one that has no such path has.
      if (answer.status >= 500 || (body !== undefined && !answer.ok)) {
        throw new Error(`workerd answered ${answer.status}: ${text} ${said()}`);
      }
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`workerd did not start: ${said()}`);
}
