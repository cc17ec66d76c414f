-- What is configured. Times are ISO 8601 in UTC with milliseconds, so that they sort as text.

CREATE TABLE organizations (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  slug TEXT NOT NULL,
  -- NULL for a root organization. There are two levels.
  parent_id TEXT REFERENCES organizations (id),
  -- Its own id for a root organization.
  root_id TEXT NOT NULL,
  suspended INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
CREATE UNIQUE INDEX organizations_by_slug ON organizations (root_id, slug);
CREATE INDEX organizations_by_creation ON organizations (created_at, id);
CREATE INDEX organizations_by_parent ON organizations (parent_id);

CREATE TABLE identities (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
  role TEXT NOT NULL CHECK (role IN ('member', 'introspector', 'admin')),
  suspended INTEGER NOT NULL DEFAULT 0,
  -- Tokens of another generation are dead.
  token_generation INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
CREATE INDEX identities_by_organization ON identities (organization_id, created_at, id);
CREATE INDEX identities_by_creation ON identities (created_at, id);

-- Membership in a sub-organization of the identity's own root.
CREATE TABLE organization_members (
  organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
  identity_id TEXT NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
  created_at TEXT NOT NULL,
  PRIMARY KEY (organization_id, identity_id)
) WITHOUT ROWID;
CREATE INDEX organization_members_by_identity ON organization_members (identity_id);

CREATE TABLE oci_tenancies (
  tenancy_ocid TEXT PRIMARY KEY,
  region TEXT NOT NULL,
  -- The OCI credential that the Worker reads users with.
  user_ocid TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  -- v1.{key id}.{nonce}.{ciphertext}
  encrypted_private_key TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
CREATE INDEX oci_tenancies_by_creation ON oci_tenancies (created_at, tenancy_ocid);

-- The root organizations that may use a tenancy.
CREATE TABLE oci_tenancy_organizations (
  tenancy_ocid TEXT NOT NULL REFERENCES oci_tenancies (tenancy_ocid) ON DELETE CASCADE,
  organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
  PRIMARY KEY (tenancy_ocid, organization_id)
) WITHOUT ROWID;
CREATE INDEX oci_tenancy_organizations_by_organization ON oci_tenancy_organizations (organization_id);

-- At most one for an identity.
CREATE TABLE oci_auth_configs (
  id TEXT PRIMARY KEY,
  identity_id TEXT NOT NULL UNIQUE REFERENCES identities (id) ON DELETE CASCADE,
  tenancy_ocid TEXT NOT NULL,
  -- The root of the identity's organization. With the reference below, no root uses a tenancy that it may not use.
  root_organization_id TEXT NOT NULL,
  -- Comma-separated; NULL allows every user of the tenancy.
  allowed_usernames TEXT,
  access_token_ttl INTEGER NOT NULL,
  access_token_max_ttl INTEGER NOT NULL,
  access_token_num_uses_limit INTEGER NOT NULL,
  access_token_period INTEGER NOT NULL,
  -- JSON: [{"ipAddress", "type", "prefix"?}]
  access_token_trusted_ips TEXT NOT NULL,
  access_token_audience TEXT,
  signature_reuse TEXT NOT NULL CHECK (signature_reuse IN ('allow', 'reject')),
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  CHECK (access_token_ttl <= access_token_max_ttl),
  FOREIGN KEY (tenancy_ocid, root_organization_id)
    REFERENCES oci_tenancy_organizations (tenancy_ocid, organization_id)
);
CREATE INDEX oci_auth_configs_by_tenancy ON oci_auth_configs (tenancy_ocid, root_organization_id);
