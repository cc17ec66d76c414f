import { eq, inArray, sql } from "drizzle-orm";
import { changeRecord } from "../audit/outbox.ts";
import type { Caller } from "../http/caller.ts";
import { Refusal } from "../http/refusal.ts";
import { type Database, isConstraintError } from "./database.ts";
import { findIdentity, orNotFound, placeOf } from "./reach.ts";
import { identities, type OciAuthConfig, ociAuthConfigs } from "./tables.ts";

/** What an administrator sets; the rest of a configuration is ours. */
export type OciAuthSettings = Omit<
  OciAuthConfig,
  "id" | "identityId" | "rootOrganizationId" | "createdAt" | "updatedAt"
>;

type Change = { [K in keyof OciAuthSettings]?: OciAuthSettings[K] | undefined };

/** A tenancy that the root may not use answers like one that does not exist: the reference to both of them fails. */
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

async function findConfig(database: Database, identityId: string): Promise<OciAuthConfig | undefined> {
  const [row] = await database.select().from(ociAuthConfigs).where(eq(ociAuthConfigs.identityId, identityId));
  return row;
}

export async function attachOciAuth(
  database: Database,
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
      database.insert(ociAuthConfigs).values(row),
      changeRecord(database, caller, {
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
  database: Database,
  caller: Caller,
  identityId: string,
): Promise<OciAuthConfig> {
  orNotFound(await findIdentity(database, caller, identityId), "Identity");
  const config = await findConfig(database, identityId);
  if (config === undefined) throw new Refusal("no-oci-auth");
  return config;
}

/** Changes what `change` names and nothing else. */
export async function updateOciAuth(
  database: Database,
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
      database
        .update(ociAuthConfigs)
        .set({ ...change, updatedAt: new Date().toISOString() })
        .where(eq(ociAuthConfigs.identityId, identityId))
        .returning(),
      changeRecord(database, caller, {
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

/** Ends every token of the identity too, and attaching again revives none of them. */
export async function detachOciAuth(
  database: Database,
  caller: Caller,
  identityId: string,
): Promise<OciAuthConfig> {
  const { organization } = orNotFound(await findIdentity(database, caller, identityId), "Identity");
  const attached = database
    .select({ identityId: ociAuthConfigs.identityId })
    .from(ociAuthConfigs)
    .where(eq(ociAuthConfigs.identityId, identityId));
  const [, [row]] = await database.batch([
    // Only with what is detached: a change has an event.
    database
      .update(identities)
      .set({ tokenGeneration: sql`${identities.tokenGeneration} + 1` })
      .where(inArray(identities.id, attached)),
    database.delete(ociAuthConfigs).where(eq(ociAuthConfigs.identityId, identityId)).returning(),
    changeRecord(database, caller, { type: "oci-auth.detach", ...placeOf(organization), identityId }),
  ]);
  if (row === undefined) throw new Refusal("no-oci-auth");
  return row;
}
