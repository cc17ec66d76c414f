import { and, asc, eq, getTableColumns, gt, or, type SQL, sql } from "drizzle-orm";
import { changeRecord } from "../audit/outbox.ts";
import type { Caller } from "../http/caller.ts";
import { type Position, pageOf } from "../http/pages.ts";
import { Refusal } from "../http/refusal.ts";
import { type Database, isConstraintError } from "./database.ts";
import { findIdentity, findOrganization, orNotFound, placeOf, withinReach } from "./reach.ts";
import { type Identity, identities, organizations } from "./tables.ts";

export interface NewIdentity {
  name: string;
  organizationId: string;
  role: Identity["role"];
}

export interface IdentityChange {
  name?: string | undefined;
  role?: Identity["role"] | undefined;
  suspended?: boolean | undefined;
}

export async function createIdentity(
  database: Database,
  caller: Caller,
  wanted: NewIdentity,
): Promise<Identity> {
  const noOrganization = new Refusal(
    "conflict",
    `There is no organization '${wanted.organizationId}' for organizationId`,
  );
  const organization = await findOrganization(database, caller, wanted.organizationId);
  if (organization === undefined) throw noOrganization;
  const now = new Date().toISOString();
  const row: Identity = {
    id: crypto.randomUUID(),
    ...wanted,
    suspended: false,
    tokenGeneration: 0,
    createdAt: now,
    updatedAt: now,
  };
  try {
    await database.batch([
      database.insert(identities).values(row),
      changeRecord(database, caller, {
        type: "identity.create",
        ...placeOf(organization),
        identityId: row.id,
        details: { name: wanted.name, role: wanted.role },
      }),
    ]);
  } catch (error) {
    throw isConstraintError(error, "FOREIGN KEY") ? noOrganization : error;
  }
  return row;
}

/** Of one organization, or of all within the caller's reach. */
export async function listIdentities(
  database: Database,
  caller: Caller,
  query: { organizationId?: string | undefined; cursor?: Position | undefined; limit: number },
) {
  const { organizationId, cursor, limit } = query;
  if (organizationId !== undefined) {
    orNotFound(await findOrganization(database, caller, organizationId), "Organization");
  }
  const after =
    cursor &&
    or(
      gt(identities.createdAt, cursor.createdAt),
      and(eq(identities.createdAt, cursor.createdAt), gt(identities.id, cursor.id)),
    );
  const within =
    organizationId === undefined ? withinReach(caller) : eq(identities.organizationId, organizationId);
  const rows = await database
    .select(getTableColumns(identities))
    .from(identities)
    .innerJoin(organizations, eq(organizations.id, identities.organizationId))
    .where(and(within, after))
    .orderBy(asc(identities.createdAt), asc(identities.id))
    .limit(limit + 1);
  return pageOf(rows, limit, (row) => row);
}

export async function updateIdentity(
  database: Database,
  caller: Caller,
  identityId: string,
  change: IdentityChange,
): Promise<Identity> {
  return setIdentity(database, caller, identityId, "identity.update", change, { ...change });
}

/** Ends every token of the identity; it may log in again at once. */
export async function revokeTokens(
  database: Database,
  caller: Caller,
  identityId: string,
): Promise<Identity> {
  const raised = { tokenGeneration: sql`${identities.tokenGeneration} + 1` };
  return setIdentity(database, caller, identityId, "identity.revoke-tokens", raised, {});
}

async function setIdentity(
  database: Database,
  caller: Caller,
  identityId: string,
  type: "identity.update" | "identity.revoke-tokens",
  values: IdentityChange | { tokenGeneration: SQL },
  details: Record<string, unknown>,
): Promise<Identity> {
  const { organization } = orNotFound(await findIdentity(database, caller, identityId), "Identity");
  const [[row]] = await database.batch([
    database
      .update(identities)
      .set({ ...values, updatedAt: new Date().toISOString() })
      .where(eq(identities.id, identityId))
      .returning(),
    changeRecord(database, caller, { type, ...placeOf(organization), identityId, details }),
  ]);
  return orNotFound(row, "Identity");
}

/** Takes its OCI Auth configuration and its memberships along; its tokens die with it. */
export async function deleteIdentity(
  database: Database,
  caller: Caller,
  identityId: string,
): Promise<Identity> {
  const { identity, organization } = orNotFound(await findIdentity(database, caller, identityId), "Identity");
  await database.batch([
    database.delete(identities).where(eq(identities.id, identityId)),
    changeRecord(database, caller, {
      type: "identity.delete",
      ...placeOf(organization),
      identityId,
      details: { name: identity.name },
    }),
  ]);
  return identity;
}
