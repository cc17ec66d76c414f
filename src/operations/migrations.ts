/**
 * The migrations that this version needs, by the names that wrangler notes in `d1_migrations`. A test holds them
 * against the folders. More than these may be applied: a version outlives the migrations of the next one.
 */
export const neededMigrations = {
  DB: ["0001_configuration.sql", "0002_audit_outbox.sql", "0003_outbox_retry.sql"],
  AUDIT_DB: ["0001_events.sql", "0002_refused_events.sql"],
} as const;
