/**
 * The login, step by step as design's table has it: cheap and local checks first, and nothing leaves the Worker for a
 * request that could be refused without it. Step 1, the body, is the route's (contract.ts).
 *
 * It touches no binding: what it reads comes through {@link LoginDependencies}, so that every refusal can be tested.
 */
import type { Resolution } from "../directory/directory.ts";
import type { DirectoryEntry } from "../directory/entry.ts";
import { verificationKey } from "../directory/verification-keys.ts";
import { Refusal } from "../http/refusal.ts";
import type { LoginConfiguration } from "../identities/login-configuration.ts";
import { isId } from "../identities/reach.ts";
import { roleIn } from "../identities/standing.ts";
import type { OciTenancy, Organization } from "../identities/tables.ts";
import type { HttpDate } from "../oci/http-date.ts";
import type { IdentityHost } from "../oci/identity-host.ts";
import { type ApiKeyId, parseApiKeyId } from "../oci/key-id.ts";
import { parseUserOcid, realmOf } from "../oci/ocid.ts";
import type { Parsed } from "../oci/parsed.ts";
import { realmDomain } from "../oci/realms.ts";
import { parseRequestSignature, type RequestSignature } from "../oci/request-signature.ts";
import { parseSignedGetUser } from "../oci/signed-get-user.ts";
import { verifySignature } from "../oci/verify.ts";
import { type IssuedToken, type Issuer, issueToken } from "../tokens/issue.ts";
import type { LoginBody } from "./contract.ts";

export interface LoginDependencies {
  readonly issuer: Issuer;
  loadConfiguration(
    identityId: string,
    organizationSlug: string | undefined,
  ): Promise<LoginConfiguration | undefined>;
  readDirectory(keyId: ApiKeyId): Promise<DirectoryEntry | undefined>;
  resolveUser(keyId: ApiKeyId, cached: DirectoryEntry | undefined, tenancy: OciTenancy): Promise<Resolution>;
}

/** OCI's own allowance: 300 s, either way (facts.md, section 2). */
const allowedSkewMilliseconds = 300_000;

/** Throws a {@link Refusal}. `now` in milliseconds since the epoch. */
export async function logIn(
  body: LoginBody,
  dependencies: LoginDependencies,
  now: number,
): Promise<IssuedToken> {
  // 2. The caller's rate: its place is here, before any work is done.

  // 3. Everything that was sent fits its grammar.
  const userOcid = accept(parseUserOcid(body.userOcid), "userOcid: ");
  const signature = accept(parseRequestSignature(body.headers.authorization));
  const request = accept(parseSignedGetUser(userOcid, body.headers, signature.headers));

  // 4. The signer is the user who logs in: whoever may read users can sign a Get User for another one.
  const keyId = apiKeyOf(signature);
  if (keyId.userOcid !== userOcid) {
    throw new Refusal(
      "another-user",
      "Access denied: the user in keyId is not userOcid; each user signs for themselves.",
    );
  }

  // 5. The signature is fresh.
  checkDate(request.date, now);

  // D1 and KV, side by side, for what can be an identity's id.
  if (!isId(body.identityId)) throw new Refusal("no-oci-auth");
  const [configuration, cached] = await Promise.all([
    dependencies.loadConfiguration(body.identityId, body.organizationSlug),
    dependencies.readDirectory(keyId),
  ]);

  // 6. The identity logs in with OCI Auth, and nothing above it is suspended.
  if (configuration === undefined) throw new Refusal("no-oci-auth");
  if (configuration.suspended) {
    throw new Refusal(
      "suspended",
      "The identity or its organization is suspended: an administrator must resume it first.",
    );
  }

  // 7. The tenancy is the one that is pinned, and the host and user are of its realm.
  checkTenancy(keyId, request.host, configuration);

  // 8. The directory knows the key, of this tenancy and user.
  const user = await dependencies.resolveUser(keyId, cached, configuration.tenancy);
  if (user.kind === "refused") throw new Refusal(user.reason);
  if (user.kind === "unavailable") throw new Refusal("oci-unavailable");

  // 9. The key made the signature.
  const key = await verificationKey(user.key, signature.algorithm);
  if (key === undefined) throw new Refusal("key-unknown");
  if (!(await verifySignature(key, signature.algorithm, signature.signature, request.signingString))) {
    throw new Refusal("signature-invalid");
  }

  // 10. The user is allowed.
  if (!isAllowed(configuration.config.allowedUsernames, user.username))
    throw new Refusal("username-not-allowed");

  // 11. The organization is one that the identity may log in to.
  const organization = organizationOf(body.organizationSlug, configuration);

  // 12. The ledger's place: it records the login and its event, and decides about a signature that was used before.

  // 13. The token.
  const { identity, config } = configuration;
  const seconds = Math.floor(now / 1000);
  return issueToken(
    dependencies.issuer,
    {
      tokenId: crypto.randomUUID(),
      loggedInAt: seconds,
      identity: { ...identity, role: roleIn(organization, identity) },
      organization,
      policy: config,
      oci: { ...keyId, username: user.username },
    },
    seconds,
  );
}

function accept<T>(parsed: Parsed<T>, prefix = ""): T {
  if (!parsed.ok) throw new Refusal("malformed-request", prefix + parsed.problem);
  return parsed.value;
}

function apiKeyOf(signature: RequestSignature): ApiKeyId {
  const keyId = parseApiKeyId(signature.keyId);
  if (!keyId.ok) {
    const isToken = signature.keyId.startsWith("ST$");
    throw new Refusal(isToken ? "security-token" : "malformed-request", keyId.problem);
  }
  return keyId.value;
}

function checkDate(date: HttpDate | undefined, now: number): void {
  if (date === undefined) {
    throw new Refusal(
      "date-not-signed",
      "Neither date nor x-date is signed, and only a signed date proves freshness",
    );
  }
  if (Math.abs(date.epochMilliseconds - now) <= allowedSkewMilliseconds) return;
  const [clock, from, to] = [now, now - allowedSkewMilliseconds, now + allowedSkewMilliseconds].map((time) =>
    new Date(time).toUTCString(),
  );
  throw new Refusal(
    "date-out-of-range",
    `Access denied: the signed date '${date.text}' is not within the allowed clock skew. Our clock says '${clock}', the allowed range is '${from}' to '${to}'.`,
  );
}

function checkTenancy(keyId: ApiKeyId, host: IdentityHost, { config }: LoginConfiguration): void {
  if (keyId.tenancyOcid !== config.tenancyOcid) throw new Refusal("another-tenancy");
  const realm = realmOf(keyId.tenancyOcid);
  if (host.domain !== realmDomain(realm) || realmOf(keyId.userOcid) !== realm)
    throw new Refusal("another-realm");
}

/** Comma-separated, exact and case-sensitive; null allows every user of the tenancy. */
function isAllowed(allowedUsernames: string | null, username: string): boolean {
  return (
    allowedUsernames === null || allowedUsernames.split(",").some((allowed) => allowed.trim() === username)
  );
}

function organizationOf(slug: string | undefined, { home, named }: LoginConfiguration): Organization {
  if (slug === undefined || slug === home.slug) return home;
  // The root is no sub-organization of an identity that was created below it.
  if (named === null || named.organization.parentId === null) {
    throw new Refusal("sub-organization-not-found", `Sub organization with slug ${slug} not found`);
  }
  if (!named.isMember) {
    throw new Refusal(
      "sub-organization-not-authorized",
      `Identity not authorized to access sub organization ${slug}`,
    );
  }
  if (named.organization.suspended) {
    throw new Refusal(
      "suspended",
      `Sub organization ${slug} is suspended: an administrator must resume it first.`,
    );
  }
  return named.organization;
}
