/** `npm run dev -- --seed`, and the pages that a new user follows from there, typed into a shell. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { parseEnv } from "node:util";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { freePort } from "../../dev/free-port.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folders: string[] = [];
const state = mkdtempSync(join(tmpdir(), "oci-auth-seed-"));
const env = `${state}/seed/env`;
let origin: string;
let ociOrigin: string;
let dev: ChildProcess;
let output = "";

async function startSeeded(): Promise<void> {
  const [port, ociPort] = [await freePort(), await freePort()];
  [origin, ociOrigin] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${ociPort}`];
  const args = ["--seed", "--port", `${port}`, "--oci-port", `${ociPort}`, "--state", state];
  dev = spawn("npm", ["run", "--silent", "dev", "--", ...args], { cwd: root, detached: true });
  output = "";
  for (const stream of [dev.stdout, dev.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      output += chunk;
    });
  }
  await vi.waitUntil(() => output.includes(`\nReady on ${origin}\n`), { timeout: 60_000, interval: 100 });
}
async function stop(): Promise<void> {
  const ended = new Promise((resolve) => dev.once("exit", resolve));
  process.kill(-(dev.pid ?? 0), "SIGTERM");
  await ended;
}
beforeAll(async () => {
  // What `npx -- oci-auth` runs.
  spawnSync("npm", ["run", "--silent", "build:cli"], { cwd: root });
  // As if the state were in somebody's repository.
  spawnSync("git", ["init", "--quiet"], { cwd: state });
  await startSeeded();
});
afterAll(async () => {
  await stop();
  for (const folder of [state, ...folders]) rmSync(folder, { recursive: true, force: true });
});

/** What a shell answers to what is typed into it, with nothing of this machine's own settings. */
async function typed(shell: string, args: readonly string[], cwd: string, input: string) {
  const { PATH = "", HOME = "" } = process.env;
  const env = { PATH, HOME: cwd, TERM: "dumb", PS1: "", PS2: "", npm_config_cache: join(HOME, ".npm") };
  const child = spawn(shell, args, { cwd, env });
  child.stdin.end(`${input}\n`);
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await ended, stdout, stderr };
}

const printedCommand = () => /^ {2}(npx -- oci-auth login .*)$/m.exec(output)?.[1] ?? "";
async function printedLogin() {
  const { code, stdout, stderr } = await typed("sh", [], root, printedCommand());
  return { code, stderr, identityId: code === 0 ? decodeJwt(stdout.trim()).sub : undefined };
}
const admin = async (path: string) => {
  const { ADMIN_TOKEN } = parseEnv(readFileSync(join(root, ".dev.vars"), "utf8"));
  const response = await fetch(origin + path, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
  // biome-ignore lint/suspicious/noExplicitAny: the test says what it expects of it.
  return (await response.json()) as any;
};
const listed = async () => {
  const { organizations } = await admin("/api/v1/organizations");
  const { identities } = await admin(`/api/v1/identities?organizationId=${organizations[0].id}`);
  return [...organizations, ...identities].map(({ id, name }: { id: string; name: string }) => [id, name]);
};

it("prints one command that logs in, and leaves logins and refusals in the log", async () => {
  expect(await printedLogin()).toMatchObject({ code: 0, stderr: "", identityId: expect.any(String) });
  expect((await listed()).map(([, name]) => name)).toEqual(["Acme", "payments", "reports", "ops"]);
  const logins = async () =>
    (await admin("/api/v1/audit-events")).auditEvents
      .filter(({ type }: { type: string }) => type === "login")
      .map(({ reason }: { reason: string | null }) => reason ?? "accepted")
      .sort();
  await expect
    .poll(logins, { timeout: 10_000 })
    .toEqual(["accepted", "accepted", "accepted", "signature-invalid", "username-not-allowed"]);
});

it("keeps keys that are their owner's alone and that git never sees, and says where", () => {
  expect(output).toContain(`${state}/seed\n`);
  const names = readdirSync(join(state, "seed")).sort();
  expect(names).toEqual([".gitignore", "alice.pem", "bob.pem", "config", "env", "reader.pem"]);
  for (const name of names) {
    expect([name, statSync(join(state, "seed", name)).mode & 0o777]).toEqual([name, 0o600]);
  }
  const args = ["status", "--porcelain", "--untracked-files=all"];
  expect(spawnSync("git", args, { cwd: state, encoding: "utf8" }).stdout).not.toContain("seed/");
});

/** Blocks of a page, on these ports and this state. A block of TypeScript names its file. */
function blocksOf(page: string): { kind: string; name: string; code: string }[] {
  const markdown = readFileSync(join(root, page), "utf8")
    .replaceAll("http://127.0.0.1:8787", origin)
    .replaceAll("http://127.0.0.1:8788", ociOrigin)
    .replaceAll(".wrangler/state/seed/env", env);
  return [...markdown.matchAll(/^```(\w+) ?(\S*)\n(.*?)^```$/gms)].map(
    ([, kind = "", name = "", code = ""]) => ({
      kind,
      name,
      code,
    }),
  );
}

const shells = [
  ["bash", ["--norc", "-i"]],
  ["zsh", ["-f", "-i"]],
] as const;
// `npm test` needs npm alone; .ci/run has the pages tried in zsh too.
const shell = process.env.PAGES_SHELL ?? "bash";
const installed = shells.filter(([name]) => name === shell);

it("has a shell to try the pages in", () => {
  expect(installed).toHaveLength(1);
  expect(spawnSync(shell, ["--version"]).status).toBe(0);
});

/** Typed into an interactive shell, in a folder that stands for the project's. */
function type(shell: string, args: readonly string[], lines: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), "oci-auth-pages-"));
  folders.push(folder);
  for (const name of readdirSync(root)) {
    if (name !== ".wrangler" && name !== ".git") symlinkSync(join(root, name), join(folder, name));
  }
  mkdirSync(join(folder, ".wrangler"));
  // Files that stand on their own have to find the dependencies.
  const modules = blocksOf("README.md").filter(({ name }) => name !== "");
  for (const { name, code } of modules) writeFileSync(join(folder, name), code);
  return typed(shell, args, folder, lines.join("\n"));
}
const count = (text: string, part: string | RegExp) => text.split(part).length - 1;

it.each(installed)(
  "the README's way from a login to a revocation works twice in one %s",
  async (shell, args) => {
    const blocks = blocksOf("README.md");
    const [, , login, doctor] = blocks.filter(({ kind }) => kind === "sh");
    const introspect = blocks.find(({ code }) => code.includes("/oauth2/introspect"));
    const end = blocks.find(({ code }) => code.includes("/token/renew"));
    const once = [login, doctor, introspect, end].map((block) => block?.code ?? "");
    once.splice(2, 0, "npx node login.ts", "TOKEN=$token npx node verify.ts");
    const { stdout, stderr } = await type(shell, args, [...once, ...once]);
    expect(count(stdout, /^ok +login +logged in as/m), stderr).toBe(2);
    expect(count(stdout, /accessToken: ['"]eyJ/), stdout + stderr).toBe(2);
    expect(count(stdout, "userOcid: 'ocid1.user.oc1..aaaaaaaaseedalice'")).toBe(2);
    expect(count(stdout, '"active":true')).toBe(2);
    expect(count(stdout, '{"accessToken":"eyJ')).toBe(2);
    expect(count(stdout, "Successfully revoked access token")).toBe(2);
    expect(stdout).not.toContain('"statusCode"');
    expect(stderr).not.toMatch(/not found|no matches|parse error|unexpected/);
  },
);

it.each(installed)("docs/by-hand.md works twice in one %s", async (shell, args) => {
  const once = blocksOf("docs/by-hand.md").map(({ code }) =>
    code.replace(".dev.vars", join(root, ".dev.vars")),
  );
  expect(once).toHaveLength(3);
  const { stdout, stderr } = await type(shell, args, [...once, ...once]);
  expect(count(stdout, '{"accessToken":"eyJ'), stdout + stderr).toBe(2);
  expect(count(stdout, '"allowedUsernames":"carol@example.com"')).toBe(2);
  expect(stdout).not.toContain('"statusCode"');
});

it.each(installed)("docs/instances.md works twice in one %s", async (shell, args) => {
  const [login, local] = blocksOf("docs/instances.md")
    .filter(({ kind }) => kind === "bash")
    .map(({ code }) => code.replace(".dev.vars", join(root, ".dev.vars")));
  const once = [local ?? "", login ?? ""];
  const { stdout, stderr } = await type(shell, args, [...once, ...once]);
  const tokens = [...stdout.matchAll(/"accessToken":"([^"]+)"/g)].map(([, token = ""]) => decodeJwt(token));
  expect(tokens, stdout + stderr).toHaveLength(2);
  for (const token of tokens) {
    expect(token).toMatchObject({ authMethod: "oci-instance-auth", oci: { region: "us-ashburn-1" } });
  }
  expect(stdout).not.toContain('"statusCode"');
});

it("works again on the state that was kept: the same ids and keys, and another port", async () => {
  const [before, config] = [await listed(), readFileSync(join(state, "seed/config"), "utf8")];
  const { identityId } = await printedLogin();
  await stop();
  await startSeeded();
  expect(await listed()).toEqual(before);
  expect(readFileSync(join(state, "seed/config"), "utf8")).toBe(config);
  expect(await printedLogin()).toMatchObject({ code: 0, identityId });
  expect(readFileSync(env, "utf8")).toContain(`export OCI_AUTH_URL=${origin}\n`);
});

it("no block for a shell has a comment, which interactive zsh takes for an argument", () => {
  const pages = ["README.md", "CONTRIBUTING.md", "bench/README.md"].concat(
    readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".md"))
      .map((name) => `docs/${name}`),
  );
  const blocks = pages.flatMap((page) => [
    ...readFileSync(join(root, page), "utf8").matchAll(/^ *```(?:sh|bash)\n(.*?)^ *```$/gms),
  ]);
  expect(blocks.length).toBeGreaterThan(20);
  for (const [, code = ""] of blocks) {
    for (const line of code.split("\n")) expect(line).not.toMatch(/(^|\s)#/);
  }
});
