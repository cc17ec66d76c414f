import type { Caller } from "../access/caller.ts";
import { orNotFound } from "../access/reach.ts";
import { changeRecord } from "../audit/outbox.ts";
import { encryptPrivateKey } from "../keys/credential-encryption.ts";
import type { TenancyOcid } from "../oci/ocid.ts";
import { Refusal } from "../refusal.ts";
import { type PageQuery, pageFrom, pageOf } from "../storage/pages.ts";
import type { Session } from "../storage/session.ts";
import { sql } from "../storage/sql.ts";
import { isConstraintError } from "../storage/storage-error.ts";
import { type OciTenancy, ociTenancies, ociTenancyOrganizations } from "../storage/tables.ts";
import { type FailedTrial, tryCredential } from "./credential-trial.ts";
import { type CredentialOwner, identityClient, type OciAccess } from "./tenancy-client.ts";

export interface WantedTenancy extends CredentialOwner {
  /** DER PKCS#8. */
  readonly pkcs8: Uint8Array<ArrayBuffer>;
  readonly organizationIds: readonly string[];
}

export type Tenancy = OciTenancy & { organizationIds: string[] };

/** One JSON array, since a statement has at most 100 parameters. */
function listed(values: readonly string[]) {
  return sql`(SELECT value FROM json_each(${JSON.stringify(values)}))`;
}

async function checkRoots(database: Session, organizationIds: readonly string[]): Promise<void> {
  const rows = await database.all(
    sql<{
      id: string;
    }>`SELECT id FROM organizations WHERE parent_id IS NULL AND id IN ${listed(organizationIds)}`,
  );
  const roots = new Set(rows.map((row) => row.id));
  const other = organizationIds.find((organizationId) => !roots.has(organizationId));
  if (other !== undefined) {
    throw new Refusal("conflict", `organizationIds: there is no root organization '${other}'`);
  }
}

/** The roots that have the tenancy attached, except those in `kept`. */
async function attachedElsewhere(database: Session, tenancyOcid: string, kept: readonly string[]) {
  const rows = await database.all(
    sql<{ id: string }>`
      SELECT root_organization_id AS id FROM oci_auth_configs
      WHERE tenancy_ocid = ${tenancyOcid} AND root_organization_id NOT IN ${listed(kept)}
      UNION SELECT root_organization_id FROM oci_instance_auth_configs
      WHERE tenancy_ocid = ${tenancyOcid} AND root_organization_id NOT IN ${listed(kept)} LIMIT 10`,
  );
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
  database: Session,
  caller: Caller,
  access: OciAccess,
  wanted: WantedTenancy,
): Promise<Tenancy> {
  const { pkcs8, organizationIds, ...owner } = wanted;
  await checkRoots(database, organizationIds);
  const attached = await attachedElsewhere(database, owner.tenancyOcid, organizationIds);
  if (attached.length > 0) throw inUse(attached);
  const failed = await tryCredential(identityClient(access, owner, pkcs8), owner);
  if (failed !== undefined) throw refusedByOci(failed);

  const now = new Date().toISOString();
  const encryptedPrivateKey = await encryptPrivateKey(access.encryptionKeys, owner.tenancyOcid, pkcs8);
  const { tenancyOcid, ...credential } = { ...owner, encryptedPrivateKey, updatedAt: now };
  try {
    const [[row]] = await database.batch([
      sql`${ociTenancies.insert({ tenancyOcid, ...credential, createdAt: now })}
        ON CONFLICT (tenancy_ocid) DO UPDATE SET ${ociTenancies.assignments(credential)}
        RETURNING ${ociTenancies.columns}`.as(ociTenancies.read),
      changeRecord(caller, { type: "tenancy.put", details: { ...owner, organizationIds } }),
      sql`DELETE FROM oci_tenancy_organizations
        WHERE tenancy_ocid = ${tenancyOcid} AND organization_id NOT IN ${listed(organizationIds)}`,
      // SQLite accepts ON CONFLICT after a SELECT only with a WHERE between them.
      sql`INSERT INTO oci_tenancy_organizations (tenancy_ocid, organization_id)
        SELECT ${tenancyOcid}, value FROM json_each(${JSON.stringify(organizationIds)}) WHERE true
        ON CONFLICT DO NOTHING`,
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

async function withOrganizations(database: Session, rows: OciTenancy[]): Promise<Tenancy[]> {
  if (rows.length === 0) return [];
  const tenancyOcids = listed(rows.map((row) => row.tenancyOcid));
  const permissions = await database.all(
    ociTenancyOrganizations.select(sql`WHERE tenancy_ocid IN ${tenancyOcids} ORDER BY organization_id`),
  );
  return rows.map((row) => ({
    ...row,
    organizationIds: permissions
      .filter((permission) => permission.tenancyOcid === row.tenancyOcid)
      .map((permission) => permission.organizationId),
  }));
}

export async function listTenancies(database: Session, query: PageQuery) {
  const rows = await database.all(
    ociTenancies.select(pageFrom(query, sql`TRUE`, sql`created_at, tenancy_ocid`)),
  );
  const { page, nextCursor } = pageOf(rows, query.limit, (row) => ({ ...row, id: row.tenancyOcid }));
  return { page: await withOrganizations(database, page), nextCursor };
}

export async function getTenancy(database: Session, tenancyOcid: TenancyOcid): Promise<Tenancy> {
  const rows = await database.all(ociTenancies.select(sql`WHERE tenancy_ocid = ${tenancyOcid}`));
  const [tenancy] = await withOrganizations(database, rows);
  return orNotFound(tenancy, "Tenancy");
}

/** Refuses to delete a tenancy that an identity uses: there is no cascade. */
export async function deleteTenancy(
  database: Session,
  caller: Caller,
  tenancyOcid: TenancyOcid,
): Promise<Tenancy> {
  const tenancy = await getTenancy(database, tenancyOcid);
  try {
    await database.batch([
      ociTenancies.delete(sql`WHERE tenancy_ocid = ${tenancyOcid}`),
      changeRecord(caller, { type: "tenancy.delete", details: { tenancyOcid } }),
    ]);
  } catch (error) {
    if (!isConstraintError(error, "FOREIGN KEY")) throw error;
    throw inUse(await attachedElsewhere(database, tenancyOcid, []));
  }
  return tenancy;
}
