import { and, asc, eq, gt, inArray, or, sql } from "drizzle-orm";
import { changeRecord } from "../audit/outbox.ts";
import type { Config } from "../env.ts";
import type { Caller } from "../http/caller.ts";
import { type Position, pageOf } from "../http/pages.ts";
import { Refusal } from "../http/refusal.ts";
import type { TenancyOcid } from "../oci/ocid.ts";
import { encryptPrivateKey } from "./credential-encryption.ts";
import { type FailedTrial, tryCredential } from "./credential-trial.ts";
import { type Database, isConstraintError } from "./database.ts";
import { orNotFound } from "./reach.ts";
import {
  type OciTenancy,
  ociAuthConfigs,
  ociTenancies,
  ociTenancyOrganizations,
  organizations,
} from "./tables.ts";
import { type CredentialOwner, identityClient } from "./tenancy-client.ts";

export interface WantedTenancy extends CredentialOwner {
  /** DER PKCS#8. */
  readonly pkcs8: Uint8Array<ArrayBuffer>;
  readonly organizationIds: readonly string[];
}

export type Tenancy = OciTenancy & { organizationIds: string[] };

/** The organizations as a JSON array, since a statement takes 100 parameters at most. */
function listed(organizationIds: readonly string[]) {
  return sql`(SELECT value FROM json_each(${JSON.stringify(organizationIds)}))`;
}

async function checkRoots(database: Database, organizationIds: readonly string[]): Promise<void> {
  const rows = await database
    .select({ id: organizations.id })
    .from(organizations)
    .where(
      and(sql`${organizations.parentId} IS NULL`, sql`${organizations.id} IN ${listed(organizationIds)}`),
    );
  const roots = new Set(rows.map((row) => row.id));
  const other = organizationIds.find((organizationId) => !roots.has(organizationId));
  if (other !== undefined) {
    throw new Refusal("conflict", `organizationIds: there is no root organization '${other}'`);
  }
}

/** The roots that have the tenancy attached and are not among those that keep it. */
async function attachedElsewhere(database: Database, tenancyOcid: string, kept: readonly string[]) {
  const rows = await database
    .selectDistinct({ id: ociAuthConfigs.rootOrganizationId })
    .from(ociAuthConfigs)
    .where(
      and(
        eq(ociAuthConfigs.tenancyOcid, tenancyOcid),
        sql`${ociAuthConfigs.rootOrganizationId} NOT IN ${listed(kept)}`,
      ),
    )
    .limit(10);
  return rows.map((row) => row.id);
}

function inUse(roots: readonly string[]): Refusal {
  return new Refusal(
    "conflict",
    `Identities of these root organizations log in from the tenancy, so it cannot be taken from them: ${roots.join(", ")}`,
  );
}

function refusedByOci({ attempt, failure }: FailedTrial): Refusal {
  const { status, code, message, opcRequestId, why } = failure;
  if (status === undefined) {
    return new Refusal(
      "oci-unavailable",
      `OCI did not answer the attempt to ${attempt}; nothing was stored, try again`,
    );
  }
  const denied = status === 401 || status === 404;
  const hint = denied ? "is the key its user's, and may its group 'read users in tenancy'?" : why;
  return new Refusal("conflict", `OCI did not let the credential ${attempt}; nothing was stored: ${hint}`, {
    details: { oci: { status, code, message, opcRequestId } },
  });
}

/** Tries the credential against OCI, then stores it encrypted. */
export async function putTenancy(
  database: Database,
  caller: Caller,
  config: Config,
  wanted: WantedTenancy,
): Promise<Tenancy> {
  const { pkcs8, organizationIds, ...owner } = wanted;
  await checkRoots(database, organizationIds);
  const attached = await attachedElsewhere(database, owner.tenancyOcid, organizationIds);
  if (attached.length > 0) throw inUse(attached);
  const failed = await tryCredential(identityClient(config, owner, pkcs8), owner);
  if (failed !== undefined) throw refusedByOci(failed);

  const now = new Date().toISOString();
  const encryptedPrivateKey = await encryptPrivateKey(config.encryptionKeys, owner.tenancyOcid, pkcs8);
  const { tenancyOcid, ...credential } = { ...owner, encryptedPrivateKey, updatedAt: now };
  try {
    const [[row]] = await database.batch([
      database
        .insert(ociTenancies)
        .values({ tenancyOcid, ...credential, createdAt: now })
        .onConflictDoUpdate({ target: ociTenancies.tenancyOcid, set: credential })
        .returning(),
      changeRecord(database, caller, { type: "tenancy.put", details: { ...owner, organizationIds } }),
      database
        .delete(ociTenancyOrganizations)
        .where(
          and(
            eq(ociTenancyOrganizations.tenancyOcid, tenancyOcid),
            sql`${ociTenancyOrganizations.organizationId} NOT IN ${listed(organizationIds)}`,
          ),
        ),
      database
        .insert(ociTenancyOrganizations)
        // SQLite takes ON CONFLICT after a SELECT only with a WHERE between them.
        .select(
          sql`SELECT ${tenancyOcid}, value FROM json_each(${JSON.stringify(organizationIds)}) WHERE true`,
        )
        .onConflictDoNothing(),
    ]);
    return { ...orNotFound(row, "Tenancy"), organizationIds: [...organizationIds].sort() };
  } catch (error) {
    // An identity was attached, or an organization deleted, since the checks above.
    if (isConstraintError(error, "FOREIGN KEY")) {
      throw new Refusal("conflict", "The organizations changed in the meantime; look again and retry");
    }
    throw error;
  }
}

async function withOrganizations(database: Database, rows: OciTenancy[]): Promise<Tenancy[]> {
  if (rows.length === 0) return [];
  const permissions = await database
    .select()
    .from(ociTenancyOrganizations)
    .where(inArray(ociTenancyOrganizations.tenancyOcid, listed(rows.map((row) => row.tenancyOcid))))
    .orderBy(asc(ociTenancyOrganizations.organizationId));
  return rows.map((row) => ({
    ...row,
    organizationIds: permissions
      .filter((permission) => permission.tenancyOcid === row.tenancyOcid)
      .map((permission) => permission.organizationId),
  }));
}

export async function listTenancies(
  database: Database,
  page: { cursor?: Position | undefined; limit: number },
) {
  const { cursor, limit } = page;
  const after =
    cursor &&
    or(
      gt(ociTenancies.createdAt, cursor.createdAt),
      and(eq(ociTenancies.createdAt, cursor.createdAt), gt(ociTenancies.tenancyOcid, cursor.id)),
    );
  const rows = await database
    .select()
    .from(ociTenancies)
    .where(after)
    .orderBy(asc(ociTenancies.createdAt), asc(ociTenancies.tenancyOcid))
    .limit(limit + 1);
  const { page: found, nextCursor } = pageOf(rows, limit, (row) => ({ ...row, id: row.tenancyOcid }));
  return { page: await withOrganizations(database, found), nextCursor };
}

export async function getTenancy(database: Database, tenancyOcid: TenancyOcid): Promise<Tenancy> {
  const rows = await database.select().from(ociTenancies).where(eq(ociTenancies.tenancyOcid, tenancyOcid));
  const [tenancy] = await withOrganizations(database, rows);
  return orNotFound(tenancy, "Tenancy");
}

/** Only one that no identity uses: there is no cascade. */
export async function deleteTenancy(
  database: Database,
  caller: Caller,
  tenancyOcid: TenancyOcid,
): Promise<Tenancy> {
  const tenancy = await getTenancy(database, tenancyOcid);
  try {
    await database.batch([
      database.delete(ociTenancies).where(eq(ociTenancies.tenancyOcid, tenancyOcid)),
      changeRecord(database, caller, { type: "tenancy.delete", details: { tenancyOcid } }),
    ]);
  } catch (error) {
    if (!isConstraintError(error, "FOREIGN KEY")) throw error;
    throw inUse(await attachedElsewhere(database, tenancyOcid, []));
  }
  return tenancy;
}
