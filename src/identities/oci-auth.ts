import type { Caller } from "../access/caller.ts";
import { orNotFound } from "../access/reach.ts";
import { placeOf } from "../audit/event.ts";
import { changeRecord } from "../audit/outbox.ts";
import { Refusal } from "../refusal.ts";
import type { Session } from "../storage/session.ts";
import { sql } from "../storage/sql.ts";
import { isConstraintError } from "../storage/storage-error.ts";
import { type OciAuthConfig, ociAuthConfigs } from "../storage/tables.ts";
import { findIdentity } from "./identities.ts";

/** What an administrator sets. The Worker sets the rest of a configuration. */
export type OciAuthSettings = Omit<
  OciAuthConfig,
  "id" | "identityId" | "rootOrganizationId" | "createdAt" | "updatedAt"
>;

type Change = { [K in keyof OciAuthSettings]?: OciAuthSettings[K] | undefined };

/** A tenancy that the root may not use gets the error of one that does not exist: both break the same foreign key. */
function explained(error: unknown, tenancyOcid: string | undefined): unknown {
  if (isConstraintError(error, "FOREIGN KEY")) {
    return new Refusal("conflict", `The tenancy '${tenancyOcid}' is not registered for this organization`);
  }
  if (isConstraintError(error, "UNIQUE")) {
    return new Refusal(
      "conflict",
      "OCI auth is configured for this identity already: PATCH it, or DELETE it first",
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

export async function attachOciAuth(
  database: Session,
  caller: Caller,
  issuer: string,
  identityId: string,
  settings: OciAuthSettings,
): Promise<OciAuthConfig> {
  const { organization } = orNotFound(await findIdentity(database, caller, identityId), "Identity");
  checkAudience(settings.accessTokenAudience, issuer);
  const now = new Date().toISOString();
  const row: OciAuthConfig = {
    id: crypto.randomUUID(),
    identityId,
    rootOrganizationId: organization.rootId,
    ...settings,
    createdAt: now,
    updatedAt: now,
  };
  try {
    await database.batch([
      ociAuthConfigs.insert(row),
      changeRecord(caller, {
        type: "oci-auth.attach",
        ...placeOf(organization),
        identityId,
        details: { ...settings },
      }),
    ]);
  } catch (error) {
    throw explained(error, settings.tenancyOcid);
  }
  return row;
}

export async function getOciAuth(
  database: Session,
  caller: Caller,
  identityId: string,
): Promise<OciAuthConfig> {
  orNotFound(await findIdentity(database, caller, identityId), "Identity");
  const config = await database.first(ociAuthConfigs.select(sql`WHERE identity_id = ${identityId}`));
  if (config === undefined) throw new Refusal("no-oci-auth");
  return config;
}

/** Changes only the fields that `change` has. */
export async function updateOciAuth(
  database: Session,
  caller: Caller,
  issuer: string,
  identityId: string,
  change: Change,
): Promise<OciAuthConfig> {
  const { organization } = orNotFound(await findIdentity(database, caller, identityId), "Identity");
  checkAudience(change.accessTokenAudience, issuer);
  let row: OciAuthConfig | undefined;
  try {
    [[row]] = await database.batch([
      ociAuthConfigs.update(
        { ...change, updatedAt: new Date().toISOString() },
        sql`WHERE identity_id = ${identityId}`,
      ),
      changeRecord(caller, {
        type: "oci-auth.update",
        ...placeOf(organization),
        identityId,
        details: { ...change },
      }),
    ]);
  } catch (error) {
    throw explained(error, change.tenancyOcid);
  }
  if (row === undefined) throw new Refusal("no-oci-auth");
  return row;
}

/** Also ends every token of the identity. Attaching again revives none of them. */
export async function detachOciAuth(
  database: Session,
  caller: Caller,
  identityId: string,
): Promise<OciAuthConfig> {
  const { organization } = orNotFound(await findIdentity(database, caller, identityId), "Identity");
  const [, [row]] = await database.batch([
    // Only if there is a configuration to detach: every change has an event.
    sql`UPDATE identities SET token_generation = token_generation + 1
      WHERE id IN (SELECT identity_id FROM oci_auth_configs WHERE identity_id = ${identityId})`,
    ociAuthConfigs.delete(sql`WHERE identity_id = ${identityId}`),
    changeRecord(caller, { type: "oci-auth.detach", ...placeOf(organization), identityId }),
  ]);
  if (row === undefined) throw new Refusal("no-oci-auth");
  return row;
}
