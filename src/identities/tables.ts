/** The tables of migrations/db, for queries. A test holds the two against each other. */
import { integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";

export interface TrustedIp {
  readonly ipAddress: string;
  readonly type: "ipv4" | "ipv6";
  readonly prefix?: number;
}

const createdAt = text("created_at").notNull();
const updatedAt = text("updated_at").notNull();

export const organizations = sqliteTable("organizations", {
  id: text("id").primaryKey(),
  name: text("name").notNull(),
  slug: text("slug").notNull(),
  parentId: text("parent_id"),
  rootId: text("root_id").notNull(),
  suspended: integer("suspended", { mode: "boolean" }).notNull().default(false),
  createdAt,
  updatedAt,
});

export const identities = sqliteTable("identities", {
  id: text("id").primaryKey(),
  name: text("name").notNull(),
  organizationId: text("organization_id").notNull(),
  role: text("role", { enum: ["member", "introspector", "admin"] }).notNull(),
  suspended: integer("suspended", { mode: "boolean" }).notNull().default(false),
  tokenGeneration: integer("token_generation").notNull().default(0),
  createdAt,
  updatedAt,
});

export const organizationMembers = sqliteTable(
  "organization_members",
  {
    organizationId: text("organization_id").notNull(),
    identityId: text("identity_id").notNull(),
    createdAt,
  },
  (table) => [primaryKey({ columns: [table.organizationId, table.identityId] })],
);

export const ociTenancies = sqliteTable("oci_tenancies", {
  tenancyOcid: text("tenancy_ocid").primaryKey(),
  region: text("region").notNull(),
  userOcid: text("user_ocid").notNull(),
  fingerprint: text("fingerprint").notNull(),
  encryptedPrivateKey: text("encrypted_private_key").notNull(),
  createdAt,
  updatedAt,
});

export const ociTenancyOrganizations = sqliteTable(
  "oci_tenancy_organizations",
  {
    tenancyOcid: text("tenancy_ocid").notNull(),
    organizationId: text("organization_id").notNull(),
  },
  (table) => [primaryKey({ columns: [table.tenancyOcid, table.organizationId] })],
);

export const ociAuthConfigs = sqliteTable("oci_auth_configs", {
  id: text("id").primaryKey(),
  identityId: text("identity_id").notNull(),
  tenancyOcid: text("tenancy_ocid").notNull(),
  rootOrganizationId: text("root_organization_id").notNull(),
  allowedUsernames: text("allowed_usernames"),
  accessTokenTTL: integer("access_token_ttl").notNull(),
  accessTokenMaxTTL: integer("access_token_max_ttl").notNull(),
  accessTokenNumUsesLimit: integer("access_token_num_uses_limit").notNull(),
  accessTokenPeriod: integer("access_token_period").notNull(),
  accessTokenTrustedIps: text("access_token_trusted_ips", { mode: "json" }).$type<TrustedIp[]>().notNull(),
  accessTokenAudience: text("access_token_audience"),
  signatureReuse: text("signature_reuse", { enum: ["allow", "reject"] }).notNull(),
  createdAt,
  updatedAt,
});

export type Organization = typeof organizations.$inferSelect;
export type Identity = typeof identities.$inferSelect;
export type OciAuthConfig = typeof ociAuthConfigs.$inferSelect;
export type OciTenancy = typeof ociTenancies.$inferSelect;
