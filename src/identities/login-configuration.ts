import { and, eq, sql } from "drizzle-orm";
import { alias } from "drizzle-orm/sqlite-core";
import type { Database } from "./database.ts";
import {
  type Identity,
  identities,
  type OciAuthConfig,
  type OciTenancy,
  type Organization,
  ociAuthConfigs,
  ociTenancies,
  organizationMembers,
  organizations,
} from "./tables.ts";

/** All that a login reads of what is configured, in one question to D1. */
export interface LoginConfiguration {
  readonly identity: Identity;
  readonly config: OciAuthConfig;
  /** The organization in which the identity was created. */
  readonly home: Organization;
  /** The identity, its organization, or their root. */
  readonly suspended: boolean;
  readonly tenancy: OciTenancy;
  /** The organization that was asked for, under the identity's root; null if there is none. */
  readonly named: { readonly organization: Organization; readonly isMember: boolean } | null;
}

/** `wanted` is the organization to log in to, if not the identity's own. Undefined if there is no such identity, or none with OCI Auth. */
export async function loadLoginConfiguration(
  database: Database,
  identityId: string,
  wanted: { slug: string } | { id: string } | undefined,
): Promise<LoginConfiguration | undefined> {
  const home = alias(organizations, "home");
  const root = alias(organizations, "root");
  const named = alias(organizations, "named");
  const [row] = await database
    .select({
      identity: identities,
      config: ociAuthConfigs,
      home,
      rootSuspended: root.suspended,
      tenancy: ociTenancies,
      named,
      membership: organizationMembers.identityId,
    })
    .from(identities)
    .innerJoin(ociAuthConfigs, eq(ociAuthConfigs.identityId, identities.id))
    .innerJoin(home, eq(home.id, identities.organizationId))
    .innerJoin(root, eq(root.id, home.rootId))
    .innerJoin(ociTenancies, eq(ociTenancies.tenancyOcid, ociAuthConfigs.tenancyOcid))
    .leftJoin(
      named,
      wanted === undefined
        ? sql`0`
        : and(
            eq(named.rootId, home.rootId),
            "slug" in wanted ? eq(named.slug, wanted.slug) : eq(named.id, wanted.id),
          ),
    )
    .leftJoin(
      organizationMembers,
      and(
        eq(organizationMembers.organizationId, named.id),
        eq(organizationMembers.identityId, identities.id),
      ),
    )
    .where(eq(identities.id, identityId));
  if (row === undefined) return undefined;
  const { rootSuspended, membership, ...found } = row;
  return {
    ...found,
    suspended: found.identity.suspended || found.home.suspended || rootSuspended,
    named: found.named && { organization: found.named, isMember: membership !== null },
  };
}
