/** Bundles of the Worker that are not the product: with another entry point, or with defences taken out. */
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** What to replace in a file of src/. A text must be there exactly once; what an expression finds is replaced everywhere. */
export type Weakening = readonly [file: string, from: string | RegExp, to: string];

/** Throws if what is to be replaced is not there. */
export async function bundle(entryPoint: string, weakenings: readonly Weakening[] = []): Promise<string> {
  const left = new Set(weakenings);
  const { outputFiles } = await build({
    entryPoints: [join(root, entryPoint)],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
    logLevel: "warning",
    plugins: [
      {
        name: "weakened",
        setup({ onLoad }) {
          onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
            let contents = readFileSync(path, "utf8");
            for (const weakening of weakenings) {
              const [file, from, to] = weakening;
              if (relative(join(root, "src"), path) !== file) continue;
              const found = contents.split(from).length - 1;
              if (found === 0 || (typeof from === "string" && found > 1)) {
                throw new Error(`${file} has '${from}' ${found} times`);
              }
              contents = contents.replaceAll(from, to);
              left.delete(weakening);
            }
            return { contents, loader: "ts" };
          });
        },
      },
    ],
  });
  for (const [file] of left) throw new Error(`${file} is not in the bundle`);
  return outputFiles[0]?.text ?? "";
}
