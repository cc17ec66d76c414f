/** Builds Workers: the product as `wrangler deploy` would upload it, and the bench's own with esbuild. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build as esbuild } from "esbuild";
import { experimental_readRawConfig } from "wrangler";
import { atEnd } from "./leftovers.ts";

export const root = fileURLToPath(new URL("..", import.meta.url));

const { rawConfig } = experimental_readRawConfig({ config: join(root, "wrangler.toml") });

/** The product's compatibility settings. */
export const compatibility = {
  date: String(rawConfig.compatibility_date),
  flags: (rawConfig.compatibility_flags ?? []) as string[],
};

/** The names of its rate limits. */
export const rateLimits = ((rawConfig.ratelimits ?? []) as { name: string }[]).map(({ name }) => name);

function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "oci-auth-bench-"));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * One of the bench's own Workers, some constants of the product in it overridden, or minified as the product is; the
 * path of its bundle.
 */
export async function buildWorker(
  name: string,
  constants: Readonly<Record<string, number>> = {},
  { minify = false }: { readonly minify?: boolean } = {},
): Promise<string> {
  const outfile = join(scratchFolder(), `${name}.mjs`);
  await esbuild({
    entryPoints: [join(root, "bench/workers", `${name}.ts`)],
    outfile,
    bundle: true,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
    logLevel: "warning",
    minify,
  });
  for (const [constant, value] of Object.entries(constants)) {
    const text = readFileSync(outfile, "utf8");
    const declared = new RegExp(`(?<=\\b${constant} = )\\d+(?=;)`);
    if (!declared.test(text)) throw new Error(`${name}'s bundle has no number named ${constant} to override`);
    writeFileSync(outfile, text.replace(declared, String(value)));
  }
  return outfile;
}

export interface Product {
  /** Path of its bundle. */
  readonly bundle: string;
  readonly gzipBytes: number;
}

function build(): Product {
  const folder = scratchFolder();
  const output = join(folder, "wrangler.ndjson");
  execFileSync(
    join(root, "node_modules/.bin/wrangler"),
    ["deploy", "--dry-run", "--env=", "--outdir", folder],
    {
      cwd: root,
      env: { ...process.env, WRANGLER_OUTPUT_FILE_PATH: output, CI: "1" },
      stdio: ["ignore", "ignore", "inherit"],
    },
  );
  const { bundle_size: size } = readFileSync(output, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .find((entry) => entry.type === "deploy");
  return { bundle: join(folder, "index.js"), gzipBytes: size.gzip_bytes };
}

let product: Product | undefined;

/** The product, as `wrangler deploy` would upload it. It is built once in a run. */
export function buildProduct(): Product {
  product ??= build();
  return product;
}
