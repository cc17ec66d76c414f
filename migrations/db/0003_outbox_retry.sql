-- Until when an event that the audit log refuses is set aside, in milliseconds since the epoch. NULL for all others.

ALTER TABLE audit_outbox ADD COLUMN retry_at INTEGER;
