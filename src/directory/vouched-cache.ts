/**
 * What others vouch for: KV in front of whoever vouches, the source. It knows when an entry is good, when the source is
 * called, by how many at a time and within which budget, and what an isolate remembers; what an entry holds is its
 * user's.
 *
 * Promises that an answer is no older than the entry's life, and that strangers have the source called about an entry
 * that is there once in 30 s, and beyond that within the budget. It does not promise that an answer is the source's
 * latest: what was revoked there is vouched for until its entry is stale (KV is eventually consistent too:
 * docs/login.md, What Cloudflare promises, and an isolate reads it once in 10 s), and longer only while the source
 * does not answer. Nor that a purge is seen elsewhere at once: see {@link VouchedCache.forget}.
 */
import { log } from "../log.ts";
import { withTimeout } from "../timeout.ts";
import type { Timings } from "../timings.ts";
import {
  type Asker,
  type CachedEntry,
  type DefiniteAnswer,
  type Denial,
  type Entry,
  Memory,
} from "./memory.ts";

/** No usable answer. `throttledSeconds` is there if it was a 429: how long the source wants no call. */
export interface NoAnswer {
  readonly kind: "unavailable";
  readonly throttledSeconds?: number | undefined;
}

export type SourceAnswer<E, R> = DefiniteAnswer<E, R> | NoAnswer;

/** What a kind of entry is, and for how long one is good. Times are in milliseconds since the epoch. */
export interface EntryKind<E> {
  /** Undefined unless the text is an entry of this kind, kept under this id. */
  read(text: string, id: string): Promise<E | undefined>;
  /** Until when it answers alone. */
  freshUntil(entry: E): number;
  /** Until when it answers while the source does not. */
  usableUntil(entry: E): number;
}

/** What is sought in an entry. */
export interface Lookup<E, A, R> {
  readonly id: string;
  /** Whose credential the source is called with. Its failures count apart from those of others. */
  readonly credential: string;
  /** What the entry vouches for, of what the caller showed. */
  find(entry: E): A | undefined | Promise<A | undefined>;
  /** Rejects, with the refusal, unless what is vouched for made the proof that the caller showed. */
  prove(found: A): Promise<void>;
  /** Calls the source. Never rejects. */
  fetch(): Promise<SourceAnswer<E, R>>;
  /** Whether the source may be called about one more thing that anyone can have made up; counts it. */
  allowed(cacheIsReadable: boolean): Promise<boolean>;
}

export type Resolution<A, R> =
  | {
      readonly kind: "found";
      readonly found: A;
      /** "stale": the source did not answer. */
      readonly source: "cache" | "oci" | "stale";
    }
  /** The source vouches for nothing here. */
  | Denial<R>
  /** There is an entry, and it does not have what is sought. */
  | { readonly kind: "unknown" }
  | { readonly kind: "unavailable" }
  /** Too many lookups of what anyone can have made up; the source was not called. */
  | { readonly kind: "over-budget" };

/** What a request lends the cache. */
export interface CacheAccess {
  readonly kv: KVNamespace;
  readonly background: Pick<ExecutionContext, "waitUntil">;
  readonly timings: Timings;
}

type Answer<E, R> = SourceAnswer<E, R> | { readonly kind: "over-budget" };

/** A fresh entry that lacks what is sought is fetched again at most this often: it may be new. */
const refetchMilliseconds = 30_000;

/** KV answers in a few milliseconds; the source can be called without it. */
const kvTimeoutMilliseconds = 1000;

/** KV takes no shorter life (docs/login.md, What Cloudflare promises). */
const minKvTtlSeconds = 60;

/** The platform ends what a request leaves to the background by then. */
const maxWriteMilliseconds = 30_000;

/** For the life of an isolate, one for each kind of entry. */
export class VouchedCache<E extends Entry, R> {
  readonly #memory = new Memory<E, R>();
  /** Lookups in flight, and until when other requests may join them. */
  readonly #lookups = new Map<
    string,
    { readonly answer: Promise<Answer<E, R>>; readonly joinableUntil: number }
  >();
  /** Writes to KV in flight. */
  readonly #writes = new Map<string, Promise<unknown>>();
  readonly #sourceTimeout: number;

  /** `sourceTimeout` in milliseconds: how long a request waits for the source. */
  constructor(sourceTimeout: number) {
    this.#sourceTimeout = sourceTimeout;
  }

  /** What KV shows under the id, or showed within the last ten seconds. Never rejects. */
  async read(
    { kv, timings }: CacheAccess,
    kind: EntryKind<E>,
    id: string,
    now: number,
  ): Promise<CachedEntry<E>> {
    const copy = this.#memory.copyOf(id, now);
    if (copy !== undefined) return copy;
    try {
      const text = await timings.measure("kv", withTimeout(kvTimeoutMilliseconds, kv.get(id)));
      const entry = text === null ? undefined : await kind.read(text, id);
      this.#memory.wasRead(id, now);
      return entry ?? "absent";
    } catch (error) {
      log("warn", { message: "the directory's cache cannot be read", error: String(error) });
      return "unreadable";
    }
  }

  /**
   * What is sought, from `cached` (what {@link read} gave) where that is enough, else from the source. The source is
   * called about what a stale entry vouches for only once `prove` let it pass, and then without a budget. What is
   * answered is not always what was proved. Rejects only as `prove` does.
   */
  async resolve<A>(
    access: CacheAccess,
    kind: EntryKind<E>,
    lookup: Lookup<E, A, R>,
    cached: CachedEntry<E>,
    now: number,
  ): Promise<Resolution<A, R>> {
    const { id, credential } = lookup;
    const key = keyOf(lookup);
    const isFresh = (each: E) => now < kind.freshUntil(each);
    const entry = this.#memory.entryOf(id, cached, now, isFresh);
    const fresh = entry !== undefined && isFresh(entry);
    const usable = entry !== undefined && now < kind.usableUntil(entry);
    const fetchedLately = entry !== undefined && now - entry.fetchedAt < refetchMilliseconds;
    const known = entry && (await foundIn(lookup, entry, fresh ? "cache" : "stale"));
    const asker: Asker = known === undefined ? "stranger" : "holder";
    const failedLately = this.#memory.failedLately(key, asker, now);

    if (known?.source === "cache") return known;
    if (known !== undefined) {
      await lookup.prove(known.found);
      if (failedLately && usable) return known;
    } else {
      // Anyone can have made up what is sought.
      if (fresh && fetchedLately) return { kind: "unknown" };
      if (fresh && failedLately) return { kind: "unavailable" };
      if (this.#memory.isThrottled(credential, now)) return { kind: "unavailable" };
    }

    // Not counted are lookups of what was proved, and one in 30 s of what an entry does not have: a flood of made-up
    // ones neither holds known ones back nor keeps alive what was revoked.
    const again = fetchedLately || failedLately;
    const counted = entry === undefined || (known === undefined && again);
    const allowed = async () => !counted || (await lookup.allowed(cached !== "unreadable"));
    let { answer, joined } = await this.#ask(access, kind, lookup, asker, allowed, now);
    // It was another request that had no budget left; this one asks for itself. Those that waited longest are the next
    // to ask, so none is overtaken for ever.
    while (answer.kind === "over-budget" && joined) {
      ({ answer, joined } = await this.#ask(access, kind, lookup, asker, allowed, now));
    }
    if (answer.kind === "entry") {
      return (await foundIn(lookup, answer.entry, "oci")) ?? { kind: "unknown" };
    }
    if (answer.kind !== "unavailable") return answer;
    return known !== undefined && usable ? known : { kind: "unavailable" };
  }

  /**
   * Makes KV and this isolate forget an entry: nothing that was fetched before `now` counts here any more, and no write
   * of this isolate that is in flight brings it back. A write in flight in another isolate may, until it is stale.
   * Rejects if KV cannot delete.
   */
  async forget(
    { kv, timings }: CacheAccess,
    { id, credential }: Pick<Lookup<E, unknown, R>, "id" | "credential">,
    now: number,
  ): Promise<void> {
    const key = keyOf({ id, credential });
    this.#memory.purge(id, key, now);
    this.#lookups.delete(key);
    await this.#writes.get(id);
    await timings.measure("kv", kv.delete(id));
  }

  /** Joins the lookup that another request of this isolate began, or begins one. */
  async #ask<A>(
    access: CacheAccess,
    kind: EntryKind<E>,
    lookup: Lookup<E, A, R>,
    asker: Asker,
    allowed: () => Promise<boolean>,
    now: number,
  ): Promise<{ answer: Answer<E, R>; joined: boolean }> {
    const { id, credential } = lookup;
    const key = keyOf(lookup);
    let begun = this.#lookups.get(key);
    const joined = begun !== undefined && now <= begun.joinableUntil;
    if (begun === undefined || !joined) {
      const own = {
        answer: fetchWithin(allowed, () => lookup.fetch()),
        joinableUntil: now + this.#sourceTimeout,
      };
      this.#lookups.set(key, own);
      // The lookup outlives the request that began it. Until KV has the answer, others join it rather than begin one.
      const remembered = own.answer
        .then(async (answer) => {
          if (answer.kind === "unavailable" && answer.throttledSeconds !== undefined) {
            this.#memory.throttled(credential, now + answer.throttledSeconds * 1000);
          }
          // A lookup that is no longer the current one was overtaken, or the entry was purged meanwhile.
          if (this.#lookups.get(key) !== own) return;
          if (answer.kind === "over-budget") {
            this.#lookups.delete(key);
          } else if (answer.kind === "unavailable") {
            this.#memory.failed(key, asker, now);
          } else {
            this.#memory.answered(id, key, answer, now);
            await this.#write(access, kind, id, answer, now);
          }
        })
        .finally(() => {
          if (this.#lookups.get(key) === own) this.#lookups.delete(key);
        });
      access.background.waitUntil(remembered);
      begun = own;
    }
    // Every waiter has its own time limit: the request that asks may end before its answer comes.
    try {
      return { answer: await withTimeout(this.#sourceTimeout, begun.answer), joined };
    } catch {
      this.#memory.failed(key, asker, now);
      return { answer: { kind: "unavailable" }, joined };
    }
  }

  /** A cache that cannot be written costs the next login a lookup, and fails none. */
  async #write(
    { kv }: CacheAccess,
    kind: EntryKind<E>,
    id: string,
    answer: DefiniteAnswer<E, R>,
    now: number,
  ): Promise<void> {
    const write =
      answer.kind === "entry"
        ? kv.put(id, JSON.stringify(answer.entry), { expirationTtl: kvTtlSeconds(kind, answer.entry, now) })
        : kv.delete(id);
    const written = withTimeout(maxWriteMilliseconds, write).catch((error) => {
      log("warn", { message: "the directory's cache cannot be written", error: String(error) });
    });
    const all = Promise.all([this.#writes.get(id), written]);
    this.#writes.set(id, all);
    await written;
    if (this.#writes.get(id) === all) this.#writes.delete(id);
  }
}

function kvTtlSeconds<E>(kind: EntryKind<E>, entry: E, now: number): number {
  const until = Math.max(kind.freshUntil(entry), kind.usableUntil(entry));
  return Math.max(Math.ceil((until - now) / 1000), minKvTtlSeconds);
}

/** Of a lookup in flight, and of its failures. */
function keyOf({ id, credential }: { id: string; credential: string }): string {
  return `${credential} ${id}`;
}

async function foundIn<E, A, R>(lookup: Lookup<E, A, R>, entry: E, source: "cache" | "oci" | "stale") {
  const found = await lookup.find(entry);
  return found === undefined ? undefined : { kind: "found" as const, found, source };
}

async function fetchWithin<E, R>(
  allowed: () => Promise<boolean>,
  fetch: () => Promise<SourceAnswer<E, R>>,
): Promise<Answer<E, R>> {
  return (await allowed()) ? fetch() : { kind: "over-budget" };
}
