/** A copy of the Worker's source with defences taken out, for a test to find. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A text is to be there exactly once; what an expression finds is replaced everywhere. */
export type Weakening = readonly [file: string, from: string | RegExp, to: string];

/** An entry point for `startWorker`. Throws if what is to be replaced is not there. */
export function weakenedSource(weakenings: readonly Weakening[]): { main: string; remove(): void } {
  // Within the project, so that its dependencies are found.
  mkdirSync(join(root, ".wrangler"), { recursive: true });
  const folder = mkdtempSync(join(root, ".wrangler", "weakened-"));
  for (const name of ["src", "package.json"])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  for (const [file, from, to] of weakenings) {
    const path = join(folder, "src", file);
    const source = readFileSync(path, "utf8");
    const found = source.split(from).length - 1;
    if (found === 0 || (typeof from === "string" && found > 1)) {
      throw new Error(`${file} has '${from}' ${found} times`);
    }
    writeFileSync(path, source.replaceAll(from, to));
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
