/** wrangler.toml: bindings are not inherited, so what each environment repeats is held to the top level. */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { unstable_readConfig as readConfig } from "wrangler";

const config = fileURLToPath(new URL("../../wrangler.toml", import.meta.url));
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
  /^(name|topLevelName|targetEnvironment|database_name|namespace_id|routes?|vars|configPath|userConfigPath|definedEnvironments)$/;
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
