/** What docs/architecture.md says of the folders is what the code's imports are, type imports included. */
import { describe, expect, it } from "vitest";
import { boxOf, draw, drawn, importsOfBoxes, ordered } from "../../dev/architecture.ts";
import { type Imports, importsIn, sourceImports } from "../../dev/source-imports.ts";

/** What is left when everything that imports nothing that is left is taken away, again and again. */
function cyclesIn(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const left = new Map(graph);
  const free = () => [...left].filter(([, imported]) => !imported.some((name) => left.has(name)));
  for (let next = free(); next.length > 0; next = free()) {
    for (const [name] of next) left.delete(name);
  }
  return [...left.keys()];
}

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

describe.each(["src", "cli", "bench", "dev"])("in %s/", (top) => {
  const files = sourceImports(top);

  it("no file imports itself, however far round", () => {
    expect(files.size).toBeGreaterThan(5);
    expect(cyclesIn(files)).toEqual([]);
  });

  it("no folder imports itself, however far round", () => {
    const boxes = importsOfBoxes(files, top);
    expect(cyclesIn(boxes)).toEqual([]);
    expect(ordered(boxes)).toHaveLength(boxes.size);
  });
});

describe("src/", () => {
  const files = sourceImports("src");
  const boxes = importsOfBoxes(files, "src");
  /** Who imports a box, by path of the file. */
  const importersOf = (box: string) =>
    [...files]
      .filter(
        ([path, imported]) => boxOf(path, "src") !== box && imported.some((to) => boxOf(to, "src") === box),
      )
      .map(([path]) => path);

  it("is what the diagram shows", () => {
    expect(drawn()).toBe(draw(files));
  });

  it("imports nothing from outside but the version in package.json", () => {
    const outside = [...files].flatMap(([path, imported]) =>
      imported.filter((to) => !to.startsWith("src/")).map((to) => `${path} > ${to}`),
    );
    expect(outside).toEqual(["src/version.ts > package.json"]);
  });

  it("oci/ imports nothing of ours", () => {
    expect(boxes.get("oci/")).toEqual([]);
  });

  it("what decides touches no binding: it does not know env.ts, nor what stands above it", () => {
    for (const box of ["login/", "tokens/", "directory/", "identities/", "organizations/", "tenancies/"]) {
      expect([box, boxes.get(box)?.filter((to) => /^(env\.ts|http\/|api\/|app\.ts)$/.test(to))]).toEqual([
        box,
        [],
      ]);
    }
  });

  it("only index.ts imports app.ts, and only app.ts imports api/", () => {
    expect(importersOf("index.ts")).toEqual([]);
    expect(importersOf("app.ts")).toEqual(["src/index.ts"]);
    expect(importersOf("api/")).toEqual(["src/app.ts"]);
  });

  it("files that stand in no folder are what the page names", () => {
    expect([...boxes.keys()].filter((box) => !box.endsWith("/"))).toEqual([
      "app.ts",
      "env.ts",
      "index.ts",
      "lazy.ts",
      "log.ts",
      "refusal.ts",
      "timeout.ts",
      "timings.ts",
      "version.ts",
    ]);
  });
});

describe("cli/", () => {
  const files = sourceImports("cli");

  it("is not known to src/", () => {
    expect(importersFrom("src", "cli/")).toEqual([]);
  });

  it("takes from src/ the protocol, the schemas of settings and the key sets, and nothing else", () => {
    const taken = [...files.values()].flat().filter((path) => !path.startsWith("cli/"));
    expect([...new Set(taken)].filter((path) => !path.startsWith("src/oci/")).sort()).toEqual([
      "package.json",
      "src/api/fields.ts",
      "src/api/oci-auth-settings.ts",
      "src/keys/credential-encryption.ts",
      "src/keys/signing-keys.ts",
    ]);
  });

  function importersFrom(top: string, wanted: string): string[] {
    const imports: Imports = sourceImports(top);
    return [...imports].filter(([, to]) => to.some((path) => path.startsWith(wanted))).map(([path]) => path);
  }
});
