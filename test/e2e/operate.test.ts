/** What docs/operate.md promises and what can be held against the code. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { credentialProblems, dependencyProblems } from "../../src/operations/problems.ts";
import { type Reason, Refusal } from "../../src/refusal.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string) => readFileSync(join(root, path), "utf8");
const page = read("docs/operate.md");

it("explains each reason of a refusal once, with its status, and no other", () => {
  const reasons = [...read("src/refusal.ts").matchAll(/^ {2}"?([a-z-]+)"?: \[/gm)].map(([, name]) => name);
  expect(reasons.length).toBeGreaterThan(30);
  const rows = [...page.matchAll(/^\| `([a-z-]+)` \| (\d{3}) \|/gm)].map(([, name, status]) => [
    name,
    status,
  ]);
  const actual = reasons.map((name) => [name, String(new Refusal(name as Reason).status)]);
  expect(rows.sort()).toEqual(actual.sort());
});

it("explains each problem that GET /ready names", () => {
  const problems = [...dependencyProblems, ...credentialProblems];
  for (const problem of problems) expect(page).toContain(`\`${problem}\``);
});

it("explains each line of the log that is not a request's", () => {
  const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" });
  const sources = files.filter((file) => file.endsWith(".ts")).map((file) => read(join("src", file)));
  const messages = sources.flatMap((source) =>
    [...source.matchAll(/log\("\w+", \{ message: "([^"]+)"/g)].map(([, message = ""]) => message),
  );
  expect(messages.length).toBeGreaterThan(7);
  for (const message of messages) expect(page).toContain(`\`${message}\``);
});

/** What a migration does that an older version, still running, would not survive. */
function breaking(sql: string): string[] {
  const statements = sql
    .replaceAll(/--.*$/gm, "")
    .split(";")
    .map((text) => text.trim().replaceAll(/\s+/g, " "));
  return statements.filter((statement) => {
    if (/^(CREATE TABLE|CREATE INDEX)\b/i.test(statement) || statement === "") return false;
    const added = /^ALTER TABLE \w+ ADD COLUMN \w+ (.*)$/i.exec(statement)?.[1];
    return added === undefined || (/\bNOT NULL\b/i.test(added) && !/\bDEFAULT\b/i.test(added));
  });
}

it("an older version survives every migration: each only adds", () => {
  for (const folder of ["migrations/db", "migrations/audit_db"]) {
    for (const file of readdirSync(join(root, folder)).slice(1)) {
      expect([file, breaking(read(join(folder, file)))]).toEqual([file, []]);
    }
  }
});

it.each([
  "DROP TABLE identities;",
  "ALTER TABLE identities DROP COLUMN role;",
  "ALTER TABLE identities RENAME COLUMN role TO kind;",
  "ALTER TABLE identities ADD COLUMN owner TEXT NOT NULL;",
  "CREATE UNIQUE INDEX identities_by_name ON identities (name);",
  "UPDATE identities SET role = 'owner';",
  "CREATE TRIGGER x AFTER INSERT ON identities BEGIN SELECT 1; END;",
])("and would not survive %s", (sql) => {
  expect(breaking(sql)).not.toEqual([]);
});

it.each([
  "ALTER TABLE identities ADD COLUMN owner TEXT;",
  "ALTER TABLE identities ADD COLUMN n INTEGER NOT NULL DEFAULT 0;",
])("but does survive %s", (sql) => {
  expect(breaking(sql)).toEqual([]);
});
