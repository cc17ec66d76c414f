import { and, eq } from "drizzle-orm";
import { changeRecord } from "../audit/outbox.ts";
import type { Caller } from "../http/caller.ts";
import { Refusal } from "../http/refusal.ts";
import { type Database, isConstraintError } from "./database.ts";
import { findIdentity, findOrganization, orNotFound, placeOf } from "./reach.ts";
import { organizationMembers } from "./tables.ts";

export type Membership = typeof organizationMembers.$inferSelect;

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
      database.insert(organizationMembers).values(row).onConflictDoNothing(),
      changeRecord(database, caller, { type: "membership.add", ...placeOf(organization), identityId }),
      database.select().from(organizationMembers).where(isMembership(organizationId, identityId)),
    ]);
    return orNotFound(stored, "Membership");
  } catch (error) {
    // One of the two was deleted meanwhile.
    throw isConstraintError(error, "FOREIGN KEY") ? new Refusal("not-found") : error;
  }
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
