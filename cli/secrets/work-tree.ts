/** Whether git could commit a file that is about to be written. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Checked, failed, passed } from "../terminal/checked.ts";

/**
 * Passes outside of a work tree, and for files that git ignores there. Fails if git cannot say, since it is not
 * installed or refuses, and a folder above has a `.git`. `folder` is a real path, without links.
 */
export function checkNotCommitted(folder: string, name: string): Checked<void> {
  const path = join(folder, name);
  const elsewhere = "name a folder outside of it with --folder, or ignore the file in .gitignore";
  const { status, stderr, error } = spawnSync("git", ["check-ignore", "--quiet", "--", name], {
    cwd: folder,
    encoding: "utf8",
  });
  if (status === 0) return passed(undefined, "ignored");
  if (status === 1) return failed(`${path} is in a git work tree that does not ignore it`, elsewhere);
  const above = repositoryAbove(folder);
  if (above === undefined) return passed(undefined, "not in a git work tree");
  const why = error === undefined ? stderr.trim() : "git cannot be run";
  return failed(`${path} is below ${above}, and whether git ignores it is not known (${why})`, elsewhere);
}

/** Where git would look for a repository: its variable, or a `.git` in the folder or one above. */
function repositoryAbove(folder: string): string | undefined {
  if (process.env.GIT_DIR) return process.env.GIT_DIR;
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, ".git"))) return join(at, ".git");
    if (at === dirname(at)) return undefined;
  }
}
