/** wrangler.toml: bindings are not inherited, so what each environment repeats is held to the top level, and to `Env`. */
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

/** A copy of what wrangler and tsc read, to change. */
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "oci-auth-environments-"));
  for (const name of ["src", "dev", "package.json", "tsconfig.json"])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  for (const name of ["node_modules", "migrations", "dist"])
    symlinkSync(join(root, name), join(folder, name));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(program: string, args: readonly string[]) {
  const command = join(root, "node_modules/.bin", program);
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: "utf8" });
  return { status, output: stripVTControlCharacters(stdout + stderr) };
}

describe("Env of src/env.ts", () => {
  /** What wrangler.toml may leave out: what a deployment sets, and what has a default. */
  const variables = [
    "ISSUER_URL",
    "TOKEN_AUDIENCE",
    "MAX_TOKEN_TTL_SECONDS",
    "DIRECTORY_TTL_SECONDS",
    "DIRECTORY_STALE_SECONDS",
    "AUDIT_RETENTION_DAYS",
    "OCI_IDENTITY_ORIGIN",
    "OCI_AUTH_ORIGIN",
  ];
  const types = ["Env", "StagingEnv", "ProductionEnv"];
  /** Types that fail to check where `wrangler types` and `Env` differ, and name what only one of them has. */
  const agreement = [
    'import type { Env } from "./src/env.ts";',
    ...types.flatMap((type) => [
      `type ${type}_ = Cloudflare.${type};`,
      `type Lacking${type} = Exclude<keyof Env, keyof ${type}_ | ${variables.map((name) => `"${name}"`).join(" | ")}>;`,
      `export const lacking${type}: Record<Lacking${type}, "in ${type}"> = {};`,
      `export const unknown${type}: Record<Exclude<keyof ${type}_, keyof Env>, "in ${type}"> = {};`,
      `export const kinds${type} = (given: ${type}_): Env => given;`,
    ]),
  ].join("\n");

  /** The errors of tsc for a wrangler.toml. */
  function differences(wranglerToml: string): string[] {
    writeFileSync(join(folder, "wrangler.toml"), wranglerToml);
    writeFileSync(join(folder, "agreement.ts"), agreement);
    writeFileSync(
      join(folder, "tsconfig.agreement.json"),
      JSON.stringify({ extends: "./tsconfig.json", include: ["agreement.ts", "wrangler.d.ts"] }),
    );
    const generated = run("wrangler", ["types", "wrangler.d.ts", "--include-runtime=false"]);
    expect(generated).toMatchObject({ status: 0 });
    const { output } = run("tsc", ["-p", "tsconfig.agreement.json", "--pretty", "false"]);
    return output.split("\n").filter((line) => line !== "");
  }
  const wranglerToml = readFileSync(config, "utf8");

  it("is what `wrangler types` makes of each environment", () => {
    expect(differences(wranglerToml)).toEqual([]);
  });

  it("is told apart from a missing binding or secret, an unknown binding, and one of another kind", () => {
    const [rest = "", production = ""] = wranglerToml.split("[env.production]");
    const limit = '{ name = "LOGINS", namespace_id = "3002", simple = { limit = 1000, period = 60 } },';
    expect(production).toContain(limit);
    const drifted = production
      .replace(limit, "")
      .replace(', "ENCRYPTION_KEYS"', "")
      .replace(
        'kv_namespaces = [{ binding = "DIRECTORY" }]',
        'r2_buckets = [{ binding = "DIRECTORY" }, { binding = "ARCHIVE" }]',
      );
    const found = differences(`${rest}[env.production]${drifted}`).join("\n");
    expect(found).toMatch(/LackingProductionEnv.*: ENCRYPTION_KEYS, LOGINS/);
    expect(found).toMatch(/'ARCHIVE'.*"in ProductionEnv"/);
    expect(found).toMatch(/'DIRECTORY' are incompatible/);
    expect(found).not.toContain("StagingEnv");
  });
});

describe("a deployment of an environment", () => {
  const issuerOf = (issuer: string) => [`vars = { ISSUER_URL = "${issuer}" }`];
  function deploy(env: string, lines: readonly string[]) {
    const text = readFileSync(config, "utf8").replace(
      `[env.${env}]\n`,
      (head) => `${head}${lines.join("\n")}\n`,
    );
    writeFileSync(join(folder, "wrangler.toml"), text);
    return run("wrangler", ["deploy", "--dry-run", "--env", env, "--outdir", join(folder, "out")]);
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
