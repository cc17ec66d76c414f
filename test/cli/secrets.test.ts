/** `oci-auth secrets`, as a process: what it writes, where it writes nothing, and that it shows no secret. */
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freshSecrets, newSigningKey, type Secrets } from "../../cli/secrets/fresh-secrets.ts";
import { importSigningKeys, signingKeySet } from "../../src/keys/signing-keys.ts";
import { type BuiltCommand, buildCommand, type Run } from "./built-command.ts";

let command: BuiltCommand;
beforeAll(() => {
  command = buildCommand();
});
afterAll(() => command.remove());

const path = process.env.PATH ?? "";
const newFolder = (...within: string[]) => {
  const folder = join(command.folder, ...within, randomUUID());
  mkdirSync(folder, { recursive: true });
  return folder;
};
const read = (folder: string, name: string) => readFileSync(join(folder, name), "utf8");
const secrets = (folder: string, args: readonly string[], env: Record<string, string> = {}) =>
  command.run(["secrets", ...args], env, folder);

/** Every long value in it, at any depth. */
function valuesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .flatMap(({ name }) => read(folder, name).match(/[\w-]{40,}/g) ?? []);
}

function expectNothingShown(run: Run, folder: string): void {
  for (const value of valuesIn(folder)) expect(run.stdout + run.stderr).not.toContain(value);
}

const rotated = {
  TOKEN_SIGNING_KEYS: [
    "secrets.TOKEN_SIGNING_KEYS.1-added",
    "secrets.TOKEN_SIGNING_KEYS.2-first",
    "secrets.TOKEN_SIGNING_KEYS.3-dropped",
  ],
  ENCRYPTION_KEYS: [
    "secrets.ENCRYPTION_KEYS.1-added",
    "secrets.ENCRYPTION_KEYS.2-first",
    "secrets.ENCRYPTION_KEYS.3-dropped",
  ],
  ADMIN_TOKEN: ["secrets.ADMIN_TOKEN.1-new"],
};

/** A folder with the secrets of a deployment. */
async function kept(change: Partial<Record<keyof Secrets, unknown>> = {}): Promise<string> {
  const folder = newFolder();
  writeFileSync(join(folder, "secrets.json"), JSON.stringify({ ...(await freshSecrets()), ...change }));
  return folder;
}

describe("secrets new", () => {
  it("writes secrets that are its owner's alone, shows none, and says what to do with them", async () => {
    const folder = newFolder();
    const run = await secrets(folder, ["new", "--env", "staging"]);
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(run.stdout).toContain("npx wrangler deploy --env staging --secrets-file secrets.json\n");
    expectNothingShown(run, folder);
    expect(readdirSync(folder)).toEqual(["secrets.json"]);
    expect(statSync(join(folder, "secrets.json")).mode & 0o777).toBe(0o600);
    expect(JSON.parse(read(folder, "secrets.json"))).toEqual({
      ADMIN_TOKEN: expect.stringMatching(/^[\w-]{43}$/),
      TOKEN_SIGNING_KEYS: expect.stringContaining('"alg":"ES256"'),
      ENCRYPTION_KEYS: expect.stringContaining('"kty":"oct"'),
    });
  });

  it("makes new ones each time", async () => {
    const folders = [newFolder(), newFolder()];
    for (const folder of folders) expect(await secrets(folder, ["new"])).toMatchObject({ code: 0 });
    const values = folders.flatMap(valuesIn);
    expect(new Set(values).size).toBe(values.length);
  });

  it("quotes a file name that a shell would split", async () => {
    const folder = newFolder();
    mkdirSync(join(folder, "it's here"));
    const run = await secrets(folder, ["new", "--folder", "it's here"]);
    expect(run.stdout).toContain("--secrets-file 'it'\\''s here/secrets.json'\n");
  });

  it.each([
    [["--folder", "nowhere"], /--folder cannot be used: ENOENT/],
    [["--env", "a b; rm"], /--env <name>' argument 'a b; rm' is invalid/],
  ])("refuses %j", async (args, message) => {
    const folder = newFolder();
    const run = await secrets(folder, ["new", ...args]);
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toMatch(message);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("a file that exists already stays as it is", () => {
  const refused = /secrets\.[\w.-]+ exists already, and may be the only copy of a secret; move it/;

  it.each<[string, (file: string) => void]>([
    ["of secrets", (file) => writeFileSync(file, "the only copy")],
    ["that is empty", (file) => writeFileSync(file, "")],
    ["that is a link to nothing", (file) => symlinkSync("elsewhere", file)],
  ])("%s", async (_, make) => {
    const folder = newFolder();
    make(join(folder, "secrets.json"));
    const before = readdirSync(folder);
    const run = await secrets(folder, ["new"]);
    expect(run).toMatchObject({ code: 2, stdout: "", stderr: expect.stringMatching(refused) });
    expect(readdirSync(folder)).toEqual(before);
  });

  it("when it is run twice", async () => {
    const folder = newFolder();
    await secrets(folder, ["new"]);
    const before = read(folder, "secrets.json");
    expect(await secrets(folder, ["new"])).toMatchObject({ code: 2, stderr: expect.stringMatching(refused) });
    expect(read(folder, "secrets.json")).toBe(before);
  });

  it.each(["secrets.TOKEN_SIGNING_KEYS.3-dropped", "secrets.next.json"])(
    "and a rotation that would need %s writes none of its files",
    async (name) => {
      const folder = await kept();
      writeFileSync(join(folder, name), "of an earlier rotation");
      const run = await secrets(folder, ["rotate", "TOKEN_SIGNING_KEYS", "--from", "secrets.json"]);
      expect(run).toMatchObject({ code: 2, stdout: "", stderr: expect.stringMatching(refused) });
      expect(readdirSync(folder)).toEqual([name, "secrets.json"].sort());
      expect(read(folder, name)).toBe("of an earlier rotation");
    },
  );
});

describe("in a git work tree", () => {
  const repository = (ignored: string) => {
    const folder = newFolder();
    spawnSync("git", ["init", "--quiet"], { cwd: folder });
    writeFileSync(join(folder, ".gitignore"), ignored);
    return folder;
  };

  it.each<[string, () => { at: string; args?: string[]; env?: Record<string, string> }]>([
    ["that does not ignore the file", () => ({ at: repository("other.json\n") })],
    ["that takes the file out of what it ignores", () => ({ at: repository("*.json\n!secrets.json\n") })],
    [
      "from a folder inside it",
      () => {
        const at = join(repository(""), "within");
        mkdirSync(at);
        return { at };
      },
    ],
    [
      "that a link leads to",
      () => {
        const [at, link] = [repository(""), join(newFolder(), "link")];
        symlinkSync(at, link);
        return { at, args: ["--folder", link] };
      },
    ],
    [
      "whose .git nobody can read",
      () => {
        const at = newFolder();
        writeFileSync(join(at, ".git"), "nonsense");
        return { at };
      },
    ],
    ["while git is not installed", () => ({ at: repository("secrets.json\n"), env: { PATH: "/nowhere" } })],
    [
      "whose repository is elsewhere",
      () => {
        const at = newFolder();
        return { at, env: { PATH: path, GIT_DIR: join(repository(""), ".git"), GIT_WORK_TREE: at } };
      },
    ],
  ])("%s nothing is written", async (_, make) => {
    const { at, args = [], env = {} } = make();
    const before = readdirSync(at);
    const run = await secrets(at, ["new", ...args], env);
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toMatch(/git.*; name a folder outside of it with --folder, or ignore the file/);
    expect(readdirSync(at)).toEqual(before);
  });

  it("a rotation writes none of its files if one is not ignored", async () => {
    const from = join(await kept(), "secrets.json");
    const folder = repository("secrets.ENCRYPTION_KEYS.*\n");
    const run = await secrets(folder, ["rotate", "ENCRYPTION_KEYS", "--from", from]);
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toContain("secrets.next.json is in a git work tree that does not ignore it");
    expect(readdirSync(folder)).toEqual([".git", ".gitignore"]);
  });

  it("that ignores it, as this project does, it is written", async () => {
    const folder = repository("");
    copyFileSync(fileURLToPath(new URL("../../.gitignore", import.meta.url)), join(folder, ".gitignore"));
    expect(await secrets(folder, ["new"])).toMatchObject({ code: 0, stderr: "" });
    for (const name of Object.keys(rotated)) {
      const args = ["rotate", name, "--from", "secrets.json", "--folder", "."];
      expect(await secrets(folder, args)).toMatchObject({ code: 0, stderr: "" });
      // Replaces the kept file.
      writeFileSync(join(folder, "secrets.json"), read(folder, "secrets.next.json"));
      spawnSync("rm", [join(folder, "secrets.next.json")]);
    }
    const { stdout } = spawnSync("git", ["status", "--porcelain", "--untracked-files=all"], {
      cwd: folder,
      encoding: "utf8",
    });
    expect(stdout).toBe("?? .gitignore\n");
  });

  it("and elsewhere neither git nor a repository is needed", async () => {
    expect(await secrets(newFolder(), ["new"], { PATH: "/nowhere" })).toMatchObject({ code: 0, stderr: "" });
  });
});

describe("secrets rotate", () => {
  const keysOf = (text: string): Record<string, unknown>[] => JSON.parse(text).keys;

  it.each(["TOKEN_SIGNING_KEYS", "ENCRYPTION_KEYS"] as const)(
    "writes each step of %s: added last, moved first, and alone",
    async (name) => {
      const folder = await kept();
      const before = JSON.parse(read(folder, "secrets.json"));
      const run = await secrets(folder, ["rotate", name, "--from", "secrets.json"]);
      expect(run).toMatchObject({ code: 0, stderr: "" });
      expectNothingShown(run, folder);
      expect(readdirSync(folder)).toEqual([...rotated[name], "secrets.json", "secrets.next.json"].sort());
      for (const file of [...rotated[name], "secrets.next.json"]) {
        expect([file, statSync(join(folder, file)).mode & 0o777]).toEqual([file, 0o600]);
      }
      const [old] = keysOf(before[name]);
      const [added, first, dropped] = rotated[name].map((file) => keysOf(read(folder, file)));
      const key = dropped?.[0];
      expect(key).not.toEqual(old);
      expect([added, first, dropped]).toEqual([[old, key], [key, old], [key]]);
      const commands = rotated[name].map(
        (file) => `npx wrangler secret put ${name} --env production < ${file}\n`,
      );
      const places = commands.map((text) => run.stdout.indexOf(text));
      expect(places).not.toContain(-1);
      expect(places).toEqual([...places].sort((a, b) => a - b));
      // The other secrets are unchanged.
      const value = read(folder, rotated[name][2] ?? "");
      expect(JSON.parse(read(folder, "secrets.next.json"))).toEqual({ ...before, [name]: value });
    },
  );

  it("writes the files that docs/operate.md names", () => {
    const page = readFileSync(fileURLToPath(new URL("../../docs/operate.md", import.meta.url)), "utf8");
    const named = new Set(page.match(/\bsecrets\.[A-Z_]+\.[\w-]+/g));
    expect([...named].sort()).toEqual(Object.values(rotated).flat().sort());
  });

  it("says what to wait for, and to re-encrypt before the last step", async () => {
    const folder = await kept();
    const signing = await secrets(folder, ["rotate", "TOKEN_SIGNING_KEYS", "--from", "secrets.json"]);
    expect(signing.stdout).toMatch(
      /1-added\n.*five minutes[\s\S]*2-first\n.*MAX_TOKEN_TTL_SECONDS[\s\S]*3-dropped\n/,
    );
    const args = ["--from", "secrets.json", "--folder", newFolder()];
    const encryption = await secrets(folder, ["rotate", "ENCRYPTION_KEYS", ...args]);
    expect(encryption.stdout).toMatch(
      /1-added'?\n.*minute[\s\S]*2-first'?\n.*tenancies re-encrypt[\s\S]*3-dropped'?\n/,
    );
  });

  it("replaces ADMIN_TOKEN in one step", async () => {
    const folder = await kept();
    const before = JSON.parse(read(folder, "secrets.json"));
    const run = await secrets(folder, ["rotate", "ADMIN_TOKEN", "--from", "secrets.json"]);
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expectNothingShown(run, folder);
    const token = read(folder, "secrets.ADMIN_TOKEN.1-new");
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(token).not.toBe(before.ADMIN_TOKEN);
    expect(JSON.parse(read(folder, "secrets.next.json"))).toEqual({ ...before, ADMIN_TOKEN: token });
  });

  it.each([
    ["ES256", 2048],
    ["EdDSA", 2048],
    ["RS256", 2048],
    ["PS256", 2048],
  ])("gives a new signing key the algorithm of the first, %s, which services name", async (alg, bits) => {
    const old = await newSigningKey(alg, bits);
    const folder = await kept({ TOKEN_SIGNING_KEYS: JSON.stringify({ keys: [{ ...old, use: "sig" }] }) });
    const run = await secrets(folder, ["rotate", "TOKEN_SIGNING_KEYS", "--from", "secrets.json"]);
    expect(run).toMatchObject({ code: 0, stderr: "" });
    const added = JSON.parse(read(folder, rotated.TOKEN_SIGNING_KEYS[0] ?? ""));
    const keys = await importSigningKeys(signingKeySet().parse(added));
    expect(keys.map((key) => key.alg)).toEqual([alg, alg]);
    expect(added.keys[0]).toEqual(old);
  });

  it("reads the kept secrets from stdin, as a secret store gives them", async () => {
    const [folder, target] = [await kept(), newFolder()];
    const args = ["secrets", "rotate", "ENCRYPTION_KEYS", "--from", "-", "--folder", target];
    const { status, stdout } = spawnSync(process.execPath, [join(command.folder, "oci-auth.cjs"), ...args], {
      input: read(folder, "secrets.json"),
      encoding: "utf8",
    });
    expect(status).toBe(0);
    expect(stdout).toContain(`< ${target}/secrets.ENCRYPTION_KEYS.1-added\n`);
    expect(readdirSync(target)).toEqual([...rotated.ENCRYPTION_KEYS, "secrets.next.json"].sort());
  });

  const big = "x".repeat(5000);
  it.each<[string, string, string, RegExp]>([
    ["that is not there", "ADMIN_TOKEN", "", /cannot be read: ENOENT.*check --from/],
    ["that is not JSON", "ADMIN_TOKEN", "s3cret-value", /does not hold ADMIN_TOKEN: it must be JSON/],
    ["of another shape", "ADMIN_TOKEN", '["s3cret-value"]', /does not hold ADMIN_TOKEN: it must be JSON/],
    ["without the secret", "ADMIN_TOKEN", '{"OTHER": "s3cret-value"}', /does not hold ADMIN_TOKEN/],
    [
      "whose key set is an object and not a string",
      "ENCRYPTION_KEYS",
      '{"ENCRYPTION_KEYS": {"keys": ["s3cret-value"]}}',
      /with strings as 'oci-auth secrets new' writes them/,
    ],
    [
      "whose key set is not JSON",
      "ENCRYPTION_KEYS",
      '{"ENCRYPTION_KEYS": "s3cret-value"}',
      /ENCRYPTION_KEYS of .*: is not JSON; correct --from/,
    ],
    [
      "whose key the Worker would not accept",
      "ENCRYPTION_KEYS",
      JSON.stringify({ ENCRYPTION_KEYS: '{"keys": [{"kty": "oct", "kid": "one", "k": "s3cret-value"}]}' }),
      /is not a JWK Set that the Worker accepts, at 'keys\.0\.k'/,
    ],
    [
      "whose key cannot be imported",
      "TOKEN_SIGNING_KEYS",
      JSON.stringify({
        TOKEN_SIGNING_KEYS:
          '{"keys": [{"kty": "EC", "crv": "P-256", "x": "a", "y": "b", "d": "s3cret-value"}]}',
      }),
      /TOKEN_SIGNING_KEYS of .*: a key cannot be imported/,
    ],
    [
      "that leaves no room for another key",
      "ENCRYPTION_KEYS",
      JSON.stringify({
        ENCRYPTION_KEYS: JSON.stringify({
          keys: [{ kty: "oct", kid: "one", k: "A".repeat(43), note: `s3cret-value${big}` }],
        }),
      }),
      /step 'added' would have \d+ bytes, and a secret holds 5120/,
    ],
  ])("refuses a file %s, and writes and shows nothing", async (_, name, text, message) => {
    const folder = newFolder();
    if (text !== "") writeFileSync(join(folder, "kept"), text);
    const before = readdirSync(folder);
    const run = await secrets(folder, ["rotate", name, "--from", "kept"]);
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toMatch(message);
    expect(run.stderr).not.toContain("s3cret-value");
    expect(readdirSync(folder)).toEqual(before);
  });

  it("refuses the name of another secret, and to be run without the kept ones", async () => {
    const folder = await kept();
    expect(await secrets(folder, ["rotate", "OTHER", "--from", "secrets.json"])).toMatchObject({ code: 2 });
    expect(await secrets(folder, ["rotate", "ADMIN_TOKEN"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--from <file>"),
    });
    expect(readdirSync(folder)).toEqual(["secrets.json"]);
  });
});
