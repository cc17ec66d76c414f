/**
 * `npm run prepare-release -- <version>`: makes the change for a release (docs/releasing.md), and commits nothing.
 * It runs in the project's folder, as npm does.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

/** Why nothing was changed. */
class NotPrepared extends Error {}

const unreleased = "## [Unreleased]\n";

function numbersOf(version: string): [number, number, number] | undefined {
  const [, major, minor, patch] = /^(\d+)\.(\d+)\.(\d+)$/.exec(version) ?? [];
  return patch === undefined ? undefined : [Number(major), Number(minor), Number(patch)];
}

/** Whether `version` may come right after `last`: one number is higher by one, and those after it are zero. */
function follows(version: string, last: string): boolean {
  const [major, minor, patch] = numbersOf(last) ?? [0, 0, 0];
  return [`${major + 1}.0.0`, `${major}.${minor + 1}.0`, `${major}.${minor}.${patch + 1}`].includes(version);
}

/** The changelog with the unreleased entries as a release. */
function released(changelog: string, version: string, date: string): string {
  const [before = "", after] = changelog.split(unreleased);
  if (after === undefined) throw new NotPrepared(`CHANGELOG.md has no line '${unreleased.trim()}'`);
  const [changes = ""] = after.split(/^## /m);
  if (!/^- /m.test(changes))
    throw new NotPrepared("CHANGELOG.md says nothing of what changed: nobody needs it");
  return `${before}${unreleased}\n## [${version}] - ${date}\n${after}`;
}

function prepare(version: string): void {
  const git = (...args: string[]) => execFileSync("git", args, { encoding: "utf8" }).trim();
  const read = (path: string) => JSON.parse(readFileSync(path, "utf8"));
  const packageJson = read("package.json");
  if (!follows(version, packageJson.version)) {
    throw new NotPrepared(`'${version}' does not follow ${packageJson.version}: raise one number by one`);
  }
  if (git("status", "--porcelain") !== "") throw new NotPrepared("there is something that is not committed");
  if (git("tag", "--list", `v${version}`) !== "")
    throw new NotPrepared(`the tag v${version} is there already`);

  const lock = read("package-lock.json");
  lock.version = version;
  lock.packages[""].version = version;
  const date = new Date().toISOString().slice(0, 10);
  const changelog = released(readFileSync("CHANGELOG.md", "utf8"), version, date);

  writeFileSync("package.json", `${JSON.stringify({ ...packageJson, version }, null, 2)}\n`);
  writeFileSync("package-lock.json", `${JSON.stringify(lock, null, 2)}\n`);
  writeFileSync("CHANGELOG.md", changelog);
}

try {
  prepare(process.argv[2] ?? "");
  process.stdout.write("Read the change with git diff, and continue with docs/releasing.md.\n");
} catch (error) {
  if (!(error instanceof NotPrepared)) throw error;
  process.stderr.write(`Nothing was changed: ${error.message}.\n`);
  process.exitCode = 1;
}
