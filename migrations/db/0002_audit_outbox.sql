-- Events of changes through the admin API: each commits with its change, and moves to AUDIT_DB from here.

CREATE TABLE audit_outbox (
  id TEXT PRIMARY KEY,
  -- JSON
  event TEXT NOT NULL
);
