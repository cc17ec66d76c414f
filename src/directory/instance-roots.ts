/** Whether a root of a region vouches for an instance's certificates, as OCI publishes the roots. */
import QuickLRU from "quick-lru";
import { log } from "../log.ts";
import type { TrustedRoot } from "../oci/certificate-authority.ts";
import { type InstanceChain, isLeafSigned, isValidAt, vouches } from "../oci/instance-chain.ts";
import { fetchInstanceRoots } from "../oci/instance-roots-client.ts";
import { realmOf, type TenancyOcid } from "../oci/ocid.ts";
import { type OciCredential, type OciFailure, ociTimeoutMilliseconds } from "../oci/signed-call.ts";
import type { CachedEntry } from "./memory.ts";
import { makeRootsEntry, type RootsEntry, readRootsEntry, rootsId, trustedRoot } from "./roots-entry.ts";
import {
  type CacheAccess,
  type EntryKind,
  type Resolution,
  type SourceAnswer,
  VouchedCache,
} from "./vouched-cache.ts";

export type CachedRoots = CachedEntry<RootsEntry>;

/** A tenancy of the realm, and one of its regions. */
export interface RootsQuery {
  readonly tenancyOcid: TenancyOcid;
  /** A region's name, known or of its shape. */
  readonly region: string;
}

/** Whether OCI may be called about one more region or root that anyone can have made up; counts it. */
export type RootsBudget = (query: RootsQuery, cacheIsReadable: boolean) => Promise<boolean>;

/** Where the roots are, and the credential of the tenancy that they are fetched with. */
export interface RootsSource {
  readonly origin: string;
  readonly credential: OciCredential;
}

/** How long roots answer after they were fresh, while OCI does not. */
const staleMilliseconds = 24 * 3_600_000;

const kind: EntryKind<RootsEntry> = {
  read: readRootsEntry,
  freshUntil: ({ freshUntil }) => freshUntil,
  usableUntil: ({ freshUntil }) => freshUntil + staleMilliseconds,
};

const cache = new VouchedCache<RootsEntry, never>(ociTimeoutMilliseconds);

export class InstanceRoots {
  readonly #access: CacheAccess;
  readonly #budget: RootsBudget;

  constructor(access: CacheAccess, budget: RootsBudget) {
    this.#access = access;
    this.#budget = budget;
  }

  /** What the cache shows of the region. Never rejects. */
  read({ tenancyOcid, region }: RootsQuery, now: number): Promise<CachedRoots> {
    return cache.read(this.#access, kind, rootsId(realmOf(tenancyOcid), region), now);
  }

  /**
   * The root that the chain leads to, from `cached` (what {@link read} gave) where that is enough, else from OCI. OCI is called about a root of a stale entry only once `prove` let it pass. `openSource` may reject, which
   * counts as "OCI does not answer". Rejects only as `prove` does.
   */
  resolve(
    query: RootsQuery,
    chain: InstanceChain,
    cached: CachedRoots,
    prove: () => Promise<void>,
    openSource: () => Promise<RootsSource>,
    now: number,
  ): Promise<Resolution<TrustedRoot, never>> {
    const { tenancyOcid, region } = query;
    return this.#access.timings.measure(
      "oci",
      cache.resolve(
        this.#access,
        kind,
        {
          id: rootsId(realmOf(tenancyOcid), region),
          credential: tenancyOcid,
          find: ({ roots }) => vouchingRoot(roots, chain, now),
          prove,
          fetch: () => fetchRoots(query, openSource, now),
          allowed: (cacheIsReadable) => this.#budget(query, cacheIsReadable),
        },
        cached,
        now,
      ),
    );
  }
}

/** The root, in base64, that a chain was verified under last, by the digest of its certificates. */
const verified = new QuickLRU<string, string>({ maxSize: 1000 });

/** A chain is verified once under a root; whether the root is there and valid is asked each time. */
async function vouchingRoot(
  roots: readonly string[],
  chain: InstanceChain,
  now: number,
): Promise<TrustedRoot | undefined> {
  const digest = await digestOf(chain);
  const known = verified.get(digest);
  if (known !== undefined && roots.includes(known)) {
    const root = await trustedRoot(known);
    if (root !== undefined && isValidAt(root.certificate, now)) return root;
  }
  if (!(await isLeafSigned(chain))) return undefined;
  for (const base64 of roots) {
    const root = await trustedRoot(base64);
    if (root === undefined || !(await vouches(root, chain.intermediate, now))) continue;
    verified.set(digest, base64);
    return root;
  }
  return undefined;
}

async function digestOf({ leaf, intermediate }: InstanceChain): Promise<string> {
  const both = new Uint8Array(leaf.der.length + intermediate.der.length);
  both.set(leaf.der);
  both.set(intermediate.der, leaf.der.length);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", both)).toBase64();
}

/** Never rejects: whatever goes wrong, there is no usable answer. */
async function fetchRoots(
  { tenancyOcid, region }: RootsQuery,
  openSource: () => Promise<RootsSource>,
  now: number,
): Promise<SourceAnswer<RootsEntry, never>> {
  const failed = (failure: OciFailure, throttledSeconds?: number) => {
    log("error", {
      message: "OCI's roots of instances cannot be fetched",
      tenancyOcid,
      region,
      oci: failure,
    });
    return { kind: "unavailable" as const, throttledSeconds };
  };
  try {
    const { origin, credential } = await openSource();
    const answer = await fetchInstanceRoots(origin, credential);
    if (answer.kind === "unavailable") return failed(answer.failure, answer.throttledSeconds);
    const { problems } = answer.value;
    if (problems.length > 0) {
      log("warn", { message: "a part of OCI's roots of instances is not used", region, problems });
    }
    const entry = await makeRootsEntry(realmOf(tenancyOcid), region, answer.value, now);
    return entry === undefined
      ? failed({ why: "no root certificate signed itself" })
      : { kind: "entry", entry };
  } catch (error) {
    // Such as a credential that cannot be decrypted.
    return failed({ why: String(error) });
  }
}
