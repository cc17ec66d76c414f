import type { Role } from "../storage/roles.ts";
import type { Identity, Organization } from "../storage/tables.ts";

/**
 * A role counts in the identity's own organization and below it. Elsewhere, where it is a member by invitation, the
 * identity is a member and no more: its role is in the hands of an admin who has no reach there.
 */
export function roleIn(
  organization: Pick<Organization, "id" | "rootId">,
  identity: Pick<Identity, "role" | "organizationId">,
): Role {
  const home = identity.organizationId;
  return organization.id === home || organization.rootId === home ? identity.role : "member";
}
