/** The built command line, run as a process, as a person or a script runs it. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The Node that runs it: the one of the tests, or another one to test with. */
const node = process.env.COMMAND_NODE ?? process.execPath;

export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  /** Its output so far. */
  stderr(): string;
  /** From now on nobody reads its output. */
  leaveUnread(): void;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<Run>;
}

export interface BuiltCommand {
  /** With nothing on stdin, and no terminal. */
  run(args: readonly string[], env?: Record<string, string>, cwd?: string): Promise<Run>;
  /** Without waiting for its end. */
  start(args: readonly string[], env?: Record<string, string>): Started;
  /** In a terminal, where `answer` is typed once `prompt` is shown; stdout is all that the terminal shows. */
  runInTerminal(
    args: readonly string[],
    env: Record<string, string>,
    prompt: string,
    answer: string,
  ): Promise<Run>;
  /** Into a pipe that nobody reads; the code is the command's. */
  runUnread(args: readonly string[], env: Record<string, string>): Promise<Run>;
  /** Onto a disk that is full; the code is the command's. */
  runOnFullDisk(args: readonly string[], env: Record<string, string>): Promise<Run>;
  /** A folder for files, removed by `remove`. */
  readonly folder: string;
  remove(): void;
}

export function buildCommand(): BuiltCommand {
  const folder = mkdtempSync(join(tmpdir(), "oci-auth-command-"));
  const file = join(folder, "oci-auth.cjs");
  const { status, stderr } = spawnSync("npm", ["run", "--silent", "build:cli", "--", `--outfile=${file}`], {
    cwd: root,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`the command line cannot be built: ${stderr}`);
  const quoted = (args: readonly string[]) =>
    [node, file, ...args].map((arg) => `'${arg.replaceAll("'", "'\\''")}'`).join(" ");
  // The machine's own settings must not change what a command does.
  const environment = (env: Record<string, string>) => ({
    PATH: process.env.PATH ?? "",
    TERM: "dumb",
    ...env,
  });
  return {
    folder,
    run: (args, env = {}, cwd = folder) =>
      ended(spawn(node, [file, ...args], { env: environment(env), cwd, stdio: ["ignore", "pipe", "pipe"] })),
    start: (args, env = {}) => {
      const child = spawn(node, [file, ...args], {
        env: environment(env),
        stdio: ["ignore", "ignore", "pipe"],
      });
      let said = "";
      child.stderr.on("data", (chunk: Buffer) => {
        said += chunk;
      });
      const leaveUnread = () => child.stderr.destroy();
      return { stderr: () => said, leaveUnread, kill: (signal) => child.kill(signal), ended: ended(child) };
    },
    runInTerminal: (args, env, prompt, answer) => {
      // Wide, so that no prompt is wrapped.
      const line = `stty cols 1000; exec ${quoted(args)}`;
      const child = spawn("script", ["-qec", line, "/dev/null"], { env: environment(env) });
      let shown = "";
      child.stdout.on("data", (chunk: Buffer) => {
        const before = shown.includes(prompt);
        shown += chunk;
        if (!before && shown.includes(prompt)) child.stdin.write(answer);
      });
      return ended(child);
    },
    runUnread: async (args, env) => {
      const line = `{ ${quoted(args)}; echo "exit code $?" >&2; } | true`;
      const { stdout, stderr } = await ended(spawn("sh", ["-c", line], { env: environment(env) }));
      const [said = "", code] = stderr.split("exit code ");
      return { code: Number(code), stdout, stderr: said };
    },
    runOnFullDisk: (args, env) =>
      ended(spawn("sh", ["-c", `exec ${quoted(args)} > /dev/full`], { env: environment(env) })),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function ended(child: ChildProcess): Promise<Run> {
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.on("data", (chunk: Buffer) => {
      output[name] += chunk;
    });
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, ...output }));
  });
}
