/** Which of our files the files of a folder import, type imports included: as written, and not as bundled. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** `import … from`, `export … from` and `import "…"`, as Biome formats them, and `import("…")` of a value or a type. */
const imports = /^(?:import|export)\b(?:[^;"=]*\bfrom)? "(\.[^"]+)"|\bimport\("(\.[^"]+)"\)/gm;

/** By path of a file, the paths of our files that it imports. */
export type Imports = ReadonlyMap<string, readonly string[]>;

/** By path of a `.ts` file under `folder`, the paths that it imports. All are from the project's folder. */
export function sourceImports(folder: string): Imports {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  return new Map(
    files
      .filter((name) => name.endsWith(".ts"))
      .map((name) => join(folder, name))
      .map((path) => [path, importsIn(path, readFileSync(join(root, path), "utf8"))]),
  );
}

/** The paths that `text` imports, as the content of the file at `path`. */
export function importsIn(path: string, text: string): string[] {
  const folder = join(root, path, "..");
  const found = [...text.matchAll(imports)].map(([, stated, called]) => stated ?? called ?? "");
  return [...new Set(found.map((written) => relative(root, join(folder, written))))];
}
