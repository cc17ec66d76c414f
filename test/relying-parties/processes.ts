import { type ChildProcess, spawn } from "node:child_process";
import { vi } from "vitest";

const started: ChildProcess[] = [];

/** A process with a group of its own, and all that it has said. */
export function start(command: string, args: string[], cwd: string, env: Record<string, string> = {}) {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, detached: true });
  started.push(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk;
    });
  }
  const exit = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return { child, exit, output: () => output };
}

export type Started = ReturnType<typeof start>;

/** Resolves when the process has got so far; rejects with what it said if it ends before, or takes a minute. */
export async function until(process: Started, reached: () => boolean | Promise<boolean>): Promise<void> {
  const ended = () => process.child.exitCode !== null;
  const isSo = async () => ended() || (await reached());
  await vi.waitUntil(isSo, { timeout: 60_000, interval: 100 }).catch(() => undefined);
  if (ended() || !(await reached()))
    throw new Error(`${process.child.spawnargs.join(" ")}: ${process.output()}`);
}

export const answers = (url: string): Promise<boolean> =>
  fetch(url).then(
    () => true,
    () => false,
  );

/** Ends every process that was started, and what these have started. */
export function endAll(): void {
  for (const { pid } of started.splice(0)) {
    try {
      if (pid !== undefined) process.kill(-pid, "SIGKILL");
    } catch {
      // It has ended already.
    }
  }
}
