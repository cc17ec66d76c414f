import type { Caller } from "../access/caller.ts";
import { orNotFound, reaches, withinReach } from "../access/reach.ts";
import { placeOf } from "../audit/event.ts";
import { changeRecord } from "../audit/outbox.ts";
import { findOrganization } from "../organizations/organizations.ts";
import { Refusal } from "../refusal.ts";
import { isId } from "../storage/id.ts";
import { type PageQuery, pageFrom, pageOf } from "../storage/pages.ts";
import type { Session } from "../storage/session.ts";
import { type Sql, sql } from "../storage/sql.ts";
import { isConstraintError } from "../storage/storage-error.ts";
import { type Identity, identities, type Organization, organizations } from "../storage/tables.ts";

export interface PlacedIdentity {
  readonly identity: Identity;
  readonly organization: Organization;
}

/** Undefined if there is none within the caller's reach. */
export async function findIdentity(
  database: Session,
  caller: Caller,
  identityId: string,
): Promise<PlacedIdentity | undefined> {
  if (!isId(identityId)) return undefined;
  const row = await database.first(
    sql`SELECT ${identities.columns}, ${organizations.columns}
      FROM identities JOIN organizations ON organizations.id = identities.organization_id
      WHERE identities.id = ${identityId}`.as((found) => ({
      identity: identities.read(found),
      organization: organizations.read(found),
    })),
  );
  return row !== undefined && reaches(caller, row.organization) ? row : undefined;
}

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
  database: Session,
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
      identities.insert(row),
      changeRecord(caller, {
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

/** Identities of one organization, or of all within the caller's reach. */
export async function listIdentities(
  database: Session,
  caller: Caller,
  { organizationId, ...query }: PageQuery & { organizationId?: string | undefined },
) {
  if (organizationId !== undefined) {
    orNotFound(await findOrganization(database, caller, organizationId), "Organization");
  }
  const condition =
    organizationId === undefined ? withinReach(caller) : sql`organizations.id = ${organizationId}`;
  const page = pageFrom(query, condition, sql`identities.created_at, identities.id`);
  const rows = await database.all(
    identities.select(sql`JOIN organizations ON organizations.id = identities.organization_id ${page}`),
  );
  return pageOf(rows, query.limit, (row) => row);
}

export async function updateIdentity(
  database: Session,
  caller: Caller,
  identityId: string,
  change: IdentityChange,
): Promise<Identity> {
  return setIdentity(database, caller, identityId, "identity.update", change, { ...change });
}

/** Revokes every token of the identity. It may log in again at once. */
export async function revokeTokens(database: Session, caller: Caller, identityId: string): Promise<Identity> {
  const raised = { tokenGeneration: sql`token_generation + 1` };
  return setIdentity(database, caller, identityId, "identity.revoke-tokens", raised, {});
}

async function setIdentity(
  database: Session,
  caller: Caller,
  identityId: string,
  type: "identity.update" | "identity.revoke-tokens",
  values: IdentityChange | { tokenGeneration: Sql },
  details: Record<string, unknown>,
): Promise<Identity> {
  const { organization } = orNotFound(await findIdentity(database, caller, identityId), "Identity");
  const [[row]] = await database.batch([
    identities.update({ ...values, updatedAt: new Date().toISOString() }, sql`WHERE id = ${identityId}`),
    changeRecord(caller, { type, ...placeOf(organization), identityId, details }),
  ]);
  return orNotFound(row, "Identity");
}

/** Also deletes its OCI Auth configuration and its memberships, and so ends its tokens. */
export async function deleteIdentity(
  database: Session,
  caller: Caller,
  identityId: string,
): Promise<Identity> {
  const { identity, organization } = orNotFound(await findIdentity(database, caller, identityId), "Identity");
  await database.batch([
    identities.delete(sql`WHERE id = ${identityId}`),
    changeRecord(caller, {
      type: "identity.delete",
      ...placeOf(organization),
      identityId,
      details: { name: identity.name },
    }),
  ]);
  return identity;
}
