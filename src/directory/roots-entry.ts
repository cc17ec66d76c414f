/**
 * What is kept of a region's roots: those that signed themselves, for one realm *and* region. They vouch for the
 * tenancies of the realm alone, whichever of these had them fetched.
 */
import QuickLRU from "quick-lru";
import * as z from "zod";
import { lazy } from "../lazy.ts";
import { decodeBase64 } from "../oci/base64.ts";
import type { Certificate } from "../oci/certificate.ts";
import { parseRoot, type TrustedRoot, trustRoot } from "../oci/certificate-authority.ts";
import type { RootsAnswer } from "../oci/instance-roots.ts";
import type { Realm } from "../oci/realms.ts";

const entrySchema = lazy(() =>
  z.object({
    version: z.literal(1),
    realm: z.string(),
    region: z.string(),
    /** DER in base64. */
    roots: z.array(z.string()).min(1),
    /** When OCI was called, and until when it wants no other call, in milliseconds since the epoch. */
    fetchedAt: z.number(),
    freshUntil: z.number(),
  }),
);

export type RootsEntry = z.output<ReturnType<typeof entrySchema>>;

export function rootsId(realm: Realm | string, region: string): string {
  return `instance-roots/${realm}/${region}`;
}

const minFreshMilliseconds = 5 * 60_000;
const maxFreshMilliseconds = 24 * 3_600_000;
/** Where OCI does not say. */
const defaultFreshMilliseconds = 3_600_000;

/** Roots that OCI wants fetched again at once, or never, are held to these bounds. Undefined if none signed itself. */
export async function makeRootsEntry(
  realm: Realm,
  region: string,
  { roots, refreshIn }: RootsAnswer,
  now: number,
): Promise<RootsEntry | undefined> {
  const trusted = await Promise.all(roots.map(trustRoot));
  const kept = roots.filter((_, index) => trusted[index] !== undefined);
  if (kept.length === 0) return undefined;
  const fresh = (refreshIn ?? now + defaultFreshMilliseconds) - now;
  return {
    version: 1,
    realm,
    region,
    roots: kept.map(({ der }) => der.toBase64()),
    fetchedAt: now,
    freshUntil: now + Math.min(Math.max(fresh, minFreshMilliseconds), maxFreshMilliseconds),
  };
}

/** Undefined unless the text is an entry, of this version, of the realm and region that the id names. */
export async function readRootsEntry(text: string, id: string): Promise<RootsEntry | undefined> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const entry = entrySchema().safeParse(json).data;
  return entry !== undefined && rootsId(entry.realm, entry.region) === id ? entry : undefined;
}

/** Trusted once in an isolate, and kept by content: what vouches is always what the entry at hand says. */
const trustedRoots = new QuickLRU<string, Promise<TrustedRoot | undefined>>({ maxSize: 200 });

/** The root of this DER in base64; undefined unless it is of the profile and signed itself. */
export function trustedRoot(base64: string): Promise<TrustedRoot | undefined> {
  let root = trustedRoots.get(base64);
  if (root === undefined) {
    root = trust(base64);
    trustedRoots.set(base64, root);
  }
  return root;
}

async function trust(base64: string): Promise<TrustedRoot | undefined> {
  const der = decodeBase64(base64);
  const root = der === undefined ? undefined : parseRoot(der);
  return root?.ok ? trustRoot(root.value as Certificate) : undefined;
}
