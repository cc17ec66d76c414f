/**
 * Who a user is and which keys verify them: KV in front of OCI's Identity service.
 *
 * Promises that an answer is about the tenancy and user that were asked for, and no older than the configured limits.
 * It does not promise that it is OCI's latest: a key revoked in OCI verifies until its entry is stale (facts.md,
 * section 6: KV is eventually consistent too), and longer only while OCI cannot be asked.
 */
import QuickLRU from "quick-lru";
import { log } from "../log.ts";
import { type IdentityClient, type OciFailure, ociTimeoutMilliseconds } from "../oci/identity-client.ts";
import type { ApiKeyId } from "../oci/key-id.ts";
import type { TenancyOcid, UserOcid } from "../oci/ocid.ts";
import { within } from "../time-limit.ts";
import {
  activeKey,
  type DirectoryEntry,
  type DirectoryKey,
  judgeUser,
  makeEntry,
  readEntry,
} from "./entry.ts";

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
  /** Too many questions about unknown users and keys; this one was not asked. */
  | { readonly kind: "over-budget" };

type DefiniteAnswer =
  | { readonly kind: "entry"; readonly entry: DirectoryEntry }
  | { readonly kind: "refused"; readonly reason: "user-unknown" | "user-inactive" };

type Answer = DefiniteAnswer | { readonly kind: "unavailable" } | { readonly kind: "over-budget" };

/** Whether one more question about an unknown user or key may be asked of a tenancy; counts it. */
export type QuestionBudget = (tenancyOcid: TenancyOcid) => Promise<boolean>;

/** A fresh entry without the fingerprint is refetched at most this often for a user: the key may be new. */
const refetchMilliseconds = 30_000;

/** KV answers in a few milliseconds; OCI can be asked without it. */
const kvTimeoutMilliseconds = 1000;

/** KV takes no shorter life (facts.md, section 6). */
const minKvTtlSeconds = 60;

/** Questions that are being asked of OCI, and until when others may join them. */
const questions = new Map<string, { readonly answer: Promise<Answer>; readonly joinableUntil: number }>();

/** For as long KV may still show what was there before (facts.md, section 6). */
const kvLagMilliseconds = 60_000;

/** This isolate's latest definite answers and when they were asked for, while KV may show an older entry or none. */
const recentAnswers = new QuickLRU<string, { readonly answer: DefiniteAnswer; readonly askedAt: number }>({
  maxSize: 1000,
  maxAge: kvLagMilliseconds,
});

/** Users about whom OCI could not be asked a moment ago. */
const recentFailures = new QuickLRU<string, true>({ maxSize: 1000, maxAge: refetchMilliseconds });

export class Directory {
  readonly #kv: KVNamespace;
  readonly #ttl: number;
  readonly #stale: number;
  readonly #background: Pick<ExecutionContext, "waitUntil">;
  readonly #budget: QuestionBudget;

  constructor(
    kv: KVNamespace,
    limits: { directoryTtlSeconds: number; directoryStaleSeconds: number },
    background: Pick<ExecutionContext, "waitUntil">,
    budget: QuestionBudget,
  ) {
    this.#budget = budget;
    this.#kv = kv;
    this.#ttl = limits.directoryTtlSeconds * 1000;
    this.#stale = limits.directoryStaleSeconds * 1000;
    this.#background = background;
  }

  /** The cached entry. A cache that cannot be read is an empty one. */
  async read(tenancyOcid: TenancyOcid, userOcid: UserOcid): Promise<DirectoryEntry | undefined> {
    try {
      const text = await within(kvTimeoutMilliseconds, this.#kv.get(entryKey(tenancyOcid, userOcid)));
      return text === null ? undefined : await readEntry(text, tenancyOcid, userOcid);
    } catch (error) {
      log("warn", { message: "the directory's cache cannot be read", error: String(error) });
      return undefined;
    }
  }

  /**
   * The user's name and the key that `keyId` names, from `cached` (what {@link read} gave) where that is enough, else
   * from OCI. `openClient` may reject, which counts as "OCI cannot be asked".
   */
  async resolve(
    keyId: ApiKeyId,
    cached: DirectoryEntry | undefined,
    openClient: () => Promise<IdentityClient>,
    now: number,
  ): Promise<Resolution> {
    const id = entryKey(keyId.tenancyOcid, keyId.userOcid);
    const entry = latest(cached, recentAnswers.get(id));
    const age = entry === undefined ? Number.POSITIVE_INFINITY : now - entry.fetchedAt;
    const fresh = age < this.#ttl;
    const inEntry = entry && foundIn(entry, keyId.fingerprint, fresh ? "cache" : "stale");

    if (fresh) {
      if (inEntry !== undefined) return inEntry;
      if (age < refetchMilliseconds) return { kind: "refused", reason: "key-unknown" };
      if (recentFailures.has(id)) return { kind: "unavailable" };
    }
    // A question about a key that a user is known to have is not counted: a flood of unknown users neither holds known
    // ones back nor keeps a revoked key alive. One about a key that anyone can have made up is, unless a fresh entry
    // bounds it: a stale one stays stale while OCI fails, and OCI would be asked at every login.
    const counted = !fresh && inEntry === undefined;
    const allowed = counted ? () => this.#budget(keyId.tenancyOcid) : async () => true;
    let { answer, joined } = await this.#ask(keyId, openClient, allowed, now);
    // It was another request that had no budget left; this one asks for itself. Those that waited longest are the next
    // to ask, so none is overtaken for ever.
    while (answer.kind === "over-budget" && joined) {
      ({ answer, joined } = await this.#ask(keyId, openClient, allowed, now));
    }
    if (answer.kind === "entry") {
      return foundIn(answer.entry, keyId.fingerprint, "oci") ?? { kind: "refused", reason: "key-unknown" };
    }
    if (answer.kind === "unavailable" && age < this.#stale) return inEntry ?? answer;
    return answer;
  }

  /** Makes KV and this isolate forget a user. Rejects if KV cannot. */
  async forget(tenancyOcid: TenancyOcid, userOcid: UserOcid): Promise<void> {
    const id = entryKey(tenancyOcid, userOcid);
    recentAnswers.delete(id);
    recentFailures.delete(id);
    questions.delete(id);
    await this.#kv.delete(id);
  }

  /** Joins the question that another request of this isolate is asking about the user, or asks it. */
  async #ask(
    keyId: ApiKeyId,
    openClient: () => Promise<IdentityClient>,
    allowed: () => Promise<boolean>,
    now: number,
  ): Promise<{ answer: Answer; joined: boolean }> {
    const id = entryKey(keyId.tenancyOcid, keyId.userOcid);
    let question = questions.get(id);
    const joined = question !== undefined && now <= question.joinableUntil;
    if (question === undefined || !joined) {
      const asked = {
        answer: askWithin(allowed, () => askOci(keyId, openClient, now)),
        joinableUntil: now + ociTimeoutMilliseconds,
      };
      questions.set(id, asked);
      // The question outlives the request that asked it. Until KV has the answer, others join it rather than ask again.
      const remembered = asked.answer
        .then(async (answer) => {
          // A question that is no longer the user's current one was overtaken, or the user was forgotten meanwhile.
          if (questions.get(id) !== asked) return;
          if (answer.kind === "over-budget") {
            questions.delete(id);
          } else if (answer.kind === "unavailable") {
            recentFailures.set(id, true);
          } else {
            recentFailures.delete(id);
            recentAnswers.set(id, { answer, askedAt: now });
            await this.#remember(id, answer);
          }
        })
        .finally(() => {
          if (questions.get(id) === asked) questions.delete(id);
        });
      this.#background.waitUntil(remembered);
      question = asked;
    }
    // Every waiter has its own time limit: the request that asks may end before its answer comes.
    try {
      return { answer: await within(ociTimeoutMilliseconds, question.answer), joined };
    } catch {
      return { answer: { kind: "unavailable" }, joined };
    }
  }

  /** A cache that cannot be written costs the next login a question, and fails none. */
  async #remember(id: string, answer: DefiniteAnswer): Promise<void> {
    try {
      if (answer.kind === "entry") {
        const expirationTtl = Math.max(Math.ceil(Math.max(this.#ttl, this.#stale) / 1000), minKvTtlSeconds);
        await this.#kv.put(id, JSON.stringify(answer.entry), { expirationTtl });
      } else {
        await this.#kv.delete(id);
      }
    } catch (error) {
      log("warn", { message: "the directory's cache cannot be written", error: String(error) });
    }
  }
}

/** Of tenancy *and* user: an entry found by user alone would let one tenancy's user in to another's identity. */
function entryKey(tenancyOcid: TenancyOcid, userOcid: UserOcid): string {
  return `${tenancyOcid}/${userOcid}`;
}

/** The cached entry, unless this isolate has had a later answer: a later "no such user" leaves no entry at all. */
function latest(
  cached: DirectoryEntry | undefined,
  recent: { answer: DefiniteAnswer; askedAt: number } | undefined,
): DirectoryEntry | undefined {
  if (recent === undefined || (cached !== undefined && cached.fetchedAt >= recent.askedAt)) return cached;
  return recent.answer.kind === "entry" ? recent.answer.entry : undefined;
}

function foundIn(
  entry: DirectoryEntry,
  fingerprint: string,
  source: "cache" | "oci" | "stale",
): Resolution | undefined {
  const key = activeKey(entry, fingerprint);
  return key && { kind: "found", username: entry.name, key, source };
}

async function askWithin(allowed: () => Promise<boolean>, ask: () => Promise<Answer>): Promise<Answer> {
  return (await allowed()) ? ask() : { kind: "over-budget" };
}

/** Never rejects: whatever goes wrong, OCI has not been asked. */
async function askOci(
  keyId: ApiKeyId,
  openClient: () => Promise<IdentityClient>,
  now: number,
): Promise<Answer> {
  try {
    return await askClient(keyId, await openClient(), now);
  } catch (error) {
    // Such as a credential that cannot be decrypted.
    return unavailable(keyId.tenancyOcid, keyId.userOcid, { why: String(error) });
  }
}

/** Get User and List API Keys, side by side. */
async function askClient(
  { tenancyOcid, userOcid }: ApiKeyId,
  client: IdentityClient,
  now: number,
): Promise<Answer> {
  const [user, apiKeys] = await Promise.all([client.getUser(userOcid), client.listApiKeys(userOcid)]);
  for (const answer of [user, apiKeys]) {
    if (answer.kind === "not-found") {
      const message =
        "OCI says 404: the user is gone, or the policy that lets the tenancy's credential read users is";
      log("warn", { message, tenancyOcid, userOcid, oci: answer.failure });
      return { kind: "refused", reason: "user-unknown" };
    }
  }
  if (user.kind !== "answer") return unavailable(tenancyOcid, userOcid, user.failure);
  const verdict = judgeUser(tenancyOcid, userOcid, user.value);
  if (verdict.kind === "refused") return verdict;
  if (verdict.kind === "unfit") return unavailable(tenancyOcid, userOcid, verdict);
  if (apiKeys.kind !== "answer") return unavailable(tenancyOcid, userOcid, apiKeys.failure);
  const entry = await makeEntry(tenancyOcid, userOcid, user.value, apiKeys.value, now);
  return entry === undefined
    ? unavailable(tenancyOcid, userOcid, { why: "List API Keys answered with another user's keys" })
    : { kind: "entry", entry };
}

function unavailable(tenancyOcid: TenancyOcid, userOcid: UserOcid, failure: OciFailure): Answer {
  log("error", { message: "OCI cannot be asked about a user", tenancyOcid, userOcid, oci: failure });
  return { kind: "unavailable" };
}
