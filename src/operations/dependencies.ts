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
import { wakeLedger } from "../ledger/address.ts";
import { log } from "../log.ts";
import { within } from "../time-limit.ts";
import type { Waits } from "../waits.ts";
import { neededMigrations } from "./migrations.ts";

export interface DependencyCheck {
  readonly ok: boolean;
  readonly problem?: "migrations-missing" | "unavailable" | "events-refused";
  /** What is wrong and what to do. */
  readonly message?: string;
  /** Of a database. */
  readonly sizeBytes?: number;
  /** Changes whose events are not in the audit log yet; of DB. */
  readonly changesWaiting?: number;
  /** When the oldest of them was made (ISO 8601); null if none waits. */
  readonly oldestChangeAt?: string | null;
  /** Events, of ledgers and of changes, that the audit log refuses; of AUDIT_DB. */
  readonly eventsRefused?: number;
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

/** The migrations, and then a query that needs the tables. */
async function database(
  name: "DB" | "AUDIT_DB",
  { env, waits }: { env: Env; waits: Waits },
  consequence: string,
  query: () => Promise<DependencyCheck>,
): Promise<DependencyCheck> {
  return answering(name, consequence, async () => {
    const state = stateOf(env[name], neededMigrations[name]);
    const { missing, sizeBytes } = await waits.on("d1", state);
    if (missing.length === 0) return { ...(await query()), sizeBytes };
    return {
      ok: false,
      problem: "migrations-missing",
      message: `Migrations are not applied: ${missing.join(", ")}. Apply them: npx wrangler d1 migrations apply ${name} --remote (and --env, if you deploy with one).`,
      sizeBytes,
    };
  });
}

/** How many changes wait for the audit log, and since when. */
async function checkOutbox(db: D1Database): Promise<DependencyCheck> {
  const row = await db
    .withSession("first-primary")
    .prepare("SELECT count(*) AS changesWaiting, min(event ->> 'at') AS oldestChangeAt FROM audit_outbox")
    .first<{ changesWaiting: number; oldestChangeAt: string | null }>();
  return { ok: true, ...row };
}

/** How many events the audit log refuses, whose constraints they break: a fault of this Worker's. */
async function checkRefusedEvents(auditDb: D1Database): Promise<DependencyCheck> {
  const row = await auditDb
    .withSession("first-primary")
    .prepare("SELECT count(*) AS refused FROM refused_events WHERE id NOT IN (SELECT id FROM audit_events)")
    .first<{ refused: number }>();
  const eventsRefused = row?.refused ?? 0;
  if (eventsRefused === 0) return { ok: true, eventsRefused };
  return {
    ok: false,
    problem: "events-refused",
    message: `It refuses ${eventsRefused} event(s), which stay in their outboxes and are tried again each hour: a fault of this Worker, to be reported. Table refused_events of AUDIT_DB says which and why.`,
    eventsRefused,
  };
}

/** Side by side, each with its own time limit. */
export async function checkDependencies(env: Env, waits: Waits) {
  const from = { env, waits };
  const [DB, AUDIT_DB, DIRECTORY, LEDGER] = await Promise.all([
    database("DB", from, "nobody logs in and nothing can be configured", async () => {
      await loadLoginConfiguration(primarySession(env.DB, waits), nobody, { id: nobody });
      return waits.on("d1", checkOutbox(env.DB));
    }),
    database("AUDIT_DB", from, "logins go on, and their events wait in the ledgers", async () => {
      // A write of no events: it needs the same tables and the same primary as one of some.
      await waits.on("d1", writeEvents(env.AUDIT_DB, []));
      return waits.on("d1", checkRefusedEvents(env.AUDIT_DB));
    }),
    answering("DIRECTORY", "each login asks OCI", async () => {
      await waits.on("kv", env.DIRECTORY.get("ready"));
      return { ok: true };
    }),
    answering("LEDGER", "nobody logs in, renews, revokes or introspects", async () => {
      await waits.on("ledger", wakeLedger(env.LEDGER.getByName("ready")));
      return { ok: true };
    }),
  ]);
  return { DB, AUDIT_DB, DIRECTORY, LEDGER };
}
