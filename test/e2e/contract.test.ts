import { readFileSync } from "node:fs";
import { getTableConfig } from "drizzle-orm/sqlite-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parse } from "yaml";
import {
  identities,
  ociAuthConfigs,
  ociTenancies,
  ociTenancyOrganizations,
  organizationMembers,
  organizations,
} from "../../src/identities/tables.ts";
import { startWorker, type Worker } from "./worker.ts";

let worker: Worker;
// biome-ignore lint/suspicious/noExplicitAny: a document of any shape.
let document: any;
beforeAll(async () => {
  worker = await startWorker();
  document = (await worker.send("/openapi.json")).body;
});
afterAll(() => worker.close());

interface Body {
  content: { "application/json": { schema: { properties: object } } };
}

const path = "/api/v1/auth/oci-auth/login";
const contract = parse(
  readFileSync(new URL("../contract/oci-auth-login.openapi.yaml", import.meta.url), "utf8"),
);

/** Replaces every reference by what it refers to. */
function resolved(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(resolved);
  if (typeof value !== "object" || value === null) return value;
  if ("$ref" in value && typeof value.$ref === "string") {
    return resolved(
      value.$ref
        .slice(2)
        .split("/")
        .reduce((at, key) => at[key], document),
    );
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolved(inner)]));
}

it("the generated document has everything of the login that the contract has, value for value", () => {
  const operation = resolved(document.paths[path].post);
  expect(operation).toMatchObject(contract.paths[path].post);
});

it("the contract's bodies have no field more than the contract's", () => {
  const fields = ({ content }: Body) => Object.keys(content["application/json"].schema.properties);
  for (const [status, response] of Object.entries<Body>(contract.paths[path].post.responses)) {
    const ours = resolved(document.paths[path].post.responses[status]) as Body;
    expect([status, fields(ours)]).toEqual([status, fields(response)]);
  }
});

it("the tables that queries know are the tables that the migrations make", async () => {
  const { DB } = await worker.env();
  for (const table of [
    organizations,
    identities,
    organizationMembers,
    ociTenancies,
    ociTenancyOrganizations,
    ociAuthConfigs,
  ]) {
    const { name, columns } = getTableConfig(table);
    const { results } = await DB.prepare(
      "SELECT name, lower(type) AS type, [notnull] OR pk > 0 AS required FROM pragma_table_info(?)",
    )
      .bind(name)
      .all();
    const known = columns.map((column) => ({
      name: column.name,
      type: column.getSQLType(),
      required: Number(column.notNull || column.primary),
    }));
    expect([name, known]).toEqual([name, results]);
  }
});

it("documents every route, each with its errors and who may call it", () => {
  const routes = Object.entries<object>(document.paths).flatMap(([route, operations]) =>
    Object.entries<{ operationId?: string; responses: object; security?: unknown }>(operations as never).map(
      ([method, operation]) => ({ route, method, operation }),
    ),
  );
  const ids = routes.map(({ operation }) => operation.operationId);
  expect(ids).not.toContain(undefined);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { route, method, operation } of routes) {
    const open = /^\/(health$|\.well-known\/|api\/v1\/auth\/(token\/|oci-auth\/login$))/.test(route);
    expect([route, method, operation.security]).toEqual([route, method, open ? undefined : [{ bearer: [] }]]);
  }
  expect(document.components.securitySchemes.bearer).toMatchObject({ type: "http", scheme: "bearer" });
});
