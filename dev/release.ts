/**
 * A release as one compressed file: its wrangler.toml, its bundle as `wrangler deploy` would upload it, its migrations,
 * and its origin. The same checkout makes the same release.
 */
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { brotliCompressSync, brotliDecompressSync } from "node:zlib";

/** Texts by their path. */
export type Release = Readonly<Record<string, string>>;

/** The origin of a release, in its `about.json`. */
export interface Origin {
  readonly version: string;
  readonly commit: string;
  readonly wrangler: string;
  readonly esbuild: string;
}

const read = (...path: string[]) => readFileSync(join(...path), "utf8");
const versionOf = (checkout: string, path: string): string =>
  JSON.parse(read(checkout, path, "package.json")).version;

/** Builds a checkout with its own wrangler, which `npm ci` installed there. */
export async function buildRelease(checkout: string): Promise<Release> {
  const folder = mkdtempSync(join(tmpdir(), "oci-auth-release-"));
  try {
    // This process's own Node: the machine's may be too old for wrangler.
    const wrangler = join(checkout, "node_modules/wrangler/bin/wrangler.js");
    const command = [
      "deploy",
      "--dry-run",
      "--env=",
      "--config",
      join(checkout, "wrangler.toml"),
      "--outdir",
      folder,
    ];
    const env = { ...process.env, CI: "1" };
    await promisify(execFile)(process.execPath, [wrangler, ...command], { cwd: checkout, env });
    const modules = readdirSync(folder).filter((name) => !/\.map$|^README\.md$/.test(name));
    const [bundle, ...others] = modules;
    if (bundle === undefined || others.length > 0) {
      throw new Error(`the bundle is not one module but: ${modules.join(", ")}`);
    }
    return {
      "wrangler.toml": read(checkout, "wrangler.toml"),
      "index.js": read(folder, bundle),
      ...migrationsOf(checkout),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function migrationsOf(checkout: string): Release {
  const paths = readdirSync(join(checkout, "migrations"), { recursive: true, encoding: "utf8" });
  const files = paths.filter((path) => path.endsWith(".sql")).sort();
  return Object.fromEntries(files.map((path) => [`migrations/${path}`, read(checkout, "migrations", path)]));
}

/** Path of the last release, in the checkout of the next one. */
export const lastReleasePath = "test/e2e/last-release.json.br";

/** Throws if the checkout has other uncommitted changes: nobody could make its release again. */
export function originOf(checkout: string): Origin {
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", checkout, ...args], { encoding: "utf8" }).trim();
  const changed = git("status", "--porcelain", "--", ".", `:!${lastReleasePath}`);
  if (changed !== "") throw new Error(`commit these first, or take them away:\n${changed}`);
  return {
    version: versionOf(checkout, ""),
    commit: git("rev-parse", "HEAD"),
    wrangler: versionOf(checkout, "node_modules/wrangler"),
    esbuild: versionOf(checkout, "node_modules/esbuild"),
  };
}

export function packed(release: Release): Buffer {
  return brotliCompressSync(JSON.stringify(release));
}

export function unpacked(file: Buffer): Release {
  return JSON.parse(brotliDecompressSync(file).toString());
}

/** Writes the files of a release into a folder, which must not exist. */
export function writeRelease(release: Release, folder: string): void {
  mkdirSync(folder);
  for (const [path, text] of Object.entries(release)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}
