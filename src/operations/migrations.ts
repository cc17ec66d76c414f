/**
 * The migrations that this version needs, by the names that wrangler stores in `d1_migrations`. A test compares them
 * with the folders. More may be applied: this version may still run after the next one's migrations.
 */
export const neededMigrations = {
  DB: [
    "0001_configuration.sql",
    "0002_audit_outbox.sql",
    "0003_outbox_retry.sql",
    "0004_oci_instance_auth.sql",
  ],
  AUDIT_DB: ["0001_events.sql", "0002_refused_events.sql"],
} as const;
