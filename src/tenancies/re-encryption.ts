/** Encrypts stored credentials anew, with the first of ENCRYPTION_KEYS, so that an older key can be dropped. */
import type { Caller } from "../access/caller.ts";
import { changeRecord } from "../audit/outbox.ts";
import {
  decryptPrivateKey,
  type EncryptionKeys,
  encryptingKeyId,
  encryptPrivateKey,
} from "../keys/credential-encryption.ts";
import type { Session } from "../storage/session.ts";
import { sql } from "../storage/sql.ts";
import { type OciTenancy, ociTenancies } from "../storage/tables.ts";
import { ownerOf } from "./tenancy-client.ts";

export interface ReEncryption {
  readonly reEncrypted: number;
  /** Already encrypted with the first key. */
  readonly current: number;
  /** Registered anew or deleted in the meantime, and left as they are. */
  readonly changed: number;
  /** Tenancies whose credential none of the keys decrypts. */
  readonly undecryptable: string[];
}

type Judged =
  | { readonly kind: "current" | "undecryptable"; readonly row: OciTenancy }
  | { readonly kind: "old"; readonly row: OciTenancy; readonly encrypted: string };

async function judge(keys: EncryptionKeys, row: OciTenancy): Promise<Judged> {
  const { tenancyOcid } = ownerOf(row);
  let pkcs8: Uint8Array<ArrayBuffer>;
  try {
    pkcs8 = await decryptPrivateKey(keys, tenancyOcid, row.encryptedPrivateKey);
  } catch {
    return { kind: "undecryptable", row };
  }
  if (encryptingKeyId(row.encryptedPrivateKey) === keys.first) return { kind: "current", row };
  return { kind: "old", row, encrypted: await encryptPrivateKey(keys, tenancyOcid, pkcs8) };
}

/**
 * Replaces credentials with their events in one transaction. A credential that is registered meanwhile stays: only the
 * one that was read is replaced.
 */
export async function reEncrypt(
  database: Session,
  caller: Caller,
  keys: EncryptionKeys,
  tenancies: readonly OciTenancy[],
): Promise<ReEncryption> {
  const judged = await Promise.all(tenancies.map((row) => judge(keys, row)));
  const old = judged.filter((each) => each.kind === "old");
  const statements = old.flatMap(({ row: { tenancyOcid, encryptedPrivateKey }, encrypted }) => [
    ociTenancies.update(
      { encryptedPrivateKey: encrypted },
      sql`WHERE tenancy_ocid = ${tenancyOcid} AND encrypted_private_key = ${encryptedPrivateKey}`,
    ),
    changeRecord(caller, {
      type: "tenancy.re-encrypt",
      details: { tenancyOcid, from: encryptingKeyId(encryptedPrivateKey), to: keys.first },
    }),
  ]);
  const results = statements.length === 0 ? [] : await database.batch(statements);
  const reEncrypted = results.flat().length;
  return {
    reEncrypted,
    current: judged.filter(({ kind }) => kind === "current").length,
    changed: old.length - reEncrypted,
    undecryptable: judged.filter(({ kind }) => kind === "undecryptable").map(({ row }) => row.tenancyOcid),
  };
}
