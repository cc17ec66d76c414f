import type { Caller } from "../access/caller.ts";
import { orNotFound } from "../access/reach.ts";
import { placeOf } from "../audit/event.ts";
import { changeRecord } from "../audit/outbox.ts";
import { findOrganization } from "../organizations/organizations.ts";
import { Refusal } from "../refusal.ts";
import { type PageQuery, pageOf } from "../storage/pages.ts";
import type { Session } from "../storage/session.ts";
import { sql } from "../storage/sql.ts";
import { isConstraintError } from "../storage/storage-error.ts";
import { type Membership, organizationMembers } from "../storage/tables.ts";
import { findIdentity } from "./identities.ts";

/** Limit for one identity: its deletion deletes all its memberships in one statement. */
const maxMemberships = 1000;

function whereMembership(organizationId: string, identityId: string) {
  return sql`WHERE organization_id = ${organizationId} AND identity_id = ${identityId}`;
}

/** Makes an identity a member of a sub-organization of its own root. A repetition changes nothing. */
export async function addMember(
  database: Session,
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
  try {
    const [, , [stored]] = await database.batch([
      sql`INSERT INTO organization_members (organization_id, identity_id, created_at)
        SELECT ${organizationId}, ${identityId}, ${new Date().toISOString()}
        WHERE (SELECT count(*) FROM organization_members WHERE identity_id = ${identityId}) < ${maxMemberships}
        ON CONFLICT DO NOTHING`,
      changeRecord(caller, { type: "membership.add", ...placeOf(organization), identityId }),
      organizationMembers.select(whereMembership(organizationId, identityId)),
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

/** Members of a sub-organization by invitation, ordered by id: identities of elsewhere under its root. */
export async function listMembers(
  database: Session,
  caller: Caller,
  organizationId: string,
  { cursor, limit }: PageQuery,
) {
  orNotFound(await findOrganization(database, caller, organizationId), "Organization");
  const after = cursor === undefined ? sql`` : sql`AND identity_id > ${cursor.id}`;
  const rows = await database.all(
    organizationMembers.select(
      sql`WHERE organization_id = ${organizationId} ${after} ORDER BY identity_id LIMIT ${limit + 1}`,
    ),
  );
  return pageOf(rows, limit, ({ createdAt, identityId: id }) => ({ createdAt, id }));
}

export async function removeMember(
  database: Session,
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
    organizationMembers.delete(whereMembership(organizationId, identityId)),
    changeRecord(caller, { type: "membership.remove", ...place, identityId }),
  ]);
  return orNotFound(row, "Membership");
}
