/**
 * `npm run dev`: the Worker and an emulated OCI on this machine. Makes .dev.vars with fresh secrets if there is none,
 * applies the migrations, starts the emulator and `wrangler dev`, and says so when both answer.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, parseEnv } from "node:util";
import { freshSecrets } from "../cli/secrets/fresh-secrets.ts";
import { startEmulator } from "./emulator.ts";
import { seed } from "./seed.ts";

const usage = `Usage: npm run dev -- [options]

  --port 8787               where the Worker listens
  --oci-port 8788           where the emulated OCI listens
  --state .wrangler/state   where databases and caches are kept
  --var NAME:VALUE          sets or overrides a variable; may repeat
  --seed                    makes a tenancy, users with API keys, an organization and identities, and says how to log in
  --help                    shows this
`;

const root = fileURLToPath(new URL("..", import.meta.url));

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: "string", default: "8787" },
        "oci-port": { type: "string", default: "8788" },
        state: { type: "string", default: ".wrangler/state" },
        var: { type: "string", multiple: true, default: [] },
        seed: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    for (const name of ["port", "oci-port"] as const) {
      if (!/^\d{1,5}$/.test(values[name]))
        throw new Error(`--${name} '${values[name]}' is not a port number`);
    }
    for (const variable of values.var) {
      if (!/^[A-Za-z_]\w*:/.test(variable)) throw new Error(`--var '${variable}' is not NAME:VALUE`);
    }
    return values;
  } catch (error) {
    return fail(`${(error as Error).message}\n\n${usage}`);
  }
}

/** Overrides come last: the last value of a name counts. */
function variables(port: string, ociOrigin: string, overrides: string[]): string[] {
  const all = [
    `ISSUER_URL:http://127.0.0.1:${port}`,
    `OCI_IDENTITY_ORIGIN:${ociOrigin}`,
    `OCI_AUTH_ORIGIN:${ociOrigin}/{region}`,
    ...overrides,
  ];
  const byName = new Map(all.map((variable) => [variable.split(":")[0], variable]));
  return [...byName.values()].flatMap((variable) => ["--var", variable]);
}

async function makeSecrets(path: string): Promise<void> {
  if (existsSync(path)) return;
  const lines = Object.entries(await freshSecrets()).map(([name, value]) => `${name}='${value}'`);
  writeFileSync(path, `${lines.join("\n")}\n`, { mode: 0o600 });
  process.stdout.write("Made .dev.vars with fresh secrets\n");
}

function applyMigrations(database: string, state: string): void {
  const { status, stdout, stderr } = spawnSync(
    "wrangler",
    ["d1", "migrations", "apply", database, "--local", "--persist-to", state],
    { cwd: root, env: { ...process.env, CI: "1" }, encoding: "utf8" },
  );
  if (status !== 0) fail(`The migrations of ${database} cannot be applied:\n${stdout}${stderr}`);
}

/** Resolves when wrangler listens and the Worker answers. Ends this process if wrangler ends before. */
async function untilReady(worker: ChildProcess, origin: string): Promise<void> {
  await new Promise<void>((resolve) => {
    worker.stdout?.on("data", (chunk: Buffer) => {
      for (const line of chunk.toString().split("\n")) {
        if (line.includes("Ready on ")) resolve();
        else if (line.trim() !== "") process.stdout.write(`${line}\n`);
      }
    });
  });
  while ((await fetch(`${origin}/health`).catch(() => undefined))?.status !== 200) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const options = readOptions();
if (options.help) {
  process.stdout.write(usage);
  process.exit(0);
}

let worker: ChildProcess | undefined;
let stopping = false;
function stop(): void {
  if (stopping) return;
  stopping = true;
  worker?.kill("SIGTERM");
}
process.on("SIGINT", stop);
process.on("SIGTERM", stop);
// A reader of the output, such as head, stopped reading: nobody would stop this process later.
process.stdout.on("error", stop);
process.stderr.on("error", stop);
/** The migrations block this process: signals that came meanwhile are handled now. */
async function endIfStopped(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  if (stopping) process.exit(0);
}

await makeSecrets(`${root}/.dev.vars`);
const emulator = await startEmulator(Number(options["oci-port"])).catch((error: Error) =>
  fail(`The emulated OCI cannot listen on port ${options["oci-port"]}: ${error.message}`),
);
for (const database of ["DB", "AUDIT_DB"]) {
  applyMigrations(database, options.state);
  await endIfStopped();
}

worker = spawn(
  "wrangler",
  [
    ...["dev", "--ip", "127.0.0.1", "--port", options.port, "--inspector-port", "0"],
    ...["--persist-to", options.state, "--show-interactive-dev-session=false"],
    ...variables(options.port, emulator.origin, options.var),
  ],
  { cwd: root, stdio: ["ignore", "pipe", "inherit"] },
);
worker.on("exit", async (code) => {
  await emulator.close();
  process.exit(stopping ? undefined : (code ?? 1));
});

const origin = `http://127.0.0.1:${options.port}`;
await untilReady(worker, origin);
if (options.seed) {
  const { ADMIN_TOKEN = "" } = parseEnv(readFileSync(`${root}/.dev.vars`, "utf8"));
  try {
    process.stdout.write(
      await seed({ worker: origin, oci: emulator.origin }, ADMIN_TOKEN, resolve(root, options.state)),
    );
  } catch (error) {
    process.stderr.write(`The seed cannot be made: ${(error as Error).message}\n`);
    process.exitCode = 1;
    stop();
  }
}
if (!stopping) process.stdout.write(`OCI emulated on ${emulator.origin}\nReady on ${origin}\n`);
