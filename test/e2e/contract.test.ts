import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parse } from "yaml";
import { auditEvents } from "../../src/audit/event.ts";
import { columnName } from "../../src/storage/table.ts";
import * as tables from "../../src/storage/tables.ts";
import { operationsOf, resolved } from "./openapi-document.ts";
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

it("the generated document has everything of the login that the contract has, value for value", () => {
  const operation = resolved(document.paths[path].post, document);
  expect(operation).toMatchObject(contract.paths[path].post);
});

it("the contract's bodies have no field more than the contract's", () => {
  const fields = ({ content }: Body) => Object.keys(content["application/json"].schema.properties);
  for (const [status, response] of Object.entries<Body>(contract.paths[path].post.responses)) {
    const ours = resolved(document.paths[path].post.responses[status], document) as Body;
    expect([status, fields(ours)]).toEqual([status, fields(response)]);
  }
});

it("the tables that queries know are the tables that the migrations make", async () => {
  const { DB, AUDIT_DB } = await worker.env();
  const known = [
    ...Object.values(tables).map((table) => [DB, table] as const),
    [AUDIT_DB, auditEvents] as const,
  ];
  expect(known).toHaveLength(8);
  for (const [database, { name, fields }] of known) {
    const { results } = await database
      .prepare("SELECT name, lower(type) AS type, [notnull] OR pk > 0 AS required FROM pragma_table_info(?)")
      .bind(name)
      .all();
    const columns = Object.entries(fields).map(([field, { type, nullable }]) => ({
      name: columnName(field),
      type,
      required: Number(!nullable),
    }));
    expect([name, columns]).toEqual([name, results]);
  }
});

it("a slash at the end of a path changes nothing, whichever route it is", async () => {
  const bare = async (path: string, init?: RequestInit) => {
    const { status, headers, body } = await worker.send(path, init);
    const [allow, cors, caching] = ["allow", "access-control-allow-origin", "cache-control"].map((name) =>
      headers.get(name),
    );
    return { status, allow, cors, caching, body: { ...body, reqId: undefined } };
  };
  const paths = [...Object.keys(document.paths), "/openapi.json", "/nowhere"];
  for (const template of paths) {
    const path = template.replace(/\{\w+\}/g, "x");
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      const headers = {
        authorization: `Bearer ${worker.secrets.ADMIN_TOKEN}`,
        origin: "https://page.example.com",
      };
      const init = { method, headers };
      expect([path, method, await bare(`${path}/`, init)]).toEqual([path, method, await bare(path, init)]);
    }
  }
  // What the log calls a route is its pattern.
  worker.clearLogs();
  await worker.send("/api/v1/identities/x/?y=/");
  await expect
    .poll(() => worker.logs().map(({ message }) => JSON.parse(message).route))
    .toEqual(["/api/v1/identities/:identityId"]);
});

it("documents every route, and who may call it", () => {
  const operations = operationsOf(document);
  const ids = operations.map(({ operationId }) => operationId);
  expect(ids).not.toContain(undefined);
  expect(new Set(ids).size).toBe(ids.length);
  const [operator, identity] = [{ adminToken: [] }, { accessToken: [] }];
  for (const { path, method, security } of operations) {
    const open = /^\/(health$|\.well-known\/|api\/v1\/auth\/(token\/|oci-(instance-)?auth\/login$))/.test(
      path,
    );
    const callers =
      path === "/ready" || path.startsWith("/api/v1/oci/tenancies") ? [operator] : [operator, identity];
    expect([path, method, security]).toEqual([path, method, open ? undefined : callers]);
  }
  for (const scheme of ["adminToken", "accessToken"]) {
    expect(document.components.securitySchemes[scheme]).toMatchObject({ type: "http", scheme: "bearer" });
  }
});
