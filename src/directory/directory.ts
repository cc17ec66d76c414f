/**
 * Who a user is and which keys verify them: KV in front of OCI's Identity service.
 *
 * Promises that an answer is about the tenancy and user that were asked for, and no older than the configured limits,
 * and that strangers have OCI called about a user with an entry once in 30 s, and beyond that within the budget.
 * It does not promise that an answer is OCI's latest: a key revoked in OCI verifies until its entry is stale (KV
 * is eventually consistent too: docs/login.md, What Cloudflare promises), and longer only while OCI cannot be asked. Nor
 * that a purge is seen elsewhere at once: see {@link Directory.forget}.
 */
import { log } from "../log.ts";
import { type IdentityClient, ociTimeoutMilliseconds } from "../oci/identity-client.ts";
import type { ApiKeyId } from "../oci/key-id.ts";
import type { TenancyOcid, UserOcid } from "../oci/ocid.ts";
import { withTimeout } from "../timeout.ts";
import { activeKey, type DirectoryEntry, type DirectoryKey, readEntry } from "./entry.ts";
import { type DefiniteAnswer, lookUp, type NoAnswer } from "./lookup.ts";
import { type Asker, type CachedEntry, memory } from "./memory.ts";

export type Resolution =
  | {
      readonly kind: "found";
      readonly username: string;
      readonly key: DirectoryKey;
      /** "stale": OCI could not be asked. */
      readonly source: "cache" | "oci" | "stale";
    }
  | { readonly kind: "refused"; readonly reason: "key-unknown" | "user-unknown" | "user-inactive" }
  | { readonly kind: "unavailable" }
  /** Too many lookups of users or keys that anyone can have made up; OCI was not called. */
  | { readonly kind: "over-budget" };

/** Rejects, with the refusal, unless the key made the signature that the caller showed. */
export type KeyProof = (key: DirectoryKey) => Promise<void>;

/** Whether OCI may be called about one more user or key that anyone can have made up; counts it. */
export type LookupBudget = (tenancyOcid: TenancyOcid, cacheIsReadable: boolean) => Promise<boolean>;

type Answer = DefiniteAnswer | NoAnswer | { readonly kind: "over-budget" };

/** A fresh entry without the fingerprint is refetched at most this often for a user: the key may be new. */
const refetchMilliseconds = 30_000;

/** KV answers in a few milliseconds; OCI can be called without it. */
const kvTimeoutMilliseconds = 1000;

/** KV takes no shorter life (docs/login.md, What Cloudflare promises). */
const minKvTtlSeconds = 60;

/** The platform ends what a request leaves to the background by then. */
const maxWriteMilliseconds = 30_000;

/** This isolate's lookups in flight, and until when other requests may join them. */
const lookups = new Map<string, { readonly answer: Promise<Answer>; readonly joinableUntil: number }>();

/** This isolate's writes to KV in flight. */
const writes = new Map<string, Promise<unknown>>();

export class Directory {
  readonly #kv: KVNamespace;
  readonly #ttl: number;
  readonly #stale: number;
  readonly #background: Pick<ExecutionContext, "waitUntil">;
  readonly #budget: LookupBudget;

  constructor(
    kv: KVNamespace,
    limits: { directoryTtlSeconds: number; directoryStaleSeconds: number },
    background: Pick<ExecutionContext, "waitUntil">,
    budget: LookupBudget,
  ) {
    this.#budget = budget;
    this.#kv = kv;
    this.#ttl = limits.directoryTtlSeconds * 1000;
    this.#stale = limits.directoryStaleSeconds * 1000;
    this.#background = background;
  }

  /** What KV shows of the user. Never rejects. */
  async read(tenancyOcid: TenancyOcid, userOcid: UserOcid): Promise<CachedEntry> {
    try {
      const text = await withTimeout(kvTimeoutMilliseconds, this.#kv.get(entryKey(tenancyOcid, userOcid)));
      return (text === null ? undefined : await readEntry(text, tenancyOcid, userOcid)) ?? "absent";
    } catch (error) {
      log("warn", { message: "the directory's cache cannot be read", error: String(error) });
      return "unreadable";
    }
  }

  /**
   * The user's name and the key that `keyId` names, from `cached` (what {@link read} gave) where that is enough, else
   * from OCI. OCI is called about a key of a stale entry only once `prove` let it pass, and then without a budget. The
   * key that is answered is not always one that was proved. `openClient` may reject, which counts as "OCI cannot be
   * asked". Rejects only as `prove` does.
   */
  async resolve(
    keyId: ApiKeyId,
    cached: CachedEntry,
    prove: KeyProof,
    openClient: () => Promise<IdentityClient>,
    now: number,
  ): Promise<Resolution> {
    const id = entryKey(keyId.tenancyOcid, keyId.userOcid);
    const entry = memory.entryOf(id, cached, now, this.#ttl);
    const age = entry === undefined ? Number.POSITIVE_INFINITY : now - entry.fetchedAt;
    const fresh = age < this.#ttl;
    const known = entry && foundIn(entry, keyId.fingerprint, fresh ? "cache" : "stale");
    const asker: Asker = known === undefined ? "stranger" : "holder";
    const failedLately = memory.failedLately(id, asker, now);

    if (known?.source === "cache") return known;
    if (known !== undefined) {
      await prove(known.key);
      if (failedLately && age < this.#stale) return known;
    } else {
      // Anyone can have made up the user, or the fingerprint.
      if (fresh && age < refetchMilliseconds) return { kind: "refused", reason: "key-unknown" };
      if (fresh && failedLately) return { kind: "unavailable" };
      if (memory.isThrottled(keyId.tenancyOcid, now)) return { kind: "unavailable" };
    }

    // Not counted are lookups for a key that was proved, and one in 30 s for a fingerprint that an entry does not have:
    // a flood of unknown users neither holds known ones back nor keeps a revoked key alive.
    const again = age < refetchMilliseconds || failedLately;
    const counted = entry === undefined || (known === undefined && again);
    const allowed = async () => !counted || (await this.#budget(keyId.tenancyOcid, cached !== "unreadable"));
    let { answer, joined } = await this.#ask(keyId, asker, openClient, allowed, now);
    // It was another request that had no budget left; this one asks for itself. Those that waited longest are the next
    // to ask, so none is overtaken for ever.
    while (answer.kind === "over-budget" && joined) {
      ({ answer, joined } = await this.#ask(keyId, asker, openClient, allowed, now));
    }
    if (answer.kind === "entry") {
      return foundIn(answer.entry, keyId.fingerprint, "oci") ?? { kind: "refused", reason: "key-unknown" };
    }
    if (answer.kind !== "unavailable") return answer;
    return known !== undefined && age < this.#stale ? known : { kind: "unavailable" };
  }

  /**
   * Makes KV and this isolate forget a user: nothing that was fetched before `now` counts here any more, and no write
   * of this isolate that is in flight brings it back. A write in flight in another isolate may, until it is stale.
   * Rejects if KV cannot delete.
   */
  async forget(tenancyOcid: TenancyOcid, userOcid: UserOcid, now: number): Promise<void> {
    const id = entryKey(tenancyOcid, userOcid);
    memory.purge(id, now);
    lookups.delete(id);
    await writes.get(id);
    await this.#kv.delete(id);
  }

  /** Joins the lookup of the user that another request of this isolate began, or begins one. */
  async #ask(
    keyId: ApiKeyId,
    asker: Asker,
    openClient: () => Promise<IdentityClient>,
    allowed: () => Promise<boolean>,
    now: number,
  ): Promise<{ answer: Answer; joined: boolean }> {
    const id = entryKey(keyId.tenancyOcid, keyId.userOcid);
    let lookup = lookups.get(id);
    const joined = lookup !== undefined && now <= lookup.joinableUntil;
    if (lookup === undefined || !joined) {
      const begun = {
        answer: lookUpWithin(allowed, () => lookUp(keyId, openClient, now)),
        joinableUntil: now + ociTimeoutMilliseconds,
      };
      lookups.set(id, begun);
      // The lookup outlives the request that began it. Until KV has the answer, others join it rather than begin one.
      const remembered = begun.answer
        .then(async (answer) => {
          if (answer.kind === "unavailable" && answer.throttledSeconds !== undefined) {
            memory.throttled(keyId.tenancyOcid, now + answer.throttledSeconds * 1000);
          }
          // A lookup that is no longer the user's current one was overtaken, or the user was purged meanwhile.
          if (lookups.get(id) !== begun) return;
          if (answer.kind === "over-budget") {
            lookups.delete(id);
          } else if (answer.kind === "unavailable") {
            memory.failed(id, asker, now);
          } else {
            memory.answered(id, answer, now);
            await this.#write(id, answer);
          }
        })
        .finally(() => {
          if (lookups.get(id) === begun) lookups.delete(id);
        });
      this.#background.waitUntil(remembered);
      lookup = begun;
    }
    // Every waiter has its own time limit: the request that asks may end before its answer comes.
    try {
      return { answer: await withTimeout(ociTimeoutMilliseconds, lookup.answer), joined };
    } catch {
      memory.failed(id, asker, now);
      return { answer: { kind: "unavailable" }, joined };
    }
  }

  /** A cache that cannot be written costs the next login a lookup, and fails none. */
  async #write(id: string, answer: DefiniteAnswer): Promise<void> {
    const expirationTtl = Math.max(Math.ceil(Math.max(this.#ttl, this.#stale) / 1000), minKvTtlSeconds);
    const write =
      answer.kind === "entry"
        ? this.#kv.put(id, JSON.stringify(answer.entry), { expirationTtl })
        : this.#kv.delete(id);
    const written = withTimeout(maxWriteMilliseconds, write).catch((error) => {
      log("warn", { message: "the directory's cache cannot be written", error: String(error) });
    });
    const all = Promise.all([writes.get(id), written]);
    writes.set(id, all);
    await written;
    if (writes.get(id) === all) writes.delete(id);
  }
}

/** Of tenancy *and* user: an entry found by user alone would let one tenancy's user in to another's identity. */
function entryKey(tenancyOcid: TenancyOcid, userOcid: UserOcid): string {
  return `${tenancyOcid}/${userOcid}`;
}

function foundIn(entry: DirectoryEntry, fingerprint: string, source: "cache" | "oci" | "stale") {
  const key = activeKey(entry, fingerprint);
  return key && { kind: "found" as const, username: entry.name, key, source };
}

async function lookUpWithin(
  allowed: () => Promise<boolean>,
  look: () => Promise<DefiniteAnswer | NoAnswer>,
): Promise<Answer> {
  return (await allowed()) ? look() : { kind: "over-budget" };
}
