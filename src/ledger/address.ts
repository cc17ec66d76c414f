import type { Principal } from "../access/principal.ts";
import type { Ledger } from "./ledger.ts";

/**
 * Ledgers for one who logs in. A constant and no setting: another number would send what was used or revoked to objects
 * that do not know of it (docs/decisions/sixteen-ledgers.md).
 */
export const ledgerShards = 16;

/** Hexadecimal SHA-256 of a decoded signature: what was shown, in whatever spelling. */
export async function signatureDigest(signature: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", signature)).toHex();
}

function nameOf({ authority, subject }: Principal, shard: number): string {
  return `${authority}/${subject}/${shard}`;
}

/**
 * The ledger of a signature's digest or of a token's id (a UUID): both are random in their first two hexadecimal
 * digits. It does not depend on the identity that was named: a signature used for one is used.
 */
export function ledgerOf(
  namespace: DurableObjectNamespace<Ledger>,
  principal: Principal,
  digestOrTokenId: string,
): DurableObjectStub<Ledger> {
  const shard = Number.parseInt(digestOrTokenId.slice(0, 2), 16) % ledgerShards;
  return namespace.getByName(nameOf(principal, shard));
}

/** All ledgers of one who logs in. */
export function ledgersOf(
  namespace: DurableObjectNamespace<Ledger>,
  principal: Principal,
): DurableObjectStub<Ledger>[] {
  return Array.from({ length: ledgerShards }, (_, shard) => namespace.getByName(nameOf(principal, shard)));
}
