/** What is configured of an identity's methods of login, each in a table of its own: attached, read, changed, detached. */

import type { Caller } from "../access/caller.ts";
import { orNotFound } from "../access/reach.ts";
import { placeOf } from "../audit/event.ts";
import { changeRecord } from "../audit/outbox.ts";
import { type Reason, Refusal } from "../refusal.ts";
import type { Session } from "../storage/session.ts";
import { identifier, sql } from "../storage/sql.ts";
import { isConstraintError } from "../storage/storage-error.ts";
import type { Change, RowTable } from "../storage/table.ts";
import {
  type OciAuthConfig,
  type OciInstanceAuthConfig,
  ociAuthConfigs,
  ociInstanceAuthConfigs,
} from "../storage/tables.ts";
import { findIdentity } from "./identities.ts";

/** What every method's configuration has. */
interface AuthConfiguration {
  readonly id: string;
  readonly identityId: string;
  readonly tenancyOcid: string;
  readonly rootOrganizationId: string;
  readonly accessTokenAudience: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** What an administrator sets; the rest of a configuration is ours. */
export type Settings<R> = Omit<R, "id" | "identityId" | "rootOrganizationId" | "createdAt" | "updatedAt">;

/** A method of login, as it is configured. */
export interface ConfiguredMethod<R extends AuthConfiguration> {
  readonly table: RowTable<R>;
  /** Its events are `oci-auth.attach` and so on. */
  readonly event: "oci-auth" | "instance-auth";
  /** As messages name it. */
  readonly name: string;
  readonly notConfigured: Reason;
}

export const ociAuth: ConfiguredMethod<OciAuthConfig> = {
  table: ociAuthConfigs,
  event: "oci-auth",
  name: "OCI auth",
  notConfigured: "no-oci-auth",
};

export const ociInstanceAuth: ConfiguredMethod<OciInstanceAuthConfig> = {
  table: ociInstanceAuthConfigs,
  event: "instance-auth",
  name: "OCI instance auth",
  notConfigured: "no-oci-instance-auth",
};

/** A tenancy that the root may not use answers like one that does not exist: the reference to both of them fails. */
function explained(error: unknown, name: string, tenancyOcid: string | undefined): unknown {
  if (isConstraintError(error, "FOREIGN KEY")) {
    return new Refusal("conflict", `The tenancy '${tenancyOcid}' is not registered for this organization`);
  }
  if (isConstraintError(error, "UNIQUE")) {
    return new Refusal(
      "conflict",
      `${name} is configured for this identity already: PATCH it, or DELETE it first`,
    );
  }
  if (isConstraintError(error, "CHECK")) {
    return new Refusal("conflict", "accessTokenTTL would be greater than accessTokenMaxTTL");
  }
  return error;
}

function checkAudience(audience: string | null | undefined, issuer: string): void {
  if (audience === issuer) {
    throw new Refusal(
      "conflict",
      "accessTokenAudience may not be the issuer: that audience is for this Worker's own API",
    );
  }
}

export async function attach<R extends AuthConfiguration>(
  { table, event, name }: ConfiguredMethod<R>,
  database: Session,
  caller: Caller,
  issuer: string,
  identityId: string,
  settings: Settings<R> & Pick<R, "accessTokenAudience" | "tenancyOcid">,
): Promise<R> {
  const { organization } = orNotFound(await findIdentity(database, caller, identityId), "Identity");
  checkAudience(settings.accessTokenAudience, issuer);
  const now = new Date().toISOString();
  const row = {
    id: crypto.randomUUID(),
    identityId,
    rootOrganizationId: organization.rootId,
    ...settings,
    createdAt: now,
    updatedAt: now,
    // Its settings, and all that is not settings.
  } as unknown as R;
  try {
    await database.batch([
      table.insert(row),
      changeRecord(caller, {
        type: `${event}.attach`,
        ...placeOf(organization),
        identityId,
        details: { ...settings },
      }),
    ]);
  } catch (error) {
    throw explained(error, name, settings.tenancyOcid);
  }
  return row;
}

export async function getConfiguration<R extends AuthConfiguration>(
  { table, notConfigured }: ConfiguredMethod<R>,
  database: Session,
  caller: Caller,
  identityId: string,
): Promise<R> {
  orNotFound(await findIdentity(database, caller, identityId), "Identity");
  const config = await database.first(table.select(sql`WHERE identity_id = ${identityId}`));
  if (config === undefined) throw new Refusal(notConfigured);
  return config;
}

/** Changes what `change` names and nothing else. */
export async function updateConfiguration<R extends AuthConfiguration>(
  { table, event, name, notConfigured }: ConfiguredMethod<R>,
  database: Session,
  caller: Caller,
  issuer: string,
  identityId: string,
  change: Change<R>,
): Promise<R> {
  const { organization } = orNotFound(await findIdentity(database, caller, identityId), "Identity");
  checkAudience(change.accessTokenAudience as string | null | undefined, issuer);
  let row: R | undefined;
  try {
    [[row]] = await database.batch([
      table.update(
        { ...change, updatedAt: new Date().toISOString() } as Change<R>,
        sql`WHERE identity_id = ${identityId}`,
      ),
      changeRecord(caller, {
        type: `${event}.update`,
        ...placeOf(organization),
        identityId,
        details: { ...change },
      }),
    ]);
  } catch (error) {
    throw explained(error, name, change.tenancyOcid as string | undefined);
  }
  if (row === undefined) throw new Refusal(notConfigured);
  return row;
}

/** Ends every token of the identity too, whichever method it comes from, and attaching again revives none of them. */
export async function detach<R extends AuthConfiguration>(
  { table, event, notConfigured }: ConfiguredMethod<R>,
  database: Session,
  caller: Caller,
  identityId: string,
): Promise<R> {
  const { organization } = orNotFound(await findIdentity(database, caller, identityId), "Identity");
  const [, [row]] = await database.batch([
    // Only with what is detached: a change has an event.
    sql`UPDATE identities SET token_generation = token_generation + 1
      WHERE id IN (SELECT identity_id FROM ${identifier(table.name)} WHERE identity_id = ${identityId})`,
    table.delete(sql`WHERE identity_id = ${identityId}`),
    changeRecord(caller, { type: `${event}.detach`, ...placeOf(organization), identityId }),
  ]);
  if (row === undefined) throw new Refusal(notConfigured);
  return row;
}
