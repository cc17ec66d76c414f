import { and, asc, eq, gt, or, sql } from "drizzle-orm";
import { changeRecord } from "../audit/outbox.ts";
import type { Caller } from "../http/caller.ts";
import { type Position, pageOf } from "../http/pages.ts";
import { Refusal } from "../http/refusal.ts";
import { type Database, isConstraintError } from "./database.ts";
import { findOrganization, orNotFound, placeOf, withinReach } from "./reach.ts";
import { identities, type Organization, organizationMembers, organizations } from "./tables.ts";

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
  database: Database,
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
      database.insert(organizations).values(row),
      changeRecord(database, caller, {
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

export async function listOrganizations(
  database: Database,
  caller: Caller,
  page: { cursor?: Position | undefined; limit: number },
) {
  const { cursor, limit } = page;
  const after =
    cursor &&
    or(
      gt(organizations.createdAt, cursor.createdAt),
      and(eq(organizations.createdAt, cursor.createdAt), gt(organizations.id, cursor.id)),
    );
  const rows = await database
    .select()
    .from(organizations)
    .where(and(withinReach(caller), after))
    .orderBy(asc(organizations.createdAt), asc(organizations.id))
    .limit(limit + 1);
  return pageOf(rows, limit, (row) => row);
}

export async function updateOrganization(
  database: Database,
  caller: Caller,
  organizationId: string,
  change: OrganizationChange,
): Promise<Organization> {
  const current = orNotFound(await findOrganization(database, caller, organizationId), "Organization");
  try {
    const [[row]] = await database.batch([
      database
        .update(organizations)
        .set({ ...change, updatedAt: new Date().toISOString() })
        .where(eq(organizations.id, organizationId))
        .returning(),
      changeRecord(database, caller, {
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

/** It must be empty at the moment of the deletion: what is in it may be more than one statement can delete in its time. */
export async function deleteOrganization(
  database: Database,
  caller: Caller,
  organizationId: string,
): Promise<Organization> {
  const organization = orNotFound(await findOrganization(database, caller, organizationId), "Organization");
  const contents = {
    subOrganizations: sql<number>`(SELECT count(*) FROM ${organizations} AS sub WHERE sub.parent_id = ${organizationId})`,
    identities: sql<number>`(SELECT count(*) FROM ${identities} WHERE organization_id = ${organizationId})`,
    memberships: sql<number>`(SELECT count(*) FROM ${organizationMembers} WHERE organization_id = ${organizationId})`,
  };
  const [[counted], deleted] = await database.batch([
    database.select(contents).from(organizations).where(eq(organizations.id, organizationId)),
    database
      .delete(organizations)
      .where(
        and(eq(organizations.id, organizationId), ...Object.values(contents).map((count) => eq(count, 0))),
      )
      .returning({ id: organizations.id }),
    changeRecord(database, caller, {
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
