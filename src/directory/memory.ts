/**
 * What this isolate remembers beside KV: entries, and how their source answered. It is lost with the isolate, and no
 * other one sees it. Times are in milliseconds since the epoch.
 */
import QuickLRU from "quick-lru";

/** What others vouch for, as it is cached. */
export interface Entry {
  /** When the source was called. */
  readonly fetchedAt: number;
}

/** What KV shows under an id. A KV that cannot be read is not an empty one. */
export type CachedEntry<E> = E | "absent" | "unreadable";

/** The source's answer that there is nothing to vouch for. */
export interface Denial<R> {
  readonly kind: "refused";
  readonly reason: R;
}

export type DefiniteAnswer<E, R> = { readonly kind: "entry"; readonly entry: E } | Denial<R>;

/** Who had the source called: whoever proved what an entry vouches for, or anyone, who can have made up what they showed. */
export type Asker = "holder" | "stranger";

/** For as long KV may still show what was there before. */
const kvLagMilliseconds = 60_000;

/** For as long an isolate answers from its own copy of what KV showed. */
const copyMilliseconds = 10_000;

/** How long a source that did not answer is left alone, where something else can answer. */
const failureMilliseconds = 30_000;

/** How far another location's clock may be ahead of ours. */
const clockMarginMilliseconds = 60_000;

const maxSize = 1000;

export class Memory<E extends Entry, R> {
  /** The source's latest definite answers and when it was called for them, while KV may show an older entry or none. */
  readonly #answers = new QuickLRU<
    string,
    { readonly answer: DefiniteAnswer<E, R>; readonly askedAt: number }
  >({ maxSize, maxAge: kvLagMilliseconds });
  /** The entries that this isolate decided by last. */
  readonly #entries = new QuickLRU<string, E>({ maxSize });
  /** When KV was read, or the source answered, last. */
  readonly #readAt = new QuickLRU<string, number>({ maxSize });
  readonly #failures = new QuickLRU<string, number>({ maxSize });
  readonly #purges = new QuickLRU<string, number>({ maxSize });
  readonly #throttled = new QuickLRU<string, number>({ maxSize });

  /** The entry that this isolate decided by last, while it need not read KV again. */
  copyOf(id: string, now: number): E | undefined {
    return now - (this.#readAt.get(id) ?? Number.NEGATIVE_INFINITY) < copyMilliseconds
      ? this.#entries.get(id)
      : undefined;
  }

  wasRead(id: string, now: number): void {
    this.#readAt.set(id, now);
  }

  /**
   * The entry to decide by: the cached one, unless the source gave this isolate a later answer, of which a denial leaves
   * no entry at all. While KV cannot be read, the last one that was decided by, as long as `isFresh` says so.
   */
  entryOf(id: string, cached: CachedEntry<E>, now: number, isFresh: (entry: E) => boolean): E | undefined {
    const last = this.#entries.get(id);
    const kept = last !== undefined && isFresh(last) ? last : undefined;
    const shown = cached === "unreadable" ? kept : cached === "absent" ? undefined : cached;
    const counted = shown !== undefined && this.#counts(id, shown, now) ? shown : undefined;
    const recent = this.#answers.get(id);
    const entry =
      recent === undefined || (counted && counted.fetchedAt >= recent.askedAt)
        ? counted
        : entryIn(recent.answer);
    if (cached !== "unreadable") this.#keep(id, entry);
    return entry;
  }

  /** An entry from the future would stay fresh for as long, and KV may show for a while what was purged here. */
  #counts(id: string, { fetchedAt }: Entry, now: number): boolean {
    return fetchedAt <= now + clockMarginMilliseconds && fetchedAt >= (this.#purges.get(id) ?? 0);
  }

  #keep(id: string, entry: E | undefined): void {
    if (entry === undefined) this.#entries.delete(id);
    else this.#entries.set(id, entry);
  }

  answered(id: string, lookup: string, answer: DefiniteAnswer<E, R>, askedAt: number): void {
    this.#forgetFailures(lookup);
    this.#answers.set(id, { answer, askedAt });
    this.#keep(id, entryIn(answer));
    this.#readAt.set(id, askedAt);
  }

  failed(lookup: string, asker: Asker, askedAt: number): void {
    this.#failures.set(`${asker} ${lookup}`, askedAt);
  }

  /**
   * Whether the source was called a moment ago, for a holder or a stranger, and did not answer. Each has their own: a
   * stranger's failure must not spare a stale entry the call that would end it.
   */
  failedLately(lookup: string, asker: Asker, now: number): boolean {
    return now - (this.#failures.get(`${asker} ${lookup}`) ?? 0) < failureMilliseconds;
  }

  #forgetFailures(lookup: string): void {
    this.#failures.delete(`holder ${lookup}`);
    this.#failures.delete(`stranger ${lookup}`);
  }

  throttled(credential: string, until: number): void {
    this.#throttled.set(credential, until);
  }

  /** Whether the source wants no calls with the credential. */
  isThrottled(credential: string, now: number): boolean {
    return now < (this.#throttled.get(credential) ?? 0);
  }

  /** From now on, nothing that was fetched before counts, whoever still shows it. */
  purge(id: string, lookup: string, now: number): void {
    this.#answers.delete(id);
    this.#entries.delete(id);
    this.#forgetFailures(lookup);
    this.#purges.set(id, now);
  }
}

function entryIn<E, R>(answer: DefiniteAnswer<E, R>): E | undefined {
  return answer.kind === "entry" ? answer.entry : undefined;
}
