-- The audit log. Each event comes at least once and stays once, by its id.

CREATE TABLE audit_events (
  id TEXT PRIMARY KEY,
  -- ISO 8601 in UTC with milliseconds, so that it sorts as text.
  at TEXT NOT NULL,
  type TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('success', 'failure')),
  reason TEXT,
  -- Of organization_id; what an admin of the root reaches.
  root_organization_id TEXT,
  organization_id TEXT,
  identity_id TEXT,
  actor TEXT NOT NULL,
  ip TEXT,
  user_agent TEXT,
  req_id TEXT NOT NULL,
  -- JSON
  details TEXT NOT NULL
) WITHOUT ROWID;

-- One for each way of listing, newest first, so that a page costs the same however many events there are.
CREATE INDEX audit_events_by_time ON audit_events (at, id);
CREATE INDEX audit_events_by_root ON audit_events (root_organization_id, at, id);
CREATE INDEX audit_events_by_organization ON audit_events (organization_id, at, id);
CREATE INDEX audit_events_by_identity ON audit_events (identity_id, at, id);
CREATE INDEX audit_events_by_identity_and_organization ON audit_events (identity_id, organization_id, at, id);
