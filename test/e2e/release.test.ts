/** What a release is (docs/releasing.md), and the program that prepares one. */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lastReleasePath, unpacked } from "../../dev/release.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const files = ["package.json", "package-lock.json", "CHANGELOG.md"];

/** The versions that a changelog has a section of, the newest first. */
const versionsIn = (changelog: string) =>
  [...changelog.matchAll(/^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$/gm)].map(([, version]) => version);

it("the version is the same in package.json, in the lock file and in the newest section of the changelog", () => {
  const read = (path: string) => readFileSync(join(root, path), "utf8");
  const { version } = JSON.parse(read("package.json"));
  const lock = JSON.parse(read("package-lock.json"));
  const [newest] = versionsIn(read("CHANGELOG.md"));
  expect([lock.version, lock.packages[""].version, newest]).toEqual([version, version, version]);
});

it("the release that upgrades are tried from is the newest of the changelog, or the one before while it is prepared", () => {
  const about = JSON.parse(unpacked(readFileSync(join(root, lastReleasePath)))["about.json"] ?? "");
  expect(versionsIn(readFileSync(join(root, "CHANGELOG.md"), "utf8")).slice(0, 2)).toContain(about.version);
});

describe("npm run prepare-release", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "oci-auth-prepare-"));
    for (const name of files) cpSync(join(root, name), join(folder, name));
    git("init", "--quiet");
    git("config", "user.name", "nobody");
    git("config", "user.email", "nobody@example.com");
    change("package.json", /"version": "[^"]+"/, '"version": "3.7.9"');
    change("CHANGELOG.md", "## [Unreleased]\n", "## [Unreleased]\n\n- Something new.\n\n");
    commit();
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const git = (...args: string[]) => execFileSync("git", args, { cwd: folder, encoding: "utf8" }).trim();
  const read = (name: string) => readFileSync(join(folder, name), "utf8");
  const change = (name: string, from: string | RegExp, to: string) =>
    writeFileSync(join(folder, name), read(name).replace(from, to));
  function commit() {
    git("add", ".");
    git("commit", "--quiet", "--message", "Something");
  }
  function prepare(version: string) {
    const { status, stderr } = spawnSync(process.execPath, [join(root, "dev/prepare-release.ts"), version], {
      cwd: folder,
      encoding: "utf8",
    });
    return { status, stderr };
  }

  it.each(["3.7.10", "3.8.0", "4.0.0"])(
    "%s after 3.7.9: it is written in four places, and nothing else changes",
    (version) => {
      const changelog = read("CHANGELOG.md");
      const today = () => new Date().toISOString().slice(0, 10);
      const before = today();
      expect(prepare(version)).toEqual({ status: 0, stderr: "" });
      const lock = JSON.parse(read("package-lock.json"));
      expect([JSON.parse(read("package.json")).version, lock.version, lock.packages[""].version]).toEqual([
        version,
        version,
        version,
      ]);
      const dated = (date: string) =>
        changelog.replace("## [Unreleased]\n", `## [Unreleased]\n\n## [${version}] - ${date}\n`);
      expect([dated(before), dated(today())]).toContain(read("CHANGELOG.md"));
      expect(
        git("diff", "--numstat")
          .split("\n")
          .map((line) => line.split("\t")),
      ).toEqual([
        ["2", "0", "CHANGELOG.md"],
        ["2", "2", "package-lock.json"],
        ["1", "1", "package.json"],
      ]);
    },
  );

  it.each<[what: string, version: string, prepared: () => unknown, message: RegExp]>([
    ["no version", "", () => {}, /'' does not follow 3\.7\.9/],
    ["a version that is none", "v3.8.0", () => {}, /'v3\.8\.0' does not follow 3\.7\.9/],
    ["the version that it is", "3.7.9", () => {}, /does not follow/],
    ["an older version", "3.6.0", () => {}, /does not follow/],
    ["a version that skips one", "3.9.0", () => {}, /does not follow/],
    ["a version that keeps what is below", "3.8.9", () => {}, /does not follow/],
    ["a version that is tagged", "3.8.0", () => git("tag", "v3.8.0"), /tag v3\.8\.0 is there already/],
    [
      "what is not committed",
      "3.8.0",
      () => change("package.json", "Oracle", "oracle"),
      /something that is not committed/,
    ],
    [
      "a changelog that says nothing",
      "3.8.0",
      () => {
        change("CHANGELOG.md", /## \[Unreleased\]\n[\s\S]*?(?=^## \[0)/m, "## [Unreleased]\n\n");
        commit();
      },
      /says nothing of what changed/,
    ],
    [
      "a changelog without the line",
      "3.8.0",
      () => {
        change("CHANGELOG.md", "## [Unreleased]\n", "");
        commit();
      },
      /no line '## \[Unreleased\]'/,
    ],
  ])("refuses %s, and changes nothing", (_, version, prepared, message) => {
    prepared();
    const before = files.map(read);
    const { status, stderr } = prepare(version);
    expect([status, stderr]).toEqual([1, expect.stringMatching(message)]);
    expect(files.map(read)).toEqual(before);
  });
});
