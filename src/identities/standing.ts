import { roleIn } from "../access/role.ts";
import type { Role } from "../storage/roles.ts";
import type { Session } from "../storage/session.ts";
import { sql } from "../storage/sql.ts";
import {
  identities,
  type Organization,
  ociAuthConfigs,
  organizations,
  type TrustedIp,
} from "../storage/tables.ts";

/** The current state of an identity, in the organization that its token names. */
export interface Standing {
  readonly role: Role;
  readonly tokenGeneration: number;
  /** Whether the identity, its own organization, the one that the token names, or their root is suspended. */
  readonly suspended: boolean;
  readonly organization: Organization;
  /** The tenancy whose users may log in as the identity, and which of them; null for all. */
  readonly tenancyOcid: string;
  readonly allowedUsernames: string | null;
  readonly trustedIps: readonly TrustedIp[];
  /** Audience of the tokens that are not for this Worker's own API; null for the default. */
  readonly accessTokenAudience: string | null;
}

const policy = ociAuthConfigs.as("config", [
  "tenancyOcid",
  "allowedUsernames",
  "accessTokenTrustedIps",
  "accessTokenAudience",
]);
const home = organizations.as("home", ["suspended"]);
const root = organizations.as("root", ["suspended"]);

/**
 * Undefined if the identity or its OCI Auth is gone, or the organization is neither its own nor one that it is a member
 * of.
 */
export async function loadStanding(
  database: Session,
  identityId: string,
  organizationId: string,
): Promise<Standing | undefined> {
  return database.first(
    sql`SELECT ${identities.columns}, ${organizations.columns}, ${policy.columns}, ${home.columns}, ${root.columns}
      FROM identities
      JOIN oci_auth_configs AS config ON config.identity_id = identities.id
      JOIN organizations ON organizations.id = ${organizationId}
      JOIN organizations AS home ON home.id = identities.organization_id
      JOIN organizations AS root ON root.id = organizations.root_id
      LEFT JOIN organization_members AS membership
        ON membership.identity_id = identities.id AND membership.organization_id = organizations.id
      WHERE identities.id = ${identityId}
        AND (identities.organization_id = organizations.id OR membership.organization_id = organizations.id)`.as(
      (row) => {
        const [identity, organization] = [identities.read(row), organizations.read(row)];
        const { accessTokenTrustedIps: trustedIps, ...others } = policy.read(row);
        return {
          ...others,
          trustedIps,
          role: roleIn(organization, identity),
          tokenGeneration: identity.tokenGeneration,
          suspended: [identity, home.read(row), organization, root.read(row)].some((each) => each.suspended),
          organization,
        };
      },
    ),
  );
}
