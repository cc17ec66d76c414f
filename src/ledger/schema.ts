/**
 * The tables of a ledger. Each object makes them when it starts. An object keeps its state across releases, and an
 * older release may run on it again after a newer one, so a version only adds.
 */

/** Each version's step from the tables of the version before. Version 1 is that of 0.1.0, which stored no version. */
const versions = [
  `CREATE TABLE IF NOT EXISTS signatures (
     digest TEXT PRIMARY KEY,
     presentations INTEGER NOT NULL,
     first_at TEXT NOT NULL,
     first_ip TEXT,
     over_at INTEGER NOT NULL
   ) WITHOUT ROWID;
   CREATE INDEX IF NOT EXISTS signatures_by_end ON signatures (over_at);
   CREATE TABLE IF NOT EXISTS tokens (
     id TEXT PRIMARY KEY,
     uses INTEGER NOT NULL DEFAULT 0,
     revoked INTEGER NOT NULL DEFAULT 0,
     -- Milliseconds; a minute after the latest exp that was issued under this id, as far as it was told here.
     over_at INTEGER NOT NULL
   ) WITHOUT ROWID;
   CREATE INDEX IF NOT EXISTS tokens_by_end ON tokens (over_at);
   CREATE TABLE IF NOT EXISTS outbox (
     sequence INTEGER PRIMARY KEY AUTOINCREMENT,
     id TEXT NOT NULL UNIQUE,
     event TEXT NOT NULL
   );`,
  `-- Where a signature was shown first; NULL where an older release was told.
   ALTER TABLE signatures ADD COLUMN first_organization_id TEXT;
   -- Until when an event that the audit log refuses is set aside, in milliseconds. NULL for all others.
   ALTER TABLE outbox ADD COLUMN retry_at INTEGER;
   CREATE INDEX outbox_by_retry ON outbox (retry_at) WHERE retry_at IS NOT NULL;
   -- One row while the last delivery failed, none otherwise.
   CREATE TABLE failed_delivery (
     only INTEGER PRIMARY KEY CHECK (only = 1),
     failures INTEGER NOT NULL,
     -- Milliseconds.
     next_try INTEGER NOT NULL
   );`,
] as const;

/** Brings the tables to this release's version. Throws with nothing changed if one step fails. */
export function migrate(storage: DurableObjectStorage): void {
  const { sql } = storage;
  sql.exec("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)");
  const [row] = sql.exec<{ version: number }>("SELECT version FROM schema_version").toArray();
  const version = row?.version ?? 0;
  if (version >= versions.length) return;
  storage.transactionSync(() => {
    for (const statements of versions.slice(version)) sql.exec(statements);
    sql.exec("DELETE FROM schema_version");
    sql.exec("INSERT INTO schema_version VALUES (?)", versions.length);
  });
}
