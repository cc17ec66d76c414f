/**
 * Checks whether the Worker's dependencies answer, with the calls that a login makes. The messages are for an operator;
 * the error of a dependency is only logged.
 *
 * KV is read and not written: a login does not fail if KV cannot be written, and a write for each check would cost more
 * than it tells. One ledger is called, which proves the namespace and no other object.
 */
import { writeEvents } from "../audit/mover.ts";
import type { Env } from "../env.ts";
import { loadUserConfiguration } from "../identities/login-configuration.ts";
import { wakeLedger } from "../ledger/ledgers.ts";
import { log } from "../log.ts";
import { primarySession, type Session } from "../storage/session.ts";
import { sql } from "../storage/sql.ts";
import { withTimeout } from "../timeout.ts";
import type { Timings } from "../timings.ts";
import { neededMigrations } from "./migrations.ts";
import type { DependencyProblem } from "./problems.ts";

export interface DependencyCheck {
  readonly ok: boolean;
  readonly problem?: DependencyProblem;
  /** What is wrong and what to do. */
  readonly message?: string;
  /** Size of a database. */
  readonly sizeBytes?: number;
  /** DB only: changes whose events are not in the audit log yet. */
  readonly changesWaiting?: number;
  /** When the oldest of them was made (ISO 8601); null if none waits. */
  readonly oldestChangeAt?: string | null;
  /** AUDIT_DB only: events, of ledgers and of changes, that the audit log refuses. */
  readonly eventsRefused?: number;
}

/** Each answers in milliseconds, or in a second when it is cold. */
export const dependencyTimeoutMilliseconds = 3000;

const nobody = "00000000-0000-0000-0000-000000000000";

type Checked = "DB" | "AUDIT_DB" | "DIRECTORY" | "LEDGER";

async function answering(
  name: Checked,
  consequence: string,
  check: () => Promise<DependencyCheck>,
): Promise<DependencyCheck> {
  try {
    return await withTimeout(dependencyTimeoutMilliseconds, check());
  } catch (error) {
    log("error", { message: `${name} does not answer`, error: String(error) });
    return {
      ok: false,
      problem: "unavailable",
      message: `It does not answer as it should: ${consequence}. The log has its error; see www.cloudflarestatus.com, and whether the binding in wrangler.toml is right.`,
    };
  }
}

/** The missing migrations and the size of a database, from the primary. Rejects if the database cannot be read. */
async function stateOf(database: Session, needed: readonly string[]) {
  // The table of migrations does not exist before the first is applied. Any answer has the size.
  const { rows, meta } = await database.run(
    sql`SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'd1_migrations'`,
  );
  const applied =
    rows.length === 0 ? [] : await database.all(sql<{ name: string }>`SELECT name FROM d1_migrations`);
  const names = new Set(applied.map(({ name }) => name));
  return { missing: needed.filter((each) => !names.has(each)), sizeBytes: meta.size_after };
}

/** Checks the migrations, then runs a query that needs the tables. */
async function database(
  name: "DB" | "AUDIT_DB",
  session: Session,
  consequence: string,
  query: (session: Session) => Promise<DependencyCheck>,
): Promise<DependencyCheck> {
  return answering(name, consequence, async () => {
    const { missing, sizeBytes } = await stateOf(session, neededMigrations[name]);
    if (missing.length === 0) return { ...(await query(session)), sizeBytes };
    return {
      ok: false,
      problem: "migrations-missing",
      message: `Migrations are not applied: ${missing.join(", ")}. Apply them: npx wrangler d1 migrations apply ${name} --remote (and --env, if you deploy with one).`,
      sizeBytes,
    };
  });
}

/** How many changes wait for the audit log, and since when. */
async function checkOutbox(database: Session): Promise<DependencyCheck> {
  const row = await database.first(
    sql<{ changesWaiting: number; oldestChangeAt: string | null }>`
      SELECT count(*) AS changesWaiting, min(event ->> 'at') AS oldestChangeAt FROM audit_outbox`,
  );
  return { ok: true, ...row };
}

/** How many events the audit log refuses because they break its constraints: a fault of this Worker. */
async function checkRefusedEvents(auditDb: Session): Promise<DependencyCheck> {
  const row = await auditDb.first(
    sql<{ refused: number }>`
      SELECT count(*) AS refused FROM refused_events WHERE id NOT IN (SELECT id FROM audit_events)`,
  );
  const eventsRefused = row?.refused ?? 0;
  if (eventsRefused === 0) return { ok: true, eventsRefused };
  return {
    ok: false,
    problem: "events-refused",
    message: `It refuses ${eventsRefused} event(s), which stay in their outboxes and are tried again each hour: a fault of this Worker, to be reported. Table refused_events of AUDIT_DB says which and why.`,
    eventsRefused,
  };
}

/** In parallel, each with its own timeout. */
export async function checkDependencies(env: Env, timings: Timings) {
  const [db, auditDb] = [primarySession(env.DB, timings), primarySession(env.AUDIT_DB, timings)];
  const [DB, AUDIT_DB, DIRECTORY, LEDGER] = await Promise.all([
    database("DB", db, "nobody logs in and nothing can be configured", async (session) => {
      await loadUserConfiguration(session, nobody, { id: nobody });
      return checkOutbox(session);
    }),
    database("AUDIT_DB", auditDb, "logins go on, and their events wait in the ledgers", async (session) => {
      // A write of no events needs the same tables and the same primary as any other write.
      await writeEvents(session, []);
      return checkRefusedEvents(session);
    }),
    answering("DIRECTORY", "each login asks OCI", async () => {
      await timings.measure("kv", env.DIRECTORY.get("ready"));
      return { ok: true };
    }),
    answering("LEDGER", "nobody logs in, renews, revokes or introspects", async () => {
      await timings.measure("ledger", wakeLedger(env.LEDGER.getByName("ready")));
      return { ok: true };
    }),
  ]);
  return { DB, AUDIT_DB, DIRECTORY, LEDGER };
}
