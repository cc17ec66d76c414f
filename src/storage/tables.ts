/** The tables of migrations/db. A test compares the two. */
import { roles } from "./roles.ts";
import { boolean, integer, json, nullableText, oneOf, Table, text } from "./table.ts";

export interface TrustedIp {
  readonly ipAddress: string;
  readonly type: "ipv4" | "ipv6";
  readonly prefix?: number;
}

export const organizations = new Table("organizations", {
  id: text,
  name: text,
  slug: text,
  parentId: nullableText,
  rootId: text,
  suspended: boolean,
  createdAt: text,
  updatedAt: text,
});

export const identities = new Table("identities", {
  id: text,
  name: text,
  organizationId: text,
  role: oneOf(...roles),
  suspended: boolean,
  tokenGeneration: integer,
  createdAt: text,
  updatedAt: text,
});

export const organizationMembers = new Table("organization_members", {
  organizationId: text,
  identityId: text,
  createdAt: text,
});

export const ociTenancies = new Table("oci_tenancies", {
  tenancyOcid: text,
  region: text,
  userOcid: text,
  fingerprint: text,
  encryptedPrivateKey: text,
  createdAt: text,
  updatedAt: text,
});

export const ociTenancyOrganizations = new Table("oci_tenancy_organizations", {
  tenancyOcid: text,
  organizationId: text,
});

export const ociAuthConfigs = new Table("oci_auth_configs", {
  id: text,
  identityId: text,
  tenancyOcid: text,
  rootOrganizationId: text,
  allowedUsernames: nullableText,
  accessTokenTTL: integer,
  accessTokenMaxTTL: integer,
  accessTokenNumUsesLimit: integer,
  accessTokenPeriod: integer,
  accessTokenTrustedIps: json<TrustedIp[]>(),
  accessTokenAudience: nullableText,
  signatureReuse: oneOf("allow", "reject"),
  createdAt: text,
  updatedAt: text,
});

export const ociInstanceAuthConfigs = new Table("oci_instance_auth_configs", {
  id: text,
  identityId: text,
  tenancyOcid: text,
  rootOrganizationId: text,
  allowedCompartmentOcids: nullableText,
  allowedInstanceOcids: nullableText,
  allowedRegions: nullableText,
  accessTokenTTL: integer,
  accessTokenMaxTTL: integer,
  accessTokenNumUsesLimit: integer,
  accessTokenPeriod: integer,
  accessTokenTrustedIps: json<TrustedIp[]>(),
  accessTokenAudience: nullableText,
  createdAt: text,
  updatedAt: text,
});

export type Organization = ReturnType<typeof organizations.read>;
export type Identity = ReturnType<typeof identities.read>;
export type Membership = ReturnType<typeof organizationMembers.read>;
export type OciAuthConfig = ReturnType<typeof ociAuthConfigs.read>;
export type OciInstanceAuthConfig = ReturnType<typeof ociInstanceAuthConfigs.read>;
export type OciTenancy = ReturnType<typeof ociTenancies.read>;
