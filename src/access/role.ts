import type { Role } from "../storage/roles.ts";
import type { Identity, Organization } from "../storage/tables.ts";

/**
 * A role counts in the identity's own organization and below it. Elsewhere the identity is a member by invitation, and
 * its role is `member`: the admin who sets its role has no reach there.
 */
export function roleIn(
  organization: Pick<Organization, "id" | "rootId">,
  identity: Pick<Identity, "role" | "organizationId">,
): Role {
  const home = identity.organizationId;
  return organization.id === home || organization.rootId === home ? identity.role : "member";
}
