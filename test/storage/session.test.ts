import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { primarySession } from "../../src/storage/session.ts";
import { identifier, type Sql, sql, type Value } from "../../src/storage/sql.ts";
import { isConstraintError, StorageError } from "../../src/storage/storage-error.ts";
import {
  identities,
  type OciAuthConfig,
  type Organization,
  ociAuthConfigs,
  organizations,
} from "../../src/storage/tables.ts";
import { Timings } from "../../src/timings.ts";
import { migrateDatabases } from "../databases.ts";

const database = primarySession(env.DB);
const time = "2026-11-24T03:04:57.000Z";
const acme: Organization = {
  ...{ id: "acme", name: "Acme", slug: "acme", parentId: null, rootId: "acme", suspended: false },
  ...{ createdAt: time, updatedAt: time },
};
const all = () => database.all(organizations.select(sql`ORDER BY id`));

beforeAll(migrateDatabases);
beforeEach(async () => {
  await env.DB.exec("DELETE FROM organizations");
  await database.run(organizations.insert(acme));
});

describe("a value", () => {
  it.each([
    "x' OR '1' = '1",
    "?",
    "?1",
    '"',
    "\\",
    "--",
    "; DROP TABLE organizations",
    "$1",
    ":id",
    "\u0000",
    "",
  ])("%j is bound wherever it is, and comes back as it was", async (value) => {
    const { rows } = await database.run(sql`SELECT ${value} AS one, ${sql`(SELECT ${value})`} AS two`);
    expect(rows).toEqual([{ one: value, two: value }]);
    await database.run(organizations.update({ name: value }, sql`WHERE id = 'acme'`));
    expect(await database.all(organizations.select(sql`WHERE name = ${value}`))).toEqual([
      { ...acme, name: value },
    ]);
  });

  it("that looks like our SQL objects, as it may come from a body, is not one", async () => {
    const { text, values, read } = sql`'acme'`;
    const looksLikeSql = { text, values, read } as unknown as Value;
    expect(sql`SELECT ${looksLikeSql}`.text).toBe("SELECT ?");
    await expect(database.run(sql`SELECT ${looksLikeSql}`)).rejects.toThrow(StorageError);
  });

  it.each(["id = 'x'", "id, name", 'id"', "id--", "", "ID;"])("%j is not a name", (name) => {
    expect(() => identifier(name)).toThrow(TypeError);
  });
});

describe("a row", () => {
  it("is read as it was written: booleans, numbers, null, and JSON", async () => {
    const config: OciAuthConfig = {
      ...{ id: "config", identityId: "ci", tenancyOcid: "tenancy", rootOrganizationId: "acme" },
      ...{ allowedUsernames: null, accessTokenTTL: 1, accessTokenMaxTTL: 2, accessTokenNumUsesLimit: 3 },
      ...{ accessTokenPeriod: 0, accessTokenTrustedIps: [{ ipAddress: "::", type: "ipv6", prefix: 0 }] },
      ...{ accessTokenAudience: "api", signatureReuse: "reject", createdAt: time, updatedAt: time },
    };
    const ci = { id: "ci", name: "ci", organizationId: "acme", role: "admin", tokenGeneration: 0 } as const;
    await database.batch([
      sql`PRAGMA defer_foreign_keys = on`,
      sql`DELETE FROM oci_tenancies`,
      sql`INSERT INTO oci_tenancies VALUES ('tenancy', 'r', 'u', 'f', 'k', ${time}, ${time})`,
      sql`INSERT INTO oci_tenancy_organizations VALUES ('tenancy', 'acme')`,
      identities.insert({ ...ci, suspended: true, createdAt: time, updatedAt: time }),
      ociAuthConfigs.insert(config),
    ]);
    expect(await database.all(ociAuthConfigs.select(sql`WHERE id = 'config'`))).toEqual([config]);
    const joined = sql`SELECT ${organizations.columns}, ${identities.columns} FROM organizations, identities`;
    const read = joined.as((row) => [organizations.read(row), identities.read(row)] as const);
    expect(await database.first(read)).toEqual([
      acme,
      { ...ci, suspended: true, createdAt: time, updatedAt: time },
    ]);
    await database.run(ociAuthConfigs.delete(sql`WHERE id = 'config'`));
    expect(await database.first(ociAuthConfigs.select(sql``))).toBeUndefined();
  });

  it("changes only in the named fields, and is returned with the changes", async () => {
    const changed = { ...acme, suspended: true, slug: "acme-2" };
    const update = organizations.update(
      { suspended: true, name: undefined, slug: sql`slug || '-2'` },
      sql`WHERE id = 'acme'`,
    );
    expect(await database.all(update)).toEqual([changed]);
    expect(await all()).toEqual([changed]);
  });

  it.each<[string, unknown]>([
    ["name = 'x' --", "x"],
    ["token_generation", sql`1`],
    ["constructor", "x"],
    ["__proto__", "x"],
  ])("is not changed in %j, which its table does not have", (field, value) => {
    expect(() => organizations.update(Object.fromEntries([[field, value]]), sql``)).toThrow(
      `organizations has no field '${field}'`,
    );
  });
});

describe("a batch", () => {
  const rename = organizations.update({ name: "new" }, sql`WHERE id = 'acme'`);

  it.each<[string, Sql]>([
    ["a constraint does not hold", organizations.insert(acme)],
    ["a statement is malformed", sql`WHERE TRUE`],
    ["a value cannot be bound", sql`SELECT ${undefined as unknown as Value}`],
  ])("changes nothing if %s", async (_, wrong) => {
    for (const statements of [
      [rename, wrong],
      [wrong, rename],
    ]) {
      await expect(database.batch(statements)).rejects.toThrow(StorageError);
      expect(await all()).toEqual([acme]);
    }
  });

  it("returns the rows of each statement, in their order", async () => {
    const count = sql<{ count: number }>`SELECT count(*) AS count FROM organizations`;
    const none = organizations.delete(sql`WHERE id = 'none'`);
    expect(await database.batch([count, rename, none])).toEqual([
      [{ count: 1 }],
      [{ ...acme, name: "new" }],
      [],
    ]);
  });
});

describe("an error of D1", () => {
  const secret = "secret-of-a-caller";
  const caught = (statement: Sql) => database.run(statement).catch((error: unknown) => error);

  it.each<[string, Sql]>([
    ["a constraint", sql`INSERT INTO organizations (id) VALUES (${secret})`],
    ["a unique index", organizations.insert({ ...acme, id: secret, name: secret })],
    ["a foreign key", organizations.insert({ ...acme, id: "a", slug: "a", parentId: secret })],
    ["the syntax", sql`SELECT ${secret} FROM`],
    ["a missing table", sql`SELECT ${secret} FROM nothing`],
    ["JSON", sql`SELECT * FROM json_each(${secret})`],
    ["a value that cannot be bound", sql`SELECT ${{ toString: () => secret } as unknown as Value}`],
    ["the number of values", sql`SELECT ?1, ?2`.bind(secret)],
  ])("over %s is a StorageError whose message has no parameter", async (_, statement) => {
    const error = await caught(statement);
    expect(error).toBeInstanceOf(StorageError);
    expect(String(error)).toMatch(/^StorageError: D1_/);
    expect(String(error)).not.toContain(secret);
  });

  it("says which constraint failed", async () => {
    const unique = await caught(organizations.insert({ ...acme, id: "other" }));
    const reference = await caught(organizations.insert({ ...acme, id: "a", slug: "a", parentId: "none" }));
    const constraints = ["UNIQUE", "FOREIGN KEY", "CHECK"] as const;
    const broken = (error: unknown) => constraints.filter((each) => isConstraintError(error, each));
    expect([unique, reference, new Error("UNIQUE constraint failed")].map(broken)).toEqual([
      ["UNIQUE"],
      ["FOREIGN KEY"],
      [],
    ]);
  });
});

it("each call is timed, whether it fails or not", async () => {
  for (const statement of [sql`SELECT 1`, sql`SELECT`]) {
    const timings = new Timings();
    await primarySession(env.DB, timings)
      .all(statement)
      .catch(() => {});
    expect(timings.milliseconds).toEqual({ d1: expect.any(Number) });
  }
});
