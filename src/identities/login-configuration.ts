import { and, type Column, eq, type SQL, sql } from "drizzle-orm";
import { alias, QueryBuilder } from "drizzle-orm/sqlite-core";
import { builtQuery } from "./built-query.ts";
import type { Session } from "./database.ts";
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

export type LoginOrganization = Pick<Organization, "id" | "slug" | "parentId" | "rootId" | "suspended">;

/** All that a login reads of what is configured, in one question to D1. */
export interface LoginConfiguration {
  readonly identity: Omit<Identity, "createdAt" | "updatedAt">;
  readonly config: Omit<
    OciAuthConfig,
    "id" | "identityId" | "rootOrganizationId" | "createdAt" | "updatedAt"
  >;
  /** The organization in which the identity was created. */
  readonly home: LoginOrganization;
  /** The identity, its organization, or their root. */
  readonly suspended: boolean;
  readonly tenancy: Omit<OciTenancy, "createdAt" | "updatedAt">;
  /** The organization that was asked for, under the identity's root; null if there is none. */
  readonly named: { readonly organization: LoginOrganization; readonly isMember: boolean } | null;
}

const home = alias(organizations, "home");
const root = alias(organizations, "root");
const named = alias(organizations, "named");

function organizationColumns<T extends Record<keyof LoginOrganization, Column>>(table: T) {
  const { id, slug, parentId, rootId, suspended }: Pick<T, keyof LoginOrganization> = table;
  return { id, slug, parentId, rootId, suspended };
}

const selection = {
  identity: {
    id: identities.id,
    name: identities.name,
    organizationId: identities.organizationId,
    role: identities.role,
    suspended: identities.suspended,
    tokenGeneration: identities.tokenGeneration,
  },
  config: {
    tenancyOcid: ociAuthConfigs.tenancyOcid,
    allowedUsernames: ociAuthConfigs.allowedUsernames,
    accessTokenTTL: ociAuthConfigs.accessTokenTTL,
    accessTokenMaxTTL: ociAuthConfigs.accessTokenMaxTTL,
    accessTokenNumUsesLimit: ociAuthConfigs.accessTokenNumUsesLimit,
    accessTokenPeriod: ociAuthConfigs.accessTokenPeriod,
    accessTokenTrustedIps: ociAuthConfigs.accessTokenTrustedIps,
    accessTokenAudience: ociAuthConfigs.accessTokenAudience,
    signatureReuse: ociAuthConfigs.signatureReuse,
  },
  home: organizationColumns(home),
  rootSuspended: root.suspended,
  tenancy: {
    tenancyOcid: ociTenancies.tenancyOcid,
    region: ociTenancies.region,
    userOcid: ociTenancies.userOcid,
    fingerprint: ociTenancies.fingerprint,
    encryptedPrivateKey: ociTenancies.encryptedPrivateKey,
  },
  named: organizationColumns(named),
  membership: organizationMembers.identityId,
};

/** The question for an organization that is named by its slug, by its id, or not at all. */
function question(naming: SQL) {
  return builtQuery(selection, () =>
    new QueryBuilder()
      .select(selection)
      .from(identities)
      .innerJoin(ociAuthConfigs, eq(ociAuthConfigs.identityId, identities.id))
      .innerJoin(home, eq(home.id, identities.organizationId))
      .innerJoin(root, eq(root.id, home.rootId))
      .innerJoin(ociTenancies, eq(ociTenancies.tenancyOcid, ociAuthConfigs.tenancyOcid))
      .leftJoin(named, and(eq(named.rootId, home.rootId), naming))
      .leftJoin(
        organizationMembers,
        and(
          eq(organizationMembers.organizationId, named.id),
          eq(organizationMembers.identityId, identities.id),
        ),
      )
      .where(eq(identities.id, sql.placeholder("identityId"))),
  );
}

const questions = {
  none: question(sql`0`),
  slug: question(eq(named.slug, sql.placeholder("slug"))),
  id: question(eq(named.id, sql.placeholder("id"))),
};

/** `wanted` is the organization to log in to, if not the identity's own. Undefined if there is no such identity, or none with OCI Auth. */
export async function loadLoginConfiguration(
  session: Session,
  identityId: string,
  wanted: { slug: string } | { id: string } | undefined,
): Promise<LoginConfiguration | undefined> {
  const ask = wanted === undefined ? questions.none : questions["slug" in wanted ? "slug" : "id"];
  const [row] = await ask(session, { identityId, ...wanted });
  if (row === undefined) return undefined;
  const { rootSuspended, membership, ...found } = row;
  return {
    ...found,
    suspended: found.identity.suspended || found.home.suspended || rootSuspended,
    named: found.named && { organization: found.named, isMember: membership !== null },
  };
}
