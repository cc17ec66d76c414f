/**
 * `npm run architecture`: draws the Worker's modules in docs/architecture.md. The imports are esbuild's, of what is
 * bundled: an import of types alone leaves no trace there, and none here.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = `${root}/docs/architecture.md`;

/** By module, under src/, the modules that it imports. */
export type Imports = ReadonlyMap<string, readonly string[]>;

export async function readImports(): Promise<Imports> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ["src/index.ts"],
    bundle: true,
    format: "esm",
    packages: "external",
    external: ["cloudflare:*"],
    metafile: true,
    write: false,
  });
  const name = (path: string) => path.replace(/^src\//, "");
  return new Map(
    Object.entries(metafile.inputs).map(([path, { imports }]) => [
      name(path),
      imports.filter(({ external }) => !external).map((imported) => name(imported.path)),
    ]),
  );
}

/**
 * Where a module stands: the routes and what they share with each other stand together, whatever their folder; any
 * other module stands in its folder.
 */
export function boxOf(module: string): string {
  if (/(-routes?|^login\/route|^http\/authenticate)\.ts$/.test(module)) return "routes";
  const [folder = "", file] = module.split("/");
  return file === undefined ? folder : `${folder}/`;
}

/** By box, the boxes that it imports, in the order of their names. */
export function importsOfBoxes(imports: Imports): Map<string, string[]> {
  const boxes = new Map<string, Set<string>>();
  for (const [module, imported] of imports) {
    const box = boxes.get(boxOf(module)) ?? new Set();
    for (const other of imported) if (boxOf(other) !== boxOf(module)) box.add(boxOf(other));
    boxes.set(boxOf(module), box);
  }
  return new Map([...boxes].sort().map(([box, others]) => [box, [...others].sort()]));
}

/** The modules that import nothing of ours and stand in no folder: everyone's, so drawing them would hide the rest. */
export function leaves(imports: Imports): string[] {
  return [...imports]
    .filter(([name, imported]) => !name.includes("/") && imported.length === 0)
    .map(([name]) => name)
    .sort();
}

/** A Mermaid flowchart of the boxes. What everyone throws, `http/`, is reached by dotted lines. */
export function draw(imports: Imports): string {
  const boxes = importsOfBoxes(imports);
  for (const leaf of leaves(imports)) boxes.delete(leaf);
  const id = (box: string) => box.replace(/\W/g, "");
  const nodes = [...boxes.keys()].map((box) => `  ${id(box)}["${box}"]`);
  const lines = [...boxes].flatMap(([box, others]) =>
    others
      .filter((other) => boxes.has(other))
      .map((other) => `  ${id(box)} ${other === "http/" ? "-.->" : "-->"} ${id(other)}`),
  );
  return ["```mermaid", "flowchart TD", ...nodes, ...lines, "```", ""].join("\n");
}

const between = /(?<=<!-- npm run architecture -->\n).*(?=<!-- end -->)/s;

export function drawn(): string | undefined {
  return between.exec(readFileSync(page, "utf8"))?.[0];
}

if (import.meta.main) {
  const diagram = draw(await readImports());
  writeFileSync(
    page,
    readFileSync(page, "utf8").replace(between, () => diagram),
  );
}
