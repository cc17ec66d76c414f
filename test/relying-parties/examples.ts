/** The examples of docs/verify.md: the fenced blocks that name a file. */
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const bin = (name: string) => join(root, "node_modules/.bin", name);

export function readExamples(): Map<string, string> {
  const page = readFileSync(join(root, "docs/verify.md"), "utf8");
  const blocks = page.matchAll(/^```\w+ (\S+)\n(.*?)^```$/gms);
  return new Map([...blocks].map(([, name = "", code = ""]) => [name, code]));
}

/** Writes them, changed or not, to a folder where they find this project's dependencies. */
export function writeExamples(
  folder: string,
  changed: (name: string, code: string) => string = (_, code) => code,
): void {
  for (const [name, code] of readExamples()) writeFileSync(join(folder, name), changed(name, code));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
}
