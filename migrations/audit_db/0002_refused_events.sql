-- Events that audit_events refused, and that wait in their outboxes until it accepts them. No constraint on what is
-- said of them: it is written because another constraint did not hold.

CREATE TABLE refused_events (
  id TEXT PRIMARY KEY,
  -- ISO 8601 in UTC with milliseconds: when it was refused first.
  refused_at TEXT,
  problem TEXT
) WITHOUT ROWID;
