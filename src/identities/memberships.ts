import { and, asc, eq, gt, sql } from "drizzle-orm";
import { changeRecord } from "../audit/outbox.ts";
import type { Caller } from "../http/caller.ts";
import { type Position, pageOf } from "../http/pages.ts";
import { Refusal } from "../http/refusal.ts";
import { type Database, isConstraintError } from "./database.ts";
import { findIdentity, findOrganization, orNotFound, placeOf } from "./reach.ts";
import { organizationMembers } from "./tables.ts";

export type Membership = typeof organizationMembers.$inferSelect;

/** Of one identity, so that its deletion, which takes them along, is a statement of a bounded size. */
const maxMemberships = 1000;

function isMembership(organizationId: string, identityId: string) {
  return and(
    eq(organizationMembers.organizationId, organizationId),
    eq(organizationMembers.identityId, identityId),
  );
}

/** Makes an identity a member of a sub-organization of its own root; once is enough, and again changes nothing. */
export async function addMember(
  database: Database,
  caller: Caller,
  organizationId: string,
  identityId: string,
): Promise<Membership> {
  const [foundOrganization, foundIdentity] = await Promise.all([
    findOrganization(database, caller, organizationId),
    findIdentity(database, caller, identityId),
  ]);
  const organization = orNotFound(foundOrganization, "Organization");
  const { organization: home } = orNotFound(foundIdentity, "Identity");
  if (organization.parentId === null) {
    throw new Refusal("conflict", "Members belong to sub-organizations, and this is a root organization");
  }
  if (organization.rootId !== home.rootId) {
    throw new Refusal("conflict", "The identity is of another root organization");
  }
  if (organization.id === home.id) {
    throw new Refusal("conflict", "The identity was created in this organization and needs no membership");
  }
  const row: Membership = { organizationId, identityId, createdAt: new Date().toISOString() };
  try {
    const [, , [stored]] = await database.batch([
      database
        .insert(organizationMembers)
        .select(
          sql`SELECT ${organizationId}, ${identityId}, ${row.createdAt} WHERE (SELECT count(*) FROM ${organizationMembers} WHERE identity_id = ${identityId}) < ${maxMemberships}`,
        )
        .onConflictDoNothing(),
      changeRecord(database, caller, { type: "membership.add", ...placeOf(organization), identityId }),
      database.select().from(organizationMembers).where(isMembership(organizationId, identityId)),
    ]);
    if (stored === undefined) {
      throw new Refusal(
        "conflict",
        `The identity is a member of ${maxMemberships} organizations, and cannot be of more`,
      );
    }
    return stored;
  } catch (error) {
    // One of the two was deleted meanwhile.
    throw isConstraintError(error, "FOREIGN KEY") ? new Refusal("not-found") : error;
  }
}

/** Members of a sub-organization by invitation, in the order of their ids: identities of elsewhere under its root. */
export async function listMembers(
  database: Database,
  caller: Caller,
  organizationId: string,
  { cursor, limit }: { cursor?: Position | undefined; limit: number },
) {
  orNotFound(await findOrganization(database, caller, organizationId), "Organization");
  const rows = await database
    .select()
    .from(organizationMembers)
    .where(
      and(
        eq(organizationMembers.organizationId, organizationId),
        cursor && gt(organizationMembers.identityId, cursor.id),
      ),
    )
    .orderBy(asc(organizationMembers.identityId))
    .limit(limit + 1);
  return pageOf(rows, limit, ({ createdAt, identityId: id }) => ({ createdAt, id }));
}

export async function removeMember(
  database: Database,
  caller: Caller,
  organizationId: string,
  identityId: string,
): Promise<Membership> {
  const [organization, identity] = await Promise.all([
    findOrganization(database, caller, organizationId),
    findIdentity(database, caller, identityId),
  ]);
  const place = placeOf(orNotFound(organization, "Organization"));
  orNotFound(identity, "Identity");
  const [[row]] = await database.batch([
    database.delete(organizationMembers).where(isMembership(organizationId, identityId)).returning(),
    changeRecord(database, caller, { type: "membership.remove", ...place, identityId }),
  ]);
  return orNotFound(row, "Membership");
}
