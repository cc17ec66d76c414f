/**
 * What is kept of a user: name, state and public keys, for one tenancy *and* user.
 *
 * An entry is made only from answers that are about the tenancy and user that were asked for, and is held to the same
 * when it is read back: an entry found under the wrong key, altered, or of another version counts as absent.
 */
import QuickLRU from "quick-lru";
import { maxUserNameLength, type OciApiKey, type OciUser } from "../oci/identity-client.ts";
import type { TenancyOcid, UserOcid } from "../oci/ocid.ts";
import { publicKeyDer } from "../oci/public-key.ts";
import { verificationKey } from "./verification-keys.ts";

export interface UserKey {
  readonly userId: string;
  readonly fingerprint: string;
  readonly lifecycleState: string;
  /** DER SubjectPublicKeyInfo in base64. */
  readonly publicKey: string;
}

export interface UserEntry {
  readonly version: 1;
  readonly tenancyOcid: string;
  readonly userOcid: string;
  readonly name: string;
  readonly lifecycleState: "ACTIVE";
  readonly keys: readonly UserKey[];
  /** When OCI was asked, in milliseconds since the epoch. */
  readonly fetchedAt: number;
}

/** Unlike a schema, it costs the first login of an isolate nothing: only this Worker writes entries. */
function isEntry(json: unknown): json is UserEntry {
  const entry = json as Unchecked<UserEntry> | null;
  return (
    entry?.version === 1 &&
    typeof entry.tenancyOcid === "string" &&
    typeof entry.userOcid === "string" &&
    typeof entry.name === "string" &&
    entry.name.length > 0 &&
    entry.name.length <= maxUserNameLength &&
    entry.lifecycleState === "ACTIVE" &&
    Array.isArray(entry.keys) &&
    entry.keys.every(isKey) &&
    Number.isFinite(entry.fetchedAt)
  );
}

function isKey(json: unknown): json is UserKey {
  const key = json as Unchecked<UserKey> | null;
  return [key?.userId, key?.fingerprint, key?.lifecycleState, key?.publicKey].every(
    (text) => typeof text === "string",
  );
}

type Unchecked<T> = { readonly [K in keyof T]?: unknown };

/** OCI's definite answer that a user may not log in, or an answer that is not about whom we asked for. */
export type UserVerdict =
  | { readonly kind: "active" }
  | { readonly kind: "refused"; readonly reason: "user-unknown" | "user-inactive" }
  | { readonly kind: "unfit"; readonly why: string };

export function judgeUser(tenancyOcid: TenancyOcid, userOcid: UserOcid, user: OciUser): UserVerdict {
  if (user.id !== userOcid) return { kind: "unfit", why: "Get User answered with another user" };
  if (user.compartmentId !== tenancyOcid) return { kind: "refused", reason: "user-unknown" };
  const mayUseKeys = user.lifecycleState === "ACTIVE" && user.capabilities?.canUseApiKeys !== false;
  return mayUseKeys ? { kind: "active" } : { kind: "refused", reason: "user-inactive" };
}

/** The entry of an active user; undefined if a key is of another user. A key that can never verify is left out. */
export async function makeEntry(
  tenancyOcid: TenancyOcid,
  userOcid: UserOcid,
  user: OciUser,
  apiKeys: readonly OciApiKey[],
  fetchedAt: number,
): Promise<UserEntry | undefined> {
  if (apiKeys.some((key) => key.userId !== userOcid)) return undefined;
  const keys: UserKey[] = [];
  for (const { userId, fingerprint, lifecycleState, keyValue } of apiKeys) {
    const der = publicKeyDer(keyValue);
    if (der === undefined) continue;
    keys.push({ userId, fingerprint, lifecycleState, publicKey: btoa(String.fromCharCode(...der)) });
  }
  return {
    version: 1,
    tenancyOcid,
    userOcid,
    name: user.name,
    lifecycleState: "ACTIVE",
    keys: await verifying(keys),
    fetchedAt,
  };
}

/** Of tenancy *and* user: an entry found by user alone would let one tenancy's user in to another's identity. */
export function entryId(tenancyOcid: string, userOcid: string): string {
  return `${tenancyOcid}/${userOcid}`;
}

/** Entries that were read before, by their text: a warm login reads the same one again. */
const read = new QuickLRU<string, Promise<UserEntry | undefined>>({ maxSize: 1000 });

/** Undefined unless the text is an entry, of this version, of the tenancy and user that the id names. */
export async function readEntry(text: string, id: string): Promise<UserEntry | undefined> {
  let reading = read.get(text);
  if (reading === undefined) {
    reading = parseEntry(text);
    read.set(text, reading);
  }
  const entry = await reading;
  return entry !== undefined && entryId(entry.tenancyOcid, entry.userOcid) === id ? entry : undefined;
}

async function parseEntry(text: string): Promise<UserEntry | undefined> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isEntry(json) || json.keys.some((key) => key.userId !== json.userOcid)) return undefined;
  return { ...json, keys: await verifying(json.keys) };
}

/** Without the keys that can never verify: not RSA, too short, or with a fingerprint that is not their own. */
async function verifying(keys: readonly UserKey[]): Promise<UserKey[]> {
  const imported = await Promise.all(keys.map((key) => verificationKey(key, "rsa-sha256")));
  return keys.filter((_, index) => imported[index] !== undefined);
}

export function activeKey(entry: UserEntry, fingerprint: string): UserKey | undefined {
  return entry.keys.find((key) => key.fingerprint === fingerprint && key.lifecycleState === "ACTIVE");
}
