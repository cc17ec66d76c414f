import type { Session } from "../storage/session.ts";
import { identifier, type Sql, sql } from "../storage/sql.ts";
import type { Selection } from "../storage/table.ts";
import {
  type Identity,
  identities,
  type OciAuthConfig,
  type OciTenancy,
  type Organization,
  ociAuthConfigs,
  ociInstanceAuthConfigs,
  ociTenancies,
  organizations,
} from "../storage/tables.ts";
import type { InstanceSettings } from "./instance-permission.ts";
import type { UserSettings } from "./user-permission.ts";

export type LoginOrganization = Pick<Organization, "id" | "slug" | "parentId" | "rootId" | "suspended">;

/** The settings of the tokens, which each method's configuration has. */
export type TokenSettings = Pick<
  OciAuthConfig,
  | "accessTokenTTL"
  | "accessTokenMaxTTL"
  | "accessTokenNumUsesLimit"
  | "accessTokenPeriod"
  | "accessTokenTrustedIps"
  | "accessTokenAudience"
>;

/** All configuration that a login reads, in one query of D1. `Own` is what only its method has. */
export interface LoginConfiguration<Own = UserSettings> {
  readonly identity: Omit<Identity, "createdAt" | "updatedAt">;
  readonly config: TokenSettings & Own;
  /** The organization in which the identity was created. */
  readonly home: LoginOrganization;
  /** Whether the identity, its organization, or their root is suspended. */
  readonly suspended: boolean;
  readonly tenancy: Omit<OciTenancy, "createdAt" | "updatedAt">;
  /** The organization that the login names, under the identity's root; null if there is none. */
  readonly named: { readonly organization: LoginOrganization; readonly isMember: boolean } | null;
}

const identity = identities.as("identity", [
  "id",
  "name",
  "organizationId",
  "role",
  "suspended",
  "tokenGeneration",
]);
const tenancy = ociTenancies.as("tenancy", [
  "tenancyOcid",
  "region",
  "userOcid",
  "fingerprint",
  "encryptedPrivateKey",
]);
const organizationFields = ["id", "slug", "parentId", "rootId", "suspended"] as const;
const home = organizations.as("home", organizationFields);
const root = organizations.as("root", ["suspended"]);
const named = organizations.as("named", organizationFields);

const tokenFields = [
  "accessTokenTTL",
  "accessTokenMaxTTL",
  "accessTokenNumUsesLimit",
  "accessTokenPeriod",
  "accessTokenTrustedIps",
  "accessTokenAudience",
] as const;

/**
 * Loads what is configured of an identity and one method. `wanted` is the organization to log in to, if not the
 * identity's own. Undefined if there is no such identity, or none with the method.
 */
export type ConfigurationLoader<Own> = (
  session: Session,
  identityId: string,
  wanted: { slug: string } | { id: string } | undefined,
) => Promise<LoginConfiguration<Own> | undefined>;

/** Of the method whose configurations are in `table`, read as `config`. The text of each query is made once. */
function loaderFrom<Own>(table: string, config: Selection<TokenSettings & Own>): ConfigurationLoader<Own> {
  /** `?1` is the identity's id; `condition` says which organization is named, by `?2`. */
  const query = (condition: Sql): Sql<LoginConfiguration<Own>> =>
    sql`
    SELECT ${identity.columns}, ${config.columns}, ${home.columns}, ${root.columns}, ${tenancy.columns},
      ${named.columns}, named.id IS NOT NULL AS is_named, membership.identity_id IS NOT NULL AS is_member
    FROM identities AS identity
    JOIN ${identifier(table)} AS config ON config.identity_id = identity.id
    JOIN organizations AS home ON home.id = identity.organization_id
    JOIN organizations AS root ON root.id = home.root_id
    JOIN oci_tenancies AS tenancy ON tenancy.tenancy_ocid = config.tenancy_ocid
    LEFT JOIN organizations AS named ON named.root_id = home.root_id AND ${condition}
    LEFT JOIN organization_members AS membership
      ON membership.organization_id = named.id AND membership.identity_id = identity.id
    WHERE identity.id = ?1`.as((row) => {
      const found = {
        identity: identity.read(row),
        config: config.read(row),
        home: home.read(row),
        tenancy: tenancy.read(row),
      };
      return {
        ...found,
        suspended: found.identity.suspended || found.home.suspended || root.read(row).suspended,
        named: row.is_named ? { organization: named.read(row), isMember: row.is_member === 1 } : null,
      };
    });
  const own = query(sql`FALSE`);
  const bySlug = query(sql`named.slug = ?2`);
  const byId = query(sql`named.id = ?2`);
  return (session, identityId, wanted) => {
    if (wanted === undefined) return session.first(own.bind(identityId));
    return session.first(
      "slug" in wanted ? bySlug.bind(identityId, wanted.slug) : byId.bind(identityId, wanted.id),
    );
  };
}

export const loadUserConfiguration: ConfigurationLoader<UserSettings> = loaderFrom(
  ociAuthConfigs.name,
  ociAuthConfigs.as("config", [...tokenFields, "tenancyOcid", "allowedUsernames", "signatureReuse"]),
);

export const loadInstanceConfiguration: ConfigurationLoader<InstanceSettings> = loaderFrom(
  ociInstanceAuthConfigs.name,
  ociInstanceAuthConfigs.as("config", [
    ...tokenFields,
    "tenancyOcid",
    "allowedCompartmentOcids",
    "allowedInstanceOcids",
    "allowedRegions",
  ]),
);
