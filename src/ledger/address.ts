import type { Principal } from "../access/principal.ts";
import type { Ledger } from "./ledger.ts";

/**
 * Number of ledgers of one principal. It is not a setting: after a change, used signatures and revoked tokens would be
 * looked up in objects that do not know them (docs/decisions/sixteen-ledgers.md).
 */
export const ledgerShards = 16;

/** Hexadecimal SHA-256 of a decoded signature: it is the same for every base64 spelling. */
export async function signatureDigest(signature: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", signature)).toHex();
}

function nameOf({ authority, subject }: Principal, shard: number): string {
  return `${authority}/${subject}/${shard}`;
}

/**
 * The ledger of a signature's digest or of a token's id (a UUID): the first two hexadecimal digits of both are random.
 * It does not depend on the identity of the login: a signature that was used for one identity is used for all.
 */
export function ledgerOf(
  namespace: DurableObjectNamespace<Ledger>,
  principal: Principal,
  digestOrTokenId: string,
): DurableObjectStub<Ledger> {
  const shard = Number.parseInt(digestOrTokenId.slice(0, 2), 16) % ledgerShards;
  return namespace.getByName(nameOf(principal, shard));
}

/** All ledgers of a principal. */
export function ledgersOf(
  namespace: DurableObjectNamespace<Ledger>,
  principal: Principal,
): DurableObjectStub<Ledger>[] {
  return Array.from({ length: ledgerShards }, (_, shard) => namespace.getByName(nameOf(principal, shard)));
}
