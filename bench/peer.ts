/** The servers that we are compared with, each in a process of its own, on this process's Node. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Runtime } from "./runtime.ts";

/** Starts `peers/{name}.ts`, which {@link serve}s the application that it makes from the configuration. */
export async function startPeer<Config extends object>(name: string, config: Config): Promise<Runtime> {
  const child = fork(fileURLToPath(new URL(`peers/${name}.ts`, import.meta.url)), {
    env: { NODE_ENV: "production" },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4000);
  });
  child.send(config);
  const port = await new Promise((resolve, reject) => {
    child.once("message", resolve);
    child.once("error", reject);
    void ended.then(() => reject(new Error(`${name} did not start: ${said}`)));
  });
  return {
    origin: `http://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    async stop() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
