/**
 * Whether what the Worker depends on answers, asked the way that a login asks. What is wrong is said in words for an
 * operator; the error of a dependency is only logged.
 *
 * KV is read and not written: a login does not fail when it cannot be written, and a write for each probe would cost
 * more than it tells. The ledger is asked through one object, which proves the namespace and no other object.
 */
import { writeEvents } from "../audit/mover.ts";
import type { Env } from "../env.ts";
import { primarySession } from "../identities/database.ts";
import { loadLoginConfiguration } from "../identities/login-configuration.ts";
import { log } from "../log.ts";
import { within } from "../time-limit.ts";
import type { Waits } from "../waits.ts";
import { neededMigrations } from "./migrations.ts";

export interface DependencyCheck {
  readonly ok: boolean;
  readonly problem?: "migrations-missing" | "unavailable";
  /** What is wrong and what to do. */
  readonly message?: string;
  /** Of a database. */
  readonly sizeBytes?: number;
}

/** Each answers in milliseconds, or in a second when it is cold. */
export const dependencyTimeoutMilliseconds = 3000;

const nobody = "00000000-0000-0000-0000-000000000000";

type Checked = "DB" | "AUDIT_DB" | "DIRECTORY" | "LEDGER";

async function answering(
  name: Checked,
  consequence: string,
  question: () => Promise<DependencyCheck>,
): Promise<DependencyCheck> {
  try {
    return await within(dependencyTimeoutMilliseconds, question());
  } catch (error) {
    log("error", { message: `${name} does not answer`, error: String(error) });
    return {
      ok: false,
      problem: "unavailable",
      message: `It does not answer as it should: ${consequence}. The log has its error; see www.cloudflarestatus.com, and whether the binding in wrangler.toml is right.`,
    };
  }
}

/** What is missing, and how large it is, as the primary says. Rejects if the database cannot be read. */
async function stateOf(database: D1Database, needed: readonly string[]) {
  const session = database.withSession("first-primary");
  // The table of migrations is not there before the first is applied. Any answer tells the size.
  const { results, meta } = await session
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'd1_migrations'")
    .all();
  const applied =
    results.length === 0
      ? []
      : (await session.prepare("SELECT name FROM d1_migrations").all<{ name: string }>()).results;
  const names = new Set(applied.map(({ name }) => name));
  return { missing: needed.filter((each) => !names.has(each)), sizeBytes: meta.size_after };
}

/** The migrations, and then a question that needs the tables. */
async function database(
  name: "DB" | "AUDIT_DB",
  { env, waits }: { env: Env; waits: Waits },
  consequence: string,
  question: () => Promise<unknown>,
): Promise<DependencyCheck> {
  return answering(name, consequence, async () => {
    const state = stateOf(env[name], neededMigrations[name]);
    const { missing, sizeBytes } = await waits.on("d1", state);
    if (missing.length === 0) {
      await question();
      return { ok: true, sizeBytes };
    }
    return {
      ok: false,
      problem: "migrations-missing",
      message: `Migrations are not applied: ${missing.join(", ")}. Apply them: npx wrangler d1 migrations apply ${name} --remote (and --env, if you deploy with one).`,
      sizeBytes,
    };
  });
}

/** Side by side, each with its own time limit. */
export async function checkDependencies(env: Env, waits: Waits) {
  const from = { env, waits };
  const [DB, AUDIT_DB, DIRECTORY, LEDGER] = await Promise.all([
    database("DB", from, "nobody logs in and nothing can be configured", () =>
      loadLoginConfiguration(primarySession(env.DB, waits), nobody, { id: nobody }),
    ),
    database("AUDIT_DB", from, "logins go on, and their events wait in the ledgers", () =>
      // A write of no events: it asks for the same tables and the same primary as one of some.
      waits.on("d1", writeEvents(env.AUDIT_DB, [])),
    ),
    answering("DIRECTORY", "each login asks OCI", async () => {
      await waits.on("kv", env.DIRECTORY.get("ready"));
      return { ok: true };
    }),
    answering("LEDGER", "nobody logs in, renews, revokes or introspects", async () => {
      const nothing = { tokenId: "ready", expiresAt: 0, usesLimit: 0 };
      await waits.on("ledger", env.LEDGER.getByName("ready").use(nothing));
      return { ok: true };
    }),
  ]);
  return { DB, AUDIT_DB, DIRECTORY, LEDGER };
}
