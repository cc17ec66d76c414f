/**
 * Who may log in, which token is active, and what must be in the audit log: what README.md and SECURITY.md promise, as
 * one world with one clock. It knows no database, no cache and no shard; where the promise leaves a choice, a rule names
 * all that is allowed.
 */

/** What anyone may be told who is refused: the status, and words of the message. */
export const refusals = {
  "date-out-of-range": [401, "not within the allowed clock skew"],
  "no-oci-auth": [404, "did you configure OCI auth"],
  suspended: [403, "suspended"],
  "another-tenancy": [401, "isn't part of tenancy"],
  "key-unknown": [401, "not an active key"],
  "user-unknown": [401, "not an active key"],
  "user-inactive": [401, "not an active key"],
  "oci-unavailable": [503, "OCI cannot be asked"],
  "signature-invalid": [401, "does not verify"],
  "username-not-allowed": [401, "username not allowed"],
  "sub-organization-not-found": [404, "not found"],
  "sub-organization-not-authorized": [401, "not authorized to access"],
  "signature-reused": [401, "used before"],
  "token-malformed": [403, "not an access token"],
  "token-expired": [403, "expired"],
  "token-revoked": [401, ""],
  "token-used-up": [401, "as often as it may be"],
  "token-max-ttl": [401, "max TTL"],
  "ip-not-trusted": [403, "IP address"],
} as const satisfies Record<string, readonly [status: number, words: string]>;

export type Reason = keyof typeof refusals;
export type Verdict = "granted" | Reason;

export interface Organization {
  readonly id: string;
  readonly slug: string;
  /** Undefined for a root. */
  readonly parent: Organization | undefined;
  suspended: boolean;
}

export type Role = "member" | "introspector" | "admin";

export interface Policy {
  tenancyOcid: string;
  allowedUsernames: readonly string[] | null;
  accessTokenTTL: number;
  accessTokenMaxTTL: number;
  accessTokenPeriod: number;
  accessTokenNumUsesLimit: number;
  accessTokenAudience: string | null;
  /** Whether tokens may be used from `192.0.2.0/24` alone, or from anywhere. */
  trusted: "anywhere" | "192.0.2.0/24";
  signatureReuse: "allow" | "reject";
}

export interface Identity {
  readonly id: string;
  readonly label: string;
  readonly home: Organization;
  role: Role;
  suspended: boolean;
  generation: number;
  memberOf: ReadonlySet<Organization>;
  /** Undefined while nobody can log in. */
  policy: Policy | undefined;
}

/** A user as OCI has it. */
export interface User {
  readonly ocid: string;
  readonly tenancyOcid: string;
  readonly label: string;
  name: string;
  state: "active" | "inactive" | "without-api-keys" | "deleted";
  /** Fingerprints of active keys. */
  activeKeys: ReadonlySet<string>;
}

/** What was learnt of a user from OCI, and when. */
export interface DirectoryEntry {
  readonly at: number;
  readonly name: string;
  readonly activeKeys: ReadonlySet<string>;
}

export interface Tenancy {
  readonly ocid: string;
  /** The roots that may use it. */
  readonly roots: readonly Organization[];
  /** The id of the key that its credential is encrypted with. */
  encryptedWith: string;
}

/** All copies of one token share its id, its revocation and its uses. */
export interface Token {
  readonly id: string;
  readonly label: string;
  readonly identity: Identity;
  readonly organization: Organization;
  readonly user: User;
  readonly fingerprint: string;
  readonly generation: number;
  readonly loggedInAt: number;
  revoked: boolean;
  uses: number;
}

export interface Copy {
  readonly token: Token;
  readonly label: string;
  readonly jwt: string;
  readonly kid: string;
  readonly username: string;
  readonly audience: string;
  readonly expiresAt: number;
  /** 0: no limit. */
  readonly usesLimit: number;
}

export interface World {
  /** Seconds since the epoch. */
  now: number;
  /** How OCI answers: as it should; not at all, or with an error; or 404 to everything. */
  oci: "answers" | "fails" | "finds-nobody";
  /** The first signs or encrypts; all verify or decrypt. */
  signingKids: readonly string[];
  encryptionKids: readonly string[];
  readonly tenancies: Map<string, Tenancy>;
  readonly directory: Map<User, DirectoryEntry>;
  /** When OCI last failed to answer about a user of the tenancy. */
  readonly failedAt: Map<string, number>;
  /** How often a signature was shown, by those that came as far as the ledger. */
  readonly presentations: Map<string, number>;
}

export const issuer = "https://auth.example.com";
const defaultAudience = "api";
const maxTokenTtl = 3600;
const allowedSkew = 300;
const entryIsFresh = 300;
const entryIsUsable = 3600;
const refetch = 30;
/** For so long, at most, OCI may be left alone after it failed. */
const pauseAfterFailure = 60;

export function rootOf(organization: Organization): Organization {
  return organization.parent ?? organization;
}

/** A role counts in the identity's own organization and below it. */
export function roleIn(organization: Organization, { home, role }: Identity): Role {
  return organization === home || organization.parent === home ? role : "member";
}

export function audienceIn(organization: Organization, identity: Identity, policy: Policy): string {
  return roleIn(organization, identity) === "member"
    ? (policy.accessTokenAudience ?? defaultAudience)
    : issuer;
}

/** The identity, its own organization, or their root. */
function isSuspended({ suspended, home }: Identity): boolean {
  return suspended || home.suspended || rootOf(home).suspended;
}

function isAllowed(username: string, { allowedUsernames }: Policy): boolean {
  return allowedUsernames === null || allowedUsernames.includes(username);
}

function trusts({ trusted }: Policy, ip: string | undefined): boolean {
  return trusted === "anywhere" || ip?.startsWith("192.0.2.") === true;
}

/** Zero or less: no token. */
export function lifetime(policy: Policy, loggedInAt: number, now: number): number {
  if (policy.accessTokenPeriod > 0) return Math.min(policy.accessTokenPeriod, maxTokenTtl);
  const ttl = policy.accessTokenTTL > 0 ? policy.accessTokenTTL : maxTokenTtl;
  return Math.min(ttl, loggedInAt + policy.accessTokenMaxTTL - now, maxTokenTtl);
}

/** What the directory may say of a user's key, whether OCI is asked for it, and what is known of the user after it. */
export interface Resolution {
  readonly verdict:
    | "granted"
    | Extract<
        Reason,
        "key-unknown" | "user-unknown" | "user-inactive" | "oci-unavailable" | "signature-invalid"
      >;
  readonly asksOci: boolean;
  /** Granted: who OCI says it is. */
  readonly username?: string;
  readonly entry: DirectoryEntry | undefined;
  readonly failed?: true;
}

function ociOf(world: World, tenancyOcid: string): World["oci"] {
  const tenancy = world.tenancies.get(tenancyOcid);
  const credential = tenancy !== undefined && world.encryptionKids.includes(tenancy.encryptedWith);
  return credential ? world.oci : "fails";
}

/**
 * A fresh entry with the key answers; one without it is refetched, at most once in 30 s. A stale one is refetched, and
 * answers if OCI cannot be asked, until it is an hour old; with a signature that its key does not verify, OCI is not
 * asked. OCI's definite answer wins. After a failure it may be left alone for a while.
 */
export function resolve(world: World, user: User, fingerprint: string, genuine: boolean): Resolution[] {
  const entry = world.directory.get(user);
  const age = entry === undefined ? Number.POSITIVE_INFINITY : world.now - entry.at;
  const known = entry?.activeKeys.has(fingerprint) ?? false;
  const granted = (from: DirectoryEntry, asksOci: boolean): Resolution => ({
    verdict: genuine ? "granted" : "signature-invalid",
    asksOci,
    username: from.name,
    entry: from,
  });
  if (entry !== undefined && age < entryIsFresh) {
    if (known) return [granted(entry, false)];
    if (age < refetch) return [{ verdict: "key-unknown", asksOci: false, entry }];
  }
  const unavailable: Resolution = { verdict: "oci-unavailable", asksOci: true, entry, failed: true };
  if (known && !genuine) {
    const unasked: Resolution = { verdict: "signature-invalid", asksOci: false, entry };
    if (age < entryIsUsable) return [unasked];
    // One that is older is forgotten, sooner or later.
    return [unasked, asked(world, user, fingerprint, genuine) ?? unavailable];
  }
  const withoutOci: Resolution =
    entry !== undefined && known && age < entryIsUsable
      ? granted(entry, false)
      : { verdict: "oci-unavailable", asksOci: false, entry };
  const failedAt = world.failedAt.get(user.tenancyOcid) ?? Number.NEGATIVE_INFINITY;
  const mayPause = world.now - failedAt < pauseAfterFailure;
  return [
    ...(mayPause ? [withoutOci] : []),
    asked(world, user, fingerprint, genuine) ?? { ...withoutOci, asksOci: true, failed: true },
  ];
}

/** Undefined if OCI does not answer. */
function asked(world: World, user: User, fingerprint: string, genuine: boolean): Resolution | undefined {
  const oci = ociOf(world, user.tenancyOcid);
  if (oci === "fails") return undefined;
  if (oci === "finds-nobody" || user.state === "deleted") {
    return { verdict: "user-unknown", asksOci: true, entry: undefined };
  }
  if (user.state !== "active") return { verdict: "user-inactive", asksOci: true, entry: undefined };
  const entry = { at: world.now, name: user.name, activeKeys: user.activeKeys };
  if (!user.activeKeys.has(fingerprint)) return { verdict: "key-unknown", asksOci: true, entry };
  return { verdict: genuine ? "granted" : "signature-invalid", asksOci: true, username: user.name, entry };
}

export interface Attempt {
  readonly identity: Identity;
  readonly user: User;
  readonly fingerprint: string;
  /** Whether the named key made the signature. */
  readonly genuine: boolean;
  /** The signed date, in seconds since the epoch. */
  readonly date: number;
  /** What is shown: the same key signs the same text the same way. */
  readonly signature: string;
  readonly slug: string | undefined;
  /** The organization of that slug under the identity's root. */
  readonly named: Organization | undefined;
}

export interface Outcome {
  readonly verdict: Verdict;
  readonly resolution?: Resolution;
  readonly organization?: Organization;
  /** Whether the ledger was shown the signature. */
  readonly presented?: true;
}

/** Step 11: the identity's own organization, or a sub-organization of its root that it is a member of. */
function organizationOf(
  { home, memberOf }: Identity,
  slug: string | undefined,
  named: Organization | undefined,
): Organization | Reason {
  if (slug === undefined || named === home) return home;
  if (named?.parent === undefined) return "sub-organization-not-found";
  if (!memberOf.has(named)) return "sub-organization-not-authorized";
  return named.suspended ? "suspended" : named;
}

/** The login's table, from step 5. */
export function login(world: World, attempt: Attempt): Outcome[] {
  const { identity, user } = attempt;
  if (Math.abs(attempt.date - world.now) > allowedSkew) return [{ verdict: "date-out-of-range" }];
  const { policy } = identity;
  if (policy === undefined) return [{ verdict: "no-oci-auth" }];
  if (isSuspended(identity)) return [{ verdict: "suspended" }];
  if (policy.tenancyOcid !== user.tenancyOcid) return [{ verdict: "another-tenancy" }];
  return resolve(world, user, attempt.fingerprint, attempt.genuine).map((resolution): Outcome => {
    const { verdict, username } = resolution;
    if (verdict !== "granted" || username === undefined) return { verdict, resolution };
    if (!isAllowed(username, policy)) return { verdict: "username-not-allowed", resolution };
    const organization = organizationOf(identity, attempt.slug, attempt.named);
    if (typeof organization === "string") return { verdict: organization, resolution };
    const before = world.presentations.get(attempt.signature) ?? 0;
    const reused = before > 0 && policy.signatureReuse === "reject";
    return { verdict: reused ? "signature-reused" : "granted", resolution, organization, presented: true };
  });
}

/** Signed by a key that is published, and not expired. */
function verification(world: World, copy: Copy): Verdict {
  if (!world.signingKids.includes(copy.kid)) return "token-malformed";
  return copy.expiresAt <= world.now ? "token-expired" : "granted";
}

function ledgerSays({ token, usesLimit }: Copy): Verdict {
  if (token.revoked) return "token-revoked";
  return usesLimit > 0 && token.uses >= usesLimit ? "token-used-up" : "granted";
}

/** Nothing outlives its right to log in. */
export function renewal(world: World, copy: Copy, ip: string): Outcome[] {
  const verified = verification(world, copy);
  if (verified !== "granted") return [{ verdict: verified }];
  const { identity, organization, user, fingerprint } = copy.token;
  const { policy } = identity;
  if (policy === undefined || identity.generation !== copy.token.generation)
    return [{ verdict: "token-revoked" }];
  if (isSuspended(identity)) return [{ verdict: "suspended" }];
  if (policy.tenancyOcid !== user.tenancyOcid) return [{ verdict: "another-tenancy" }];
  const found = organizationOf(identity, organization.slug, organization);
  if (typeof found === "string") return [{ verdict: found }];
  if (copy.audience !== audienceIn(organization, identity, policy)) return [{ verdict: "token-revoked" }];
  if (!trusts(policy, ip)) return [{ verdict: "ip-not-trusted" }];
  if (lifetime(policy, copy.token.loggedInAt, world.now) <= 0) return [{ verdict: "token-max-ttl" }];
  return resolve(world, user, fingerprint, true).map((resolution): Outcome => {
    const { verdict, username } = resolution;
    if (verdict !== "granted" || username === undefined) return { verdict, resolution };
    if (!isAllowed(username, policy)) return { verdict: "username-not-allowed", resolution };
    return { verdict: ledgerSays(copy), resolution, organization };
  });
}

export function revocation(world: World, copy: Copy): Verdict {
  return verification(world, copy);
}

/** Whether a token may be used now, from there. */
export function isActive(world: World, copy: Copy, ip: string | undefined): boolean {
  const { identity, organization, user, generation } = copy.token;
  const { policy } = identity;
  return (
    verification(world, copy) === "granted" &&
    policy !== undefined &&
    identity.generation === generation &&
    policy.tenancyOcid === user.tenancyOcid &&
    isAllowed(copy.username, policy) &&
    !isSuspended(identity) &&
    !organization.suspended &&
    (organization === identity.home || identity.memberOf.has(organization)) &&
    copy.audience === audienceIn(organization, identity, policy) &&
    trusts(policy, ip) &&
    ledgerSays(copy) === "granted"
  );
}
