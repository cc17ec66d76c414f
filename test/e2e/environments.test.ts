/** wrangler.toml: bindings are not inherited, so what each environment repeats is held to the top level. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { unstable_readConfig as readConfig } from "wrangler";

const root = fileURLToPath(new URL("../..", import.meta.url));
const config = join(root, "wrangler.toml");
const environments = ["staging", "production"];

interface Configuration {
  readonly name: string;
  readonly d1_databases: { database_name: string }[];
  readonly ratelimits: { name: string; namespace_id: string; simple: object }[];
  readonly durable_objects: { bindings: { name: string; class_name: string }[] };
}

const read = (env: string): Configuration => readConfig({ config, env });

/** All that a Worker is given and does, but for what has to differ: names and numbers of what is its own. */
function without(differing: RegExp, value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (key, inner) => (differing.test(key) ? undefined : inner)));
}
const own =
  /^(name|topLevelName|targetEnvironment|database_name|namespace_id|routes?|vars|build|configPath|userConfigPath|definedEnvironments)$/;
const shared = (env: string) => {
  // Of these two the name is the binding's.
  const { ratelimits, durable_objects, ...rest } = read(env);
  return {
    ...(without(own, rest) as object),
    limits: ratelimits.map(({ name, simple }) => ({ name, simple })),
    objects: durable_objects.bindings.map(({ name, class_name }) => ({ name, class_name })),
  };
};

describe.each(environments)("the environment %s", (env) => {
  it("has all that the top level has, and nothing else", () => {
    expect(shared(env)).toEqual(shared(""));
    expect(shared(env)).toMatchObject({
      d1_databases: [{ binding: "DB" }, { binding: "AUDIT_DB" }],
      kv_namespaces: [{ binding: "DIRECTORY" }],
      limits: expect.arrayContaining([expect.objectContaining({ name: "LOGINS" })]),
      objects: [{ name: "LEDGER", class_name: "Ledger" }],
    });
  });

  it("is deployed only after a check of its own issuer", () => {
    expect(read(env)).toMatchObject({ build: { command: `npm run --silent require-issuer-url -- ${env}` } });
  });

  it("serves no old version and no address that is not its own", () => {
    expect(read(env)).toMatchObject({ workers_dev: false, preview_urls: false });
  });
});

it("environments share no name, no database and no rate limit", () => {
  const all = ["", ...environments].map(read);
  for (const names of [
    all.map(({ name }) => name),
    all.flatMap(({ d1_databases }) => d1_databases.map(({ database_name }) => database_name)),
    all.flatMap(({ ratelimits }) => ratelimits.map(({ namespace_id }) => namespace_id)),
  ]) {
    expect(names).not.toContain(undefined);
    expect(new Set(names).size).toBe(names.length);
  }
});

describe("a deployment of an environment", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "oci-auth-environments-"));
    for (const name of ["src", "dev", "package.json"])
      cpSync(join(root, name), join(folder, name), { recursive: true });
    for (const name of ["node_modules", "migrations", "dist"])
      symlinkSync(join(root, name), join(folder, name));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const issuerOf = (issuer: string) => [`vars = { ISSUER_URL = "${issuer}" }`];
  function deploy(env: string, lines: readonly string[]) {
    const text = readFileSync(config, "utf8").replace(
      `[env.${env}]\n`,
      (head) => `${head}${lines.join("\n")}\n`,
    );
    writeFileSync(join(folder, "wrangler.toml"), text);
    const args = ["deploy", "--dry-run", "--env", env, "--outdir", join(folder, "out")];
    const { status, stdout, stderr } = spawnSync(join(root, "node_modules/.bin/wrangler"), args, {
      cwd: folder,
      encoding: "utf8",
    });
    return { status, output: stripVTControlCharacters(stdout + stderr) };
  }

  it.each([
    ["staging", [], "is missing"],
    ["production", issuerOf("https://auth.example.com/"), "is not an https origin"],
  ])("fails in %s with %j, and says what to set", (env, lines, problem) => {
    const { status, output } = deploy(env, lines);
    expect(output).toContain(`ISSUER_URL of [env.${env}] ${problem}`);
    expect(output).toContain("Set it in wrangler.toml to the https origin that the Worker will have");
    expect(output).not.toContain("--dry-run: exiting now");
    expect(status).toBe(1);
  });

  it("goes on where the issuer is set", () => {
    const { status, output } = deploy("production", issuerOf("https://auth.example.com"));
    expect([status, output]).toEqual([0, expect.stringContaining("--dry-run: exiting now")]);
  });
});
