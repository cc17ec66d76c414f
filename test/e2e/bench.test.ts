/** That the bench runs, every part of it once and small. What it measures so says nothing, and is not looked at. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import type { Figure } from "../../bench/figures.ts";

const bench = fileURLToPath(new URL("../../bench/bench.ts", import.meta.url));

// Elsewhere there is no account of CPU.
it.runIf(process.platform === "linux")(
  "measures every part, and tells it as a table and as JSON",
  { timeout: 240_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "oci-auth-bench-test-"));
    try {
      const json = join(folder, "figures.json");
      const { stdout } = await promisify(execFile)(process.execPath, [bench, "--smoke", "--json", json]);
      const told: { figures: Record<string, Figure[]> } = JSON.parse(readFileSync(json, "utf8"));
      expect(Object.keys(told.figures)).toEqual([
        "login",
        "waits",
        "peers",
        "identities",
        "ledger",
        "audit",
        "storage",
        "size",
      ]);
      for (const { what, median, least, greatest } of Object.values(told.figures).flat()) {
        expect(stdout).toContain(what);
        expect(Number.isFinite(median) && least <= median && median <= greatest, what).toBe(true);
        expect(median, what).toBeGreaterThan(0);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
