/** A copy of the Worker's source with defences taken out, for a probe to find. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

export type Weakening = readonly [file: string, from: string, to: string];

/** An entry point for `startWorker`. Throws if a text that is to be replaced is not there exactly once. */
export function weakenedSource(weakenings: readonly Weakening[]): { main: string; remove(): void } {
  // Within the project, so that its dependencies are found.
  mkdirSync(join(root, ".wrangler"), { recursive: true });
  const folder = mkdtempSync(join(root, ".wrangler", "weakened-"));
  cpSync(join(root, "src"), join(folder, "src"), { recursive: true });
  for (const [file, from, to] of weakenings) {
    const path = join(folder, "src", file);
    const parts = readFileSync(path, "utf8").split(from);
    if (parts.length !== 2) throw new Error(`${file} has '${from}' ${parts.length - 1} times, not once`);
    writeFileSync(path, parts.join(to));
  }
  const main = join(folder, `${basename(folder)}.ts`);
  writeFileSync(main, 'export { default, Ledger } from "./src/index.ts";\n');
  return {
    main: relative(root, main),
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
      // The configuration that startWorker made for it.
      rmSync(`${folder}.toml`, { force: true });
    },
  };
}
