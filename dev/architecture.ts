/** `npm run architecture`: draws the Worker's folders in docs/architecture.md, from the imports in `src/`. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Imports, sourceImports } from "./source-imports.ts";

const page = fileURLToPath(new URL("../docs/architecture.md", import.meta.url));

/** The folder of a file, the first below `top`. A file directly in `top` is a box of its own. */
export function boxOf(path: string, top: string): string {
  const [name = "", ...below] = path.slice(top.length + 1).split("/");
  return below.length === 0 ? name : `${name}/`;
}

/** By box of a program, the boxes that it imports. */
export function importsOfBoxes(imports: Imports, top: string): Map<string, string[]> {
  const boxes = new Map<string, Set<string>>();
  for (const [path, imported] of imports) {
    const box = boxOf(path, top);
    const others = boxes.get(box) ?? new Set();
    for (const other of imported) if (other.startsWith(`${top}/`)) others.add(boxOf(other, top));
    others.delete(box);
    boxes.set(box, others);
  }
  return new Map([...boxes].sort().map(([box, others]) => [box, [...others].sort()]));
}

/** The boxes from the top down: each before all that it imports. Empty if there is a circle. */
export function ordered(boxes: ReadonlyMap<string, readonly string[]>): string[] {
  const left = new Map(boxes);
  const order: string[] = [];
  while (left.size > 0) {
    const imported = new Set([...left.values()].flat());
    const free = [...left.keys()].filter((box) => !imported.has(box));
    if (free.length === 0) return [];
    for (const box of free) left.delete(box);
    order.push(...free);
  }
  return order;
}

/**
 * A Mermaid flowchart of the folders, and of the files that import one. An import that a longer path covers has no
 * line: a box may use every box that its lines reach, directly or through others.
 */
export function draw(imports: Imports): string {
  const all = importsOfBoxes(imports, "src");
  const isFolder = (box: string) => box.endsWith("/");
  const isDrawn = (box: string) => isFolder(box) || (all.get(box) ?? []).some(isFolder) || box === "index.ts";
  const boxes = new Map(
    [...all].filter(([box]) => isDrawn(box)).map(([box, others]) => [box, others.filter(isDrawn)]),
  );
  const reached = (box: string): Set<string> =>
    new Set((boxes.get(box) ?? []).flatMap((other) => [other, ...reached(other)]));
  const id = (box: string) => box.replace(/\W/g, "");
  const order = ordered(boxes);
  const nodes = order.map((box) => `  ${id(box)}["${box}"]`);
  const lines = order.flatMap((box) => {
    const others = boxes.get(box) ?? [];
    return others
      .filter((other) => !others.some((between) => reached(between).has(other)))
      .map((other) => `  ${id(box)} --> ${id(other)}`);
  });
  return ["```mermaid", "flowchart TD", ...nodes, ...lines, "```", ""].join("\n");
}

const between = /(?<=<!-- npm run architecture -->\n).*(?=<!-- end -->)/s;

export function drawn(): string | undefined {
  return between.exec(readFileSync(page, "utf8"))?.[0];
}

if (import.meta.main) {
  const diagram = draw(sourceImports("src"));
  writeFileSync(
    page,
    readFileSync(page, "utf8").replace(between, () => diagram),
  );
}
