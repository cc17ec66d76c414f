/** The last release and this version on one state, one after the other and side by side. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { unstable_readConfig as readConfig } from "wrangler";
import { startEmulator } from "../../dev/emulator.ts";
import { lastReleasePath, type Release, unpacked, writeRelease } from "../../dev/release.ts";
import { testSecrets } from "../secrets.ts";
import { bundle, type Weakening } from "./bundle.ts";
import { type Beginning, begin, type Surroundings, upgrade } from "./upgrade-story.ts";
import { controlOf, issuer } from "./worker.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "oci-auth-upgrade-"));
const lastRelease = unpacked(readFileSync(join(root, lastReleasePath)));
const today = inject("release");

let emulator: Awaited<ReturnType<typeof startEmulator>>;
let around: Surroundings;
let beginning: Beginning;

beforeAll(async () => {
  emulator = await startEmulator(0);
  around = {
    emulator: controlOf(emulator.origin),
    vars: { ISSUER_URL: issuer, OCI_IDENTITY_ORIGIN: emulator.origin },
    secrets: testSecrets(),
  };
  writeRelease(lastRelease, join(scratch, "old"));
  beginning = await begin(join(scratch, "old"), join(scratch, "beginning"), around);
});
afterAll(async () => {
  await emulator.close();
  rmSync(scratch, { recursive: true, force: true });
});

/** What differs when `release` follows the last one. */
function differencesOf(release: Release, patienceSeconds: number): Promise<string[]> {
  const folder = mkdtempSync(join(scratch, "upgrade-"));
  writeRelease(release, join(folder, "new"));
  const state = join(folder, "state");
  return upgrade(beginning, join(folder, "new"), state, around, patienceSeconds * 1000);
}

it("the last release's migrations are as they were released, and before all that came since", () => {
  for (const folder of ["migrations/db/", "migrations/audit_db/"]) {
    const migrationsOf = (release: Release) =>
      Object.entries(release)
        .filter(([path]) => path.startsWith(folder))
        .sort();
    const released = migrationsOf(lastRelease);
    expect(released).not.toEqual([]);
    expect(migrationsOf(today).slice(0, released.length)).toEqual(released);
  }
});

/** The rig applies no declaration of a class: only Cloudflare does. docs/decisions/ledger-class.md says what it allows. */
it("the class of the ledgers is declared as the last release declared it, as a rollback needs", () => {
  const declared = (folder: string) => {
    const { migrations, exports, durable_objects } = readConfig({ config: join(folder, "wrangler.toml") });
    return { migrations, exports, durable_objects };
  };
  const released = declared(join(scratch, "old"));
  expect(released.migrations).toEqual([{ tag: "v1", new_sqlite_classes: ["Ledger"] }]);
  expect(declared(root)).toEqual(released);
});

it("the last release says what it was made from, and nothing of the machine that made it", () => {
  expect(JSON.parse(lastRelease["about.json"] ?? "")).toEqual({
    version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    commit: expect.stringMatching(/^[0-9a-f]{40}$/),
    wrangler: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    esbuild: expect.stringMatching(/^\d+\.\d+\.\d+$/),
  });
  expect(JSON.stringify(lastRelease)).not.toMatch(/\/(home|root|tmp|work|Users|private|runner)\//);
});

interface Defect {
  readonly what: string;
  readonly weakenings: readonly Weakening[];
  readonly seen: RegExp;
}

/** Defects that show in one stage, each by a difference that none of its neighbours makes. */
const defects: Readonly<Record<string, readonly Defect[]>> = {
  "while it is rolled out": [
    {
      what: "ledgers are found otherwise",
      weakenings: [["ledger/address.ts", "slice(0, 2)", "slice(2, 4)"]],
      seen: /^roll-out.*, the new Worker: a token that was revoked is active/,
    },
    {
      what: "a call of the ledger is named otherwise",
      weakenings: [
        ["ledger/ledger.ts", /\brecordRevocation\b/g, "recordEnd"],
        ["ledger/ledgers.ts", ".recordRevocation(revocation)", ".recordEnd(revocation)"],
      ],
      seen: /^roll-out.*, the new Worker: a revocation was answered 503/,
    },
    {
      what: "entries of another shape are read as if they were the own",
      weakenings: [
        [
          "directory/user-entry.ts",
          "json = JSON.parse(text);",
          'const read = JSON.parse(text); json = { ...read, name: read.username ?? "nobody" };',
        ],
        [
          "directory/vouched-cache.ts",
          "JSON.stringify(answer.entry)",
          "JSON.stringify({ ...answer.entry, username: answer.entry.name })",
        ],
      ],
      seen: /^roll-out.*, the new Worker: a login of .* to the once identity was answered 401 .* username not allowed/,
    },
  ],
  "when it runs the ledgers": [
    {
      what: "a ledger looks for its waiting events elsewhere",
      weakenings: [
        ["ledger/schema.ts", /\b(EXISTS|TABLE|ON) outbox\b/g, "$1 outbox_2"],
        ["ledger/delivery.ts", /\b(FROM|INTO|UPDATE) outbox\b/g, "$1 outbox_2"],
      ],
      seen: /^new version: the event of a login .* is not in the log/,
    },
    {
      what: "a ledger looks for what was revoked elsewhere",
      weakenings: [
        ["ledger/schema.ts", /\b(EXISTS|TABLE|ON) tokens\b/g, "$1 tokens_2"],
        ["ledger/ledger.ts", /\b(FROM|INTO|UPDATE) tokens\b/g, "$1 tokens_2"],
      ],
      seen: /^new version, the new Worker: a token that was revoked is active/,
    },
    {
      what: "a ledger looks for what was used elsewhere",
      weakenings: [
        ["ledger/schema.ts", /\b(EXISTS|TABLE|ON) signatures\b/g, "$1 signatures_2"],
        ["ledger/ledger.ts", /\b(FROM|INTO|UPDATE) signatures\b/g, "$1 signatures_2"],
      ],
      seen: /^new version, the new Worker: a signature that was used was answered 200/,
    },
    {
      what: "a mover removes before it writes",
      weakenings: [
        [
          "audit/mover.ts",
          "const refused = await writeAccepted(auditDb, events);",
          "await outbox.remove(events.map(({ id }) => id)); const refused = await writeAccepted(auditDb, events);",
        ],
      ],
      seen: /^new version: the event of a change of a name is not in the log/,
    },
  ],
  "once it is rolled back": [
    {
      what: "a ledger writes events as the last release does not read them",
      weakenings: [
        [
          "ledger/delivery.ts",
          "JSON.stringify(event)",
          "JSON.stringify({ ...event, identity: event.identityId, identityId: undefined })",
        ],
        [
          "ledger/delivery.ts",
          "=> ({ id, event, ",
          "=> ({ id, event: ((read) => JSON.stringify({ identityId: read.identity, ...read }))(JSON.parse(event)), ",
        ],
      ],
      seen: /^rollback: the event of a login .* has identityId null/,
    },
    {
      what: "a ledger notes a revocation as the last release does not read it",
      weakenings: [
        ["ledger/ledger.ts", /\brevoked = 1\b/g, "revoked = 2"],
        ["ledger/ledger.ts", /\brevoked === 1\b/g, "revoked > 0"],
      ],
      seen: /^rollback, the old Worker: a token that was revoked is active/,
    },
  ],
};

describe.concurrent("an upgrade and a rollback", { timeout: 240_000 }, () => {
  it("lose, double and hold up nothing that was answered", async ({ expect }) => {
    expect(await differencesOf(today, 60)).toEqual([]);
  });

  it.for(Object.entries(defects))("are seen to differ %s", async ([, planted], { expect }) => {
    const defective = await bundle(
      "src/index.ts",
      planted.flatMap(({ weakenings }) => weakenings),
    );
    const differences = await differencesOf({ ...today, "index.js": defective }, 15);
    for (const { what, seen } of planted) {
      expect(differences, what).toContainEqual(expect.stringMatching(seen));
    }
  });

  it("are seen to differ by a migration that the last release does not survive", async ({ expect }) => {
    const sql = "ALTER TABLE identities RENAME COLUMN name TO title;\n";
    const differences = await differencesOf({ ...today, "migrations/db/9999_title.sql": sql }, 15);
    expect(differences).toContainEqual(expect.stringMatching(/^roll-out.*, the old Worker: .* answered 503/));
  });
});
