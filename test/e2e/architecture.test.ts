/** What docs/architecture.md says of the modules is what the code's imports are. */
import { beforeAll, describe, expect, it } from "vitest";
import {
  boxOf,
  draw,
  drawn,
  type Imports,
  importsOfBoxes,
  leaves,
  readImports,
} from "../../dev/architecture.ts";
import { importsIn, sourceImports } from "../../dev/source-imports.ts";

let imports: Imports;
beforeAll(async () => {
  imports = await readImports();
});

/** What is left when everything that imports nothing that is left is taken away, again and again. */
function cyclesIn(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const left = new Map(graph);
  const free = () => [...left].filter(([, imported]) => !imported.some((name) => left.has(name)));
  for (let next = free(); next.length > 0; next = free()) {
    for (const [name] of next) left.delete(name);
  }
  return [...left.keys()];
}

/** Against the direction of all others, each to modules that lead nowhere near it; the page says why. */
const exceptions = ["env.ts > identities/", "env.ts > tokens/", "tokens/ > login/"];

it("the diagram is of the modules as they are", () => {
  expect(drawn()).toBe(draw(imports));
});

it("no module imports itself, however far round", () => {
  expect(imports.size).toBeGreaterThan(50);
  expect(cyclesIn(imports)).toEqual([]);
});

it("imports between folders run one way, but for the exceptions", () => {
  const boxes = importsOfBoxes(imports);
  const edges = [...boxes].flatMap(([box, others]) => others.map((other) => `${box} > ${other}`));
  const without = (left: readonly string[]) =>
    new Map(
      [...boxes].map(([box, others]) => [box, others.filter((to) => !left.includes(`${box} > ${to}`))]),
    );
  expect(edges).toEqual(expect.arrayContaining(exceptions));
  expect(cyclesIn(without(exceptions))).toEqual([]);
  for (const exception of exceptions) {
    const others = exceptions.filter((other) => other !== exception);
    expect([exception, cyclesIn(without(others))]).not.toEqual([exception, []]);
  }
});

it("oci/ imports nothing of ours, and env.ts only what imports nothing of ours", () => {
  const importsOf = (modules: Iterable<string>) => [...modules].flatMap((name) => imports.get(name) ?? []);
  const oci = [...imports.keys()].filter((name) => name.startsWith("oci/"));
  expect(oci.length).toBeGreaterThan(5);
  expect(importsOf(oci).filter((name) => !name.startsWith("oci/"))).toEqual([]);
  const ofEnv = importsOf(["env.ts"]);
  expect(ofEnv).toEqual(["identities/credential-encryption.ts", "tokens/signing-keys.ts"]);
  expect(importsOf(ofEnv)).toEqual([]);
  expect(leaves(imports)).toEqual(["log.ts", "time-limit.ts", "waits.ts"]);
});

it("only index.ts imports app.ts, and only app.ts imports routes", () => {
  const importers = (box: string) => [
    ...new Set(
      [...imports]
        .filter(([, imported]) => imported.some((to) => boxOf(to) === box))
        .map(([name]) => boxOf(name)),
    ),
  ];
  expect(importers("index.ts")).toEqual([]);
  expect(importers("app.ts")).toEqual(["index.ts"]);
  expect(importers("routes").filter((box) => box !== "routes")).toEqual(["app.ts"]);
});

describe("cli/", () => {
  const files = sourceImports("cli");

  it("imports are read however they are written", () => {
    const text = `import one, { type Two } from "../two.ts";
import type { Three } from "../../three.ts";
import {
  four,
} from "./four.ts";
export * from "./five.ts";
export type { Six } from "./six.ts";
import "./seven.ts";
import { external } from "node:fs";
const eight = await import("./eight.ts");
type Nine = import("./nine.ts").Nine;
export const ten = "./ten.ts";
`;
    expect(importsIn("cli/login/one.ts", text)).toEqual([
      "cli/two.ts",
      "three.ts",
      ...["four", "five", "six", "seven", "eight", "nine"].map((name) => `cli/login/${name}.ts`),
    ]);
  });

  it("no file imports itself, however far round, type imports included; nor does a folder", () => {
    expect(files.size).toBeGreaterThan(50);
    expect(cyclesIn(files)).toEqual([]);
    const folders = new Map<string, string[]>();
    for (const [path, imported] of files) {
      const others = imported.map(folderOf).filter((other) => other !== folderOf(path));
      folders.set(folderOf(path), [...(folders.get(folderOf(path)) ?? []), ...others]);
    }
    expect(cyclesIn(folders)).toEqual([]);
  });

  it("nothing of src/ knows of it", () => {
    const src = sourceImports("src");
    expect(src.size).toBeGreaterThan(50);
    expect([...src].filter(([, imported]) => imported.some((path) => path.startsWith("cli/")))).toEqual([]);
  });

  it("takes from src/ the protocol, the schemas of settings and the key sets, and nothing else", () => {
    const taken = [...files.values()].flat().filter((path) => !path.startsWith("cli/"));
    expect([...new Set(taken)].filter((path) => !path.startsWith("src/oci/")).sort()).toEqual([
      "package.json",
      "src/identities/credential-encryption.ts",
      "src/identities/fields.ts",
      "src/identities/oci-auth-settings.ts",
      "src/tokens/signing-keys.ts",
    ]);
  });

  /** A file that stands in no folder of cli/ stands for itself. */
  function folderOf(path: string): string {
    return path.split("/").slice(0, 2).join("/");
  }
});
