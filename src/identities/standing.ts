import { roleIn } from "../access/role.ts";
import type { Role } from "../storage/roles.ts";
import type { Session } from "../storage/session.ts";
import { type Row, type Sql, sql } from "../storage/sql.ts";
import {
  identities,
  type Organization,
  ociAuthConfigs,
  ociInstanceAuthConfigs,
  organizations,
  type TrustedIp,
} from "../storage/tables.ts";
import type { InstanceSettings } from "./instance-permission.ts";
import type { UserPermission } from "./user-permission.ts";

/** Whom a method's configuration lets log in. */
export type Permission =
  | ({ readonly authMethod: "oci-auth" } & UserPermission)
  | ({ readonly authMethod: "oci-instance-auth" } & InstanceSettings);

export type AuthMethod = Permission["authMethod"];

/** Where an identity stands now in the organization that its token names, by the method of its token. */
export interface Standing {
  readonly role: Role;
  readonly tokenGeneration: number;
  /** Whether the identity, its own organization, the one that the token names, or their root is suspended. */
  readonly suspended: boolean;
  readonly organization: Organization;
  readonly permission: Permission;
  readonly trustedIps: readonly TrustedIp[];
  /** Audience of the tokens that are not for this Worker's own API; null for the default. */
  readonly accessTokenAudience: string | null;
}

const home = organizations.as("home", ["suspended"]);
const root = organizations.as("root", ["suspended"]);
const tokenFields = ["accessTokenTrustedIps", "accessTokenAudience"] as const;
const ofTokens = ociAuthConfigs.as("config", tokenFields);

interface MethodColumns {
  readonly table: Sql;
  readonly columns: Sql;
  readonly read: (row: Row) => Permission;
}

const userColumns = ociAuthConfigs.as("config", ["tenancyOcid", "allowedUsernames"]);
const instanceColumns = ociInstanceAuthConfigs.as("config", [
  "tenancyOcid",
  "allowedCompartmentOcids",
  "allowedInstanceOcids",
  "allowedRegions",
]);

const methods: Record<AuthMethod, MethodColumns> = {
  "oci-auth": {
    table: sql`oci_auth_configs`,
    columns: userColumns.columns,
    read: (row) => ({ authMethod: "oci-auth", ...userColumns.read(row) }),
  },
  "oci-instance-auth": {
    table: sql`oci_instance_auth_configs`,
    columns: instanceColumns.columns,
    read: (row) => ({ authMethod: "oci-instance-auth", ...instanceColumns.read(row) }),
  },
};

/**
 * Undefined if the identity or its configuration of the method is gone, or the organization is neither its own nor one
 * that it is a member of.
 */
export async function loadStanding(
  database: Session,
  identityId: string,
  organizationId: string,
  authMethod: AuthMethod,
): Promise<Standing | undefined> {
  const method = methods[authMethod];
  return database.first(
    sql`SELECT ${identities.columns}, ${organizations.columns}, ${ofTokens.columns}, ${method.columns},
        ${home.columns}, ${root.columns}
      FROM identities
      JOIN ${method.table} AS config ON config.identity_id = identities.id
      JOIN organizations ON organizations.id = ${organizationId}
      JOIN organizations AS home ON home.id = identities.organization_id
      JOIN organizations AS root ON root.id = organizations.root_id
      LEFT JOIN organization_members AS membership
        ON membership.identity_id = identities.id AND membership.organization_id = organizations.id
      WHERE identities.id = ${identityId}
        AND (identities.organization_id = organizations.id OR membership.organization_id = organizations.id)`.as(
      (row) => {
        const [identity, organization] = [identities.read(row), organizations.read(row)];
        const { accessTokenTrustedIps: trustedIps, accessTokenAudience } = ofTokens.read(row);
        return {
          permission: method.read(row),
          trustedIps,
          accessTokenAudience,
          role: roleIn(organization, identity),
          tokenGeneration: identity.tokenGeneration,
          suspended: [identity, home.read(row), organization, root.read(row)].some((each) => each.suspended),
          organization,
        };
      },
    ),
  );
}
