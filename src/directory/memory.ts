/**
 * What this isolate remembers beside KV: of users, and of how OCI answered. It is lost with the isolate, and no other
 * one sees it. Times are in milliseconds since the epoch; `id` is a tenancy and user.
 */
import QuickLRU from "quick-lru";
import type { TenancyOcid } from "../oci/ocid.ts";
import type { DirectoryEntry } from "./entry.ts";
import type { DefiniteAnswer } from "./lookup.ts";

/** What KV shows of a user. A KV that cannot be read is not an empty one. */
export type CachedEntry = DirectoryEntry | "absent" | "unreadable";

/** For as long KV may still show what was there before. */
const kvLagMilliseconds = 60_000;

/** How long a user about whom OCI did not answer is left alone, where something else can answer. */
const failureMilliseconds = 30_000;

/** How far another location's clock may be ahead of ours. */
const clockMarginMilliseconds = 60_000;

const maxSize = 1000;

/** Who had OCI called: whoever proved a key of the user, or anyone, who can have made up the user or the key. */
export type Asker = "holder" | "stranger";

class Memory {
  /** OCI's latest definite answers and when it was asked for them, while KV may show an older entry or none. */
  readonly #answers = new QuickLRU<string, { readonly answer: DefiniteAnswer; readonly askedAt: number }>({
    maxSize,
    maxAge: kvLagMilliseconds,
  });
  /** The entries that this isolate decided by last, for when KV cannot be read. */
  readonly #entries = new QuickLRU<string, DirectoryEntry>({ maxSize });
  readonly #failures = new QuickLRU<string, number>({ maxSize });
  readonly #purges = new QuickLRU<string, number>({ maxSize });
  readonly #throttled = new QuickLRU<TenancyOcid, number>({ maxSize });

  /**
   * The entry to decide by: the cached one, unless OCI gave this isolate a later answer, of which "no such user" leaves
   * no entry at all. While KV cannot be read, the last one that was decided by, as long as it is younger than `ttl`.
   */
  entryOf(id: string, cached: CachedEntry, now: number, ttl: number): DirectoryEntry | undefined {
    const last = this.#entries.get(id);
    const kept = last !== undefined && now - last.fetchedAt < ttl ? last : undefined;
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
  #counts(id: string, { fetchedAt }: DirectoryEntry, now: number): boolean {
    return fetchedAt <= now + clockMarginMilliseconds && fetchedAt >= (this.#purges.get(id) ?? 0);
  }

  #keep(id: string, entry: DirectoryEntry | undefined): void {
    if (entry === undefined) this.#entries.delete(id);
    else this.#entries.set(id, entry);
  }

  answered(id: string, answer: DefiniteAnswer, askedAt: number): void {
    this.#forgetFailures(id);
    this.#answers.set(id, { answer, askedAt });
    this.#keep(id, entryIn(answer));
  }

  failed(id: string, asker: Asker, askedAt: number): void {
    this.#failures.set(`${asker} ${id}`, askedAt);
  }

  /**
   * Whether OCI was called about the user a moment ago, for a holder or a stranger, and did not answer. Each has their
   * own: a stranger's failure must not spare a stale entry the call that would end it.
   */
  failedLately(id: string, asker: Asker, now: number): boolean {
    return now - (this.#failures.get(`${asker} ${id}`) ?? 0) < failureMilliseconds;
  }

  #forgetFailures(id: string): void {
    this.#failures.delete(`holder ${id}`);
    this.#failures.delete(`stranger ${id}`);
  }

  throttled(tenancyOcid: TenancyOcid, until: number): void {
    this.#throttled.set(tenancyOcid, until);
  }

  /** Whether OCI wants no calls with the tenancy's credential. */
  isThrottled(tenancyOcid: TenancyOcid, now: number): boolean {
    return now < (this.#throttled.get(tenancyOcid) ?? 0);
  }

  /** From now on, nothing that was fetched before counts, whoever still shows it. */
  purge(id: string, now: number): void {
    this.#answers.delete(id);
    this.#entries.delete(id);
    this.#forgetFailures(id);
    this.#purges.set(id, now);
  }
}

export const memory = new Memory();

function entryIn(answer: DefiniteAnswer): DirectoryEntry | undefined {
  return answer.kind === "entry" ? answer.entry : undefined;
}
