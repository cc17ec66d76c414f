import type { Caller } from "../access/caller.ts";
import { orNotFound, reaches, withinReach } from "../access/reach.ts";
import { placeOf } from "../audit/event.ts";
import { changeRecord } from "../audit/outbox.ts";
import { Refusal } from "../refusal.ts";
import { isId } from "../storage/id.ts";
import { type PageQuery, pageFrom, pageOf } from "../storage/pages.ts";
import type { Session } from "../storage/session.ts";
import { sql } from "../storage/sql.ts";
import { isConstraintError } from "../storage/storage-error.ts";
import { type Organization, organizations } from "../storage/tables.ts";

/** Undefined if there is none within the caller's reach. */
export async function findOrganization(
  database: Session,
  caller: Caller,
  organizationId: string,
): Promise<Organization | undefined> {
  if (!isId(organizationId)) return undefined;
  const row = await database.first(organizations.select(sql`WHERE id = ${organizationId}`));
  return row !== undefined && reaches(caller, row) ? row : undefined;
}

export interface NewOrganization {
  name: string;
  slug: string;
  parentId?: string | undefined;
}

export interface OrganizationChange {
  name?: string | undefined;
  slug?: string | undefined;
  suspended?: boolean | undefined;
}

function explained(
  error: unknown,
  { slug, parentId }: { slug?: string | undefined; parentId?: string | undefined },
) {
  if (isConstraintError(error, "UNIQUE")) {
    return new Refusal("conflict", `The slug '${slug}' is taken under this root organization`);
  }
  return isConstraintError(error, "FOREIGN KEY") ? noParent(parentId) : error;
}

function noParent(parentId: string | undefined): Refusal {
  return new Refusal("conflict", `There is no organization '${parentId}' for parentId`);
}

export async function createOrganization(
  database: Session,
  caller: Caller,
  wanted: NewOrganization,
): Promise<Organization> {
  if (wanted.parentId === undefined && caller.kind !== "operator") {
    throw new Refusal("not-permitted", "Only the holder of ADMIN_TOKEN may create a root organization.");
  }
  if (wanted.parentId !== undefined) {
    const parent = await findOrganization(database, caller, wanted.parentId);
    if (parent === undefined) throw noParent(wanted.parentId);
    if (parent.parentId !== null) {
      throw new Refusal("conflict", "parentId names a sub-organization, and there are two levels only");
    }
  }
  const id = crypto.randomUUID();
  const now = new Date().toISOString();
  const row: Organization = {
    id,
    name: wanted.name,
    slug: wanted.slug,
    parentId: wanted.parentId ?? null,
    rootId: wanted.parentId ?? id,
    suspended: false,
    createdAt: now,
    updatedAt: now,
  };
  try {
    await database.batch([
      organizations.insert(row),
      changeRecord(caller, {
        type: "organization.create",
        ...placeOf(row),
        details: { ...wanted },
      }),
    ]);
  } catch (error) {
    throw explained(error, wanted);
  }
  return row;
}

export async function listOrganizations(database: Session, caller: Caller, query: PageQuery) {
  const page = pageFrom(query, withinReach(caller), sql`created_at, id`);
  return pageOf(await database.all(organizations.select(page)), query.limit, (row) => row);
}

export async function updateOrganization(
  database: Session,
  caller: Caller,
  organizationId: string,
  change: OrganizationChange,
): Promise<Organization> {
  const current = orNotFound(await findOrganization(database, caller, organizationId), "Organization");
  try {
    const [[row]] = await database.batch([
      organizations.update(
        { ...change, updatedAt: new Date().toISOString() },
        sql`WHERE id = ${organizationId}`,
      ),
      changeRecord(caller, {
        type: "organization.update",
        ...placeOf(current),
        details: { ...change },
      }),
    ]);
    return orNotFound(row, "Organization");
  } catch (error) {
    throw explained(error, change);
  }
}

/** The organization must be empty: its contents could be more than one statement can delete in the time that it has. */
export async function deleteOrganization(
  database: Session,
  caller: Caller,
  organizationId: string,
): Promise<Organization> {
  const organization = orNotFound(await findOrganization(database, caller, organizationId), "Organization");
  const subOrganizations = sql`(SELECT count(*) FROM organizations WHERE parent_id = ${organizationId})`;
  const identities = sql`(SELECT count(*) FROM identities WHERE organization_id = ${organizationId})`;
  const memberships = sql`(SELECT count(*) FROM organization_members WHERE organization_id = ${organizationId})`;
  const [[counted], deleted] = await database.batch([
    sql<{ subOrganizations: number; identities: number; memberships: number }>`
      SELECT ${subOrganizations} AS subOrganizations, ${identities} AS identities, ${memberships} AS memberships
      FROM organizations WHERE id = ${organizationId}`,
    organizations.delete(
      sql`WHERE id = ${organizationId} AND ${subOrganizations} = 0 AND ${identities} = 0 AND ${memberships} = 0`,
    ),
    changeRecord(caller, {
      type: "organization.delete",
      ...placeOf(organization),
      details: { name: organization.name, slug: organization.slug },
    }),
  ]);
  if (deleted.length === 0) {
    const left = orNotFound(counted, "Organization");
    throw new Refusal(
      "conflict",
      `The organization is not empty: delete its ${left.subOrganizations} sub-organizations, ${left.identities} identities and ${left.memberships} memberships first`,
    );
  }
  return organization;
}
