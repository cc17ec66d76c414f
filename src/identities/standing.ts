import { and, eq, or } from "drizzle-orm";
import { alias } from "drizzle-orm/sqlite-core";
import type { Database } from "./database.ts";
import {
  type Identity,
  identities,
  type Organization,
  ociAuthConfigs,
  organizationMembers,
  organizations,
  type TrustedIp,
} from "./tables.ts";

type Role = Identity["role"];

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

/** Where an identity stands now in the organization that its token names. */
export interface Standing {
  readonly role: Role;
  readonly tokenGeneration: number;
  /** The identity, its own organization, the one that the token names, or their root. */
  readonly suspended: boolean;
  readonly organization: Organization;
  /** Whose users may log in as the identity, and which of them; null for all. */
  readonly tenancyOcid: string;
  readonly allowedUsernames: string | null;
  readonly trustedIps: readonly TrustedIp[];
  /** Of the tokens that are not for this Worker's own API; null for the default. */
  readonly accessTokenAudience: string | null;
}

/**
 * Undefined if the identity or its OCI Auth is gone, or the organization is neither its own nor one that it is a member
 * of.
 */
export async function loadStanding(
  database: Database,
  identityId: string,
  organizationId: string,
): Promise<Standing | undefined> {
  const home = alias(organizations, "home");
  const root = alias(organizations, "root");
  const [row] = await database
    .select({
      identity: identities,
      organization: organizations,
      homeSuspended: home.suspended,
      rootSuspended: root.suspended,
      tenancyOcid: ociAuthConfigs.tenancyOcid,
      allowedUsernames: ociAuthConfigs.allowedUsernames,
      trustedIps: ociAuthConfigs.accessTokenTrustedIps,
      accessTokenAudience: ociAuthConfigs.accessTokenAudience,
    })
    .from(identities)
    .innerJoin(ociAuthConfigs, eq(ociAuthConfigs.identityId, identities.id))
    .innerJoin(organizations, eq(organizations.id, organizationId))
    .innerJoin(home, eq(home.id, identities.organizationId))
    .innerJoin(root, eq(root.id, organizations.rootId))
    .leftJoin(
      organizationMembers,
      and(
        eq(organizationMembers.identityId, identities.id),
        eq(organizationMembers.organizationId, organizations.id),
      ),
    )
    .where(
      and(
        eq(identities.id, identityId),
        or(
          eq(identities.organizationId, organizations.id),
          eq(organizationMembers.organizationId, organizations.id),
        ),
      ),
    );
  if (row === undefined) return undefined;
  const { identity, organization, homeSuspended, rootSuspended, ...policy } = row;
  return {
    ...policy,
    role: roleIn(organization, identity),
    tokenGeneration: identity.tokenGeneration,
    suspended: identity.suspended || homeSuspended || organization.suspended || rootSuspended,
    organization,
  };
}
