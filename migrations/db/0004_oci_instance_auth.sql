-- Logins of compute instances by their certificates. At most one configuration for an identity, beside its others.

CREATE TABLE oci_instance_auth_configs (
  id TEXT PRIMARY KEY,
  identity_id TEXT NOT NULL UNIQUE REFERENCES identities (id) ON DELETE CASCADE,
  tenancy_ocid TEXT NOT NULL,
  -- The root of the identity's organization. With the reference below, no root uses a tenancy that it may not use.
  root_organization_id TEXT NOT NULL,
  -- Comma-separated; NULL allows every one of the tenancy.
  allowed_compartment_ocids TEXT,
  allowed_instance_ocids TEXT,
  allowed_regions TEXT,
  access_token_ttl INTEGER NOT NULL,
  access_token_max_ttl INTEGER NOT NULL,
  access_token_num_uses_limit INTEGER NOT NULL,
  access_token_period INTEGER NOT NULL,
  -- JSON: [{"ipAddress", "type", "prefix"?}]
  access_token_trusted_ips TEXT NOT NULL,
  access_token_audience TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  CHECK (access_token_ttl <= access_token_max_ttl),
  FOREIGN KEY (tenancy_ocid, root_organization_id)
    REFERENCES oci_tenancy_organizations (tenancy_ocid, organization_id)
);
CREATE INDEX oci_instance_auth_configs_by_tenancy
  ON oci_instance_auth_configs (tenancy_ocid, root_organization_id);
