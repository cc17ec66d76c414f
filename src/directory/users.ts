/** Who a user is and which keys verify them, as OCI's Identity service vouches for it. */
import type { IdentityClient } from "../oci/identity-client.ts";
import type { ApiKeyId } from "../oci/key-id.ts";
import type { TenancyOcid, UserOcid } from "../oci/ocid.ts";
import { ociTimeoutMilliseconds } from "../oci/signed-call.ts";
import type { CachedEntry } from "./memory.ts";
import { activeKey, entryId, readEntry, type UserEntry, type UserKey } from "./user-entry.ts";
import { lookUp, type UserDenial } from "./user-lookup.ts";
import { type CacheAccess, type EntryKind, VouchedCache } from "./vouched-cache.ts";

export type CachedUser = CachedEntry<UserEntry>;

export type Resolution =
  | {
      readonly kind: "found";
      readonly username: string;
      readonly key: UserKey;
      /** "stale": OCI could not be asked. */
      readonly source: "cache" | "oci" | "stale";
    }
  | { readonly kind: "refused"; readonly reason: "key-unknown" | UserDenial }
  | { readonly kind: "unavailable" }
  /** Too many lookups of users or keys that anyone can have made up; OCI was not called. */
  | { readonly kind: "over-budget" };

/** Rejects, with the refusal, unless the key made the signature that the caller showed. */
export type KeyProof = (key: UserKey) => Promise<void>;

/** Whether OCI may be called about one more user or key that anyone can have made up; counts it. */
export type LookupBudget = (tenancyOcid: TenancyOcid, cacheIsReadable: boolean) => Promise<boolean>;

export interface DirectoryLimits {
  readonly directoryTtlSeconds: number;
  readonly directoryStaleSeconds: number;
}

const cache = new VouchedCache<UserEntry, UserDenial>(ociTimeoutMilliseconds);

export class UserDirectory {
  readonly #access: CacheAccess;
  readonly #kind: EntryKind<UserEntry>;
  readonly #budget: LookupBudget;

  constructor(
    access: CacheAccess,
    { directoryTtlSeconds, directoryStaleSeconds }: DirectoryLimits,
    budget: LookupBudget,
  ) {
    this.#access = access;
    this.#kind = {
      read: readEntry,
      freshUntil: ({ fetchedAt }) => fetchedAt + directoryTtlSeconds * 1000,
      usableUntil: ({ fetchedAt }) => fetchedAt + directoryStaleSeconds * 1000,
    };
    this.#budget = budget;
  }

  /** What the cache shows of the user. Never rejects. */
  read({ tenancyOcid, userOcid }: Omit<ApiKeyId, "fingerprint">, now: number): Promise<CachedUser> {
    return cache.read(this.#access, this.#kind, entryId(tenancyOcid, userOcid), now);
  }

  /**
   * The user's name and the key that `keyId` names, from `cached` (what {@link read} gave) where that is enough, else
   * from OCI. OCI is called about a key of a stale entry only once `prove` let it pass, and then without a budget. The
   * key that is answered is not always one that was proved. `openClient` may reject, which counts as "OCI cannot be
   * asked". Rejects only as `prove` does.
   */
  async resolve(
    keyId: ApiKeyId,
    cached: CachedUser,
    prove: KeyProof,
    openClient: () => Promise<IdentityClient>,
    now: number,
  ): Promise<Resolution> {
    const { tenancyOcid, userOcid, fingerprint } = keyId;
    const resolution = await this.#access.timings.measure(
      "oci",
      cache.resolve(
        this.#access,
        this.#kind,
        {
          id: entryId(tenancyOcid, userOcid),
          credential: tenancyOcid,
          find: (entry) => {
            const key = activeKey(entry, fingerprint);
            return key && { username: entry.name, key };
          },
          prove: ({ key }) => prove(key),
          fetch: () => lookUp(keyId, openClient, now),
          allowed: (cacheIsReadable) => this.#budget(tenancyOcid, cacheIsReadable),
        },
        cached,
        now,
      ),
    );
    if (resolution.kind === "unknown") return { kind: "refused", reason: "key-unknown" };
    if (resolution.kind !== "found") return resolution;
    return { kind: "found", ...resolution.found, source: resolution.source };
  }

  /**
   * Makes KV and this isolate forget a user: nothing that was fetched before `now` counts here any more. A write in
   * flight in another isolate may bring it back, until it is stale. Rejects if KV cannot delete.
   */
  forget(tenancyOcid: TenancyOcid, userOcid: UserOcid, now: number): Promise<void> {
    const id = entryId(tenancyOcid, userOcid);
    return cache.forget(this.#access, { id, credential: tenancyOcid }, now);
  }
}
