/** `npm run dev` and `npm run demo` as processes, as a person or a script starts them. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it } from "vitest";
import { freePort } from "../../dev/free-port.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const started: ChildProcess[] = [];
const folders: string[] = [];

afterEach(() => {
  for (const { pid } of started.splice(0)) {
    try {
      if (pid !== undefined) process.kill(-pid, "SIGKILL");
    } catch {
      // It has ended already.
    }
  }
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function run(script: string, args: string[]) {
  const child = spawn("npm", ["run", "--silent", script, "--", ...args], { cwd: root, detached: true });
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

const answers = (url: string) =>
  fetch(url).then(
    ({ status }) => status,
    () => undefined,
  );

it.each([
  ["its process group", -1],
  ["npm alone", 1],
])(
  "dev starts on the ports and with the variables it is told, and one SIGTERM to %s stops all",
  async (_, sign) => {
    const state = mkdtempSync(join(tmpdir(), "oci-auth-dev-"));
    folders.push(state);
    const [port, ociPort] = [await freePort(), await freePort()];
    const { child, exit, output } = run("dev", [
      ...["--port", `${port}`, "--oci-port", `${ociPort}`, "--state", state],
      ...["--var", "TOKEN_AUDIENCE:first", "--var", "ISSUER_URL:https://overridden.example.com"],
    ]);
    await expect
      .poll(output, { timeout: 60_000, interval: 100 })
      .toContain(`Ready on http://127.0.0.1:${port}`);
    const [worker, oci] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${ociPort}`];
    expect(await answers(`${worker}/health`)).toBe(200);
    expect(await answers(`${oci}/20160918/users/x`)).toBe(401);
    expect(await answers(`${oci}/us-ashburn-1/v1/instancePrincipalRootCACertificates`)).toBe(401);
    const discovery = await (await fetch(`${worker}/.well-known/openid-configuration`)).json();
    expect(discovery).toMatchObject({ issuer: "https://overridden.example.com" });

    process.kill(sign * (child.pid ?? 0), "SIGTERM");
    await exit;
    await expect.poll(() => answers(`${worker}/health`), { timeout: 10_000 }).toBe(undefined);
    await expect.poll(() => answers(`${oci}/_emulator/requests`), { timeout: 10_000 }).toBe(undefined);
  },
);

/** The command lines of the processes that were started with a variable of this value. */
function processesWith(value: string): string[] {
  const read = (pid: string, file: string) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, "utf8").split("\0");
    } catch {
      // It has ended, or is somebody else's.
      return [];
    }
  };
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && read(name, "environ").some((text) => text.endsWith(`=${value}`)))
    .map((pid) => read(pid, "cmdline").join(" "));
}

it.each([
  ["demo, after a line", "demo", "head -n 1"],
  ["demo, before it says anything", "demo", "true"],
  ["dev, after a line", "dev", "head -n 1"],
])("nothing is left of %s, when the reader of its output has gone", async (_, script, reader) => {
  const folder = mkdtempSync(join(tmpdir(), "oci-auth-unread-"));
  folders.push(folder);
  const [port, ociPort] = [await freePort(), await freePort()];
  const ports = `--port ${port} --oci-port ${ociPort} --state ${folder}/state`;
  const line = `npm run --silent ${script} ${script === "dev" ? `-- ${ports}` : ""} 2>&1 | ${reader}`;
  // All that it starts inherits this.
  const env = { ...process.env, TMPDIR: folder };
  const shell = spawn("sh", ["-c", line], { cwd: root, detached: true, env, stdio: "ignore" });
  started.push(shell);
  await new Promise((resolve) => shell.once("exit", resolve));
  await expect.poll(() => processesWith(folder), { timeout: 10_000 }).toEqual([]);
  // wrangler leaves folders of its own there.
  expect(readdirSync(folder).filter((name) => name.startsWith("oci-auth-"))).toEqual([]);
});

it.each([
  [["--port", "nonsense"], "--port 'nonsense' is not a port number"],
  [["--var", "nonsense"], "--var 'nonsense' is not NAME:VALUE"],
  [["--nonsense"], "Unknown option '--nonsense'"],
])("dev refuses %j and shows how it is used", async (args, message) => {
  const { exit, output } = run("dev", args);
  expect(await exit).toBe(1);
  expect(output()).toContain(message);
  expect(output()).toContain("Usage: npm run dev");
});

it("demo goes from nothing to a verified token and exits 0", async () => {
  const { exit, output } = run("demo", []);
  expect([await exit, output()]).toEqual([
    0,
    expect.stringMatching(/verified: ES256[\s\S]*token: [\w-]+\.[\w-]+\.[\w-]+[\s\S]*token\.revoke +success/),
  ]);
});
