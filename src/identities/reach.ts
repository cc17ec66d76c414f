/** What a caller may see and change: an operator everything, an identity its token's organization and those below. */
import type { Caller } from "../http/caller.ts";
import { Refusal } from "../http/refusal.ts";
import type { Session } from "../storage/session.ts";
import { type Sql, sql } from "../storage/sql.ts";
import { type Identity, identities, type Organization, organizations } from "../storage/tables.ts";

/** The condition that restricts a query over organizations to the caller's reach. */
export function withinReach(caller: Caller): Sql {
  if (caller.kind === "operator") return sql`TRUE`;
  return sql`organizations.id = ${caller.organizationId} OR organizations.root_id = ${caller.organizationId}`;
}

/** Whether an organization is within the caller's reach. */
export function reaches(caller: Caller, organization: Pick<Organization, "id" | "rootId">): boolean {
  return (
    caller.kind === "operator" ||
    organization.id === caller.organizationId ||
    organization.rootId === caller.organizationId
  );
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Ids are UUIDs; nothing else needs to be looked up. */
export function isId(text: string): boolean {
  return uuid.test(text);
}

/** Undefined if there is none, or none that the caller may know of. */
export async function findOrganization(
  database: Session,
  caller: Caller,
  organizationId: string,
): Promise<Organization | undefined> {
  if (!isId(organizationId)) return undefined;
  const row = await database.first(organizations.select(sql`WHERE id = ${organizationId}`));
  return row !== undefined && reaches(caller, row) ? row : undefined;
}

export interface PlacedIdentity {
  readonly identity: Identity;
  readonly organization: Organization;
}

/** Undefined if there is none, or none that the caller may know of. */
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

export function orNotFound<T>(found: T | undefined, what: string): T {
  if (found === undefined) throw new Refusal("not-found", `${what} not found`);
  return found;
}

/** Where something happened, as its event says. */
export function placeOf(organization: Pick<Organization, "id" | "rootId">) {
  return { organizationId: organization.id, rootOrganizationId: organization.rootId };
}
