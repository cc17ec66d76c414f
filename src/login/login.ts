/**
 * The login, step by step as the table of docs/login.md has it: cheap and local checks first, and nothing leaves the
 * Worker for a request that could be refused without it. Step 1, the body, is the route's (contract.ts).
 *
 * It touches no binding: what it reads comes through {@link LoginDependencies}, so that every refusal can be tested.
 */
import type { ClientInfo } from "../access/caller.ts";
import { roleIn } from "../access/role.ts";
import { newEvent, type OutgoingEvent, placeOf } from "../audit/event.ts";
import type { Refused } from "../audit/refusals.ts";
import type { UserKey } from "../directory/user-entry.ts";
import type { CachedUser, KeyProof, Resolution } from "../directory/users.ts";
import { verificationKey } from "../directory/verification-keys.ts";
import type { LoginConfiguration, LoginOrganization } from "../identities/login-configuration.ts";
import { signatureDigest } from "../ledger/address.ts";
import type { LoginOutcome, LoginRecord } from "../ledger/ledger.ts";
import type { HttpDate } from "../oci/http-date.ts";
import type { IdentityHost } from "../oci/identity-host.ts";
import { type ApiKeyId, parseApiKeyId } from "../oci/key-id.ts";
import { parseUserOcid, realmOf } from "../oci/ocid.ts";
import { type Parsed, quoted } from "../oci/parsed.ts";
import { realmDomain } from "../oci/realms.ts";
import { parseRequestSignature, type RequestSignature } from "../oci/request-signature.ts";
import { parseSignedGetUser } from "../oci/signed-get-user.ts";
import { verifySignature } from "../oci/verify.ts";
import { type Reason, Refusal } from "../refusal.ts";
import { isId } from "../storage/id.ts";
import { type IssuedToken, type Issuer, issueToken } from "../tokens/issue.ts";
import type { LoginBody } from "./contract.ts";
import {
  checkConfiguration,
  checkOrganization,
  checkTenancy,
  checkUser,
  checkUsername,
} from "./eligibility.ts";

export interface LoginDependencies {
  readonly issuer: Issuer;
  readonly client: ClientInfo;
  /** Rejects with a {@link Refusal} if the caller's address is over its rate. */
  checkRate(): Promise<void>;
  loadConfiguration(
    identityId: string,
    organizationSlug: string | undefined,
  ): Promise<LoginConfiguration | undefined>;
  readDirectory(keyId: ApiKeyId): Promise<CachedUser>;
  /** Rejects as `prove` does. */
  resolveUser(
    keyId: ApiKeyId,
    cached: CachedUser,
    prove: KeyProof,
    tenancy: LoginConfiguration["tenancy"],
  ): Promise<Resolution>;
  /** Rejects with a {@link Refusal} if the ledger does not answer. */
  recordLogin(keyId: ApiKeyId, login: LoginRecord): Promise<LoginOutcome>;
  /** Takes the event of a refusal that comes after step 6, and who was refused. */
  reportRefusal(event: OutgoingEvent, refused: Refused): void;
}

/** OCI's own allowance: 300 s, either way (docs/login.md, OCI's signatures). */
const allowedSkewMilliseconds = 300_000;

/** How much longer than it could be shown a signature is remembered: clocks differ. */
const memoryMarginMilliseconds = 60_000;

/** Throws a {@link Refusal}. `now` in milliseconds since the epoch. */
export async function logIn(
  body: LoginBody,
  dependencies: LoginDependencies,
  now: number,
): Promise<IssuedToken> {
  // 2. The caller is within its rate.
  await dependencies.checkRate();

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
  const date = checkDate(request.date, now);

  // D1 and KV, side by side, for what can be an identity's id.
  if (!isId(body.identityId)) throw new Refusal("no-oci-auth");
  const [found, cached] = await Promise.all([
    dependencies.loadConfiguration(body.identityId, body.organizationSlug),
    dependencies.readDirectory(keyId),
  ]);

  // 6. The identity logs in with OCI Auth, and nothing above it is suspended.
  const configuration = checkConfiguration(found);

  const attempt = new LoginAttempt(keyId, configuration, dependencies.client);
  let caller: Refused = "stranger";
  try {
    // 7. The tenancy is the one that is pinned, and the host and user are of its realm.
    checkTenancy(keyId.tenancyOcid, configuration);
    checkRealm(keyId, request.host);

    // 8. The directory knows the key, of this tenancy and user. It tries the signature with a key that it knew before
    // it has OCI called about it, so that a stranger makes no call.
    const prove = (key: UserKey) => checkSignature(key, signature, request.signingString);
    const user = checkUser(await dependencies.resolveUser(keyId, cached, prove, configuration.tenancy));
    attempt.tell({ username: user.username, keySource: user.source });

    // 9. The key that the directory answered with made the signature, whatever it tried.
    await prove(user.key);
    caller = "holder";

    // 10. The user is allowed.
    checkUsername(user.username, configuration);

    // 11. The organization is one that the identity may log in to.
    const organization = organizationOf(body.organizationSlug, configuration);

    // 12. The ledger records the login and its event, and knows if the signature was used before.
    const tokenId = crypto.randomUUID();
    const { recorded, presentations } = await dependencies.recordLogin(keyId, {
      signatureDigest: await signatureDigest(signature.signature),
      rememberUntil: date.epochMilliseconds + allowedSkewMilliseconds + memoryMarginMilliseconds,
      signatureReuse: configuration.config.signatureReuse,
      event: attempt.succeeded(organization, tokenId),
    });
    if (!recorded) {
      // The event of a refusal is the identity's own organization's: it may not be the one that was shown the signature.
      const { count } = presentations;
      attempt.tell({ signatureReused: organization === configuration.home ? presentations : { count } });
      throw new Refusal("signature-reused");
    }

    // 13. The token.
    const { identity, config: policy } = configuration;
    const loggedInAt = Math.floor(now / 1000);
    return await issueToken(
      dependencies.issuer,
      {
        tokenId,
        loggedInAt,
        identity: { ...identity, role: roleIn(organization, identity) },
        organization,
        policy,
        oci: { ...keyId, username: user.username },
      },
      loggedInAt,
    );
  } catch (error) {
    if (error instanceof Refusal) dependencies.reportRefusal(attempt.refused(error.reason), caller);
    throw error;
  }
}

/** What the event of a login tells: more, the further it came. */
class LoginAttempt {
  readonly #configuration: LoginConfiguration;
  readonly #client: ClientInfo;
  readonly #actor: string;
  #details: Record<string, unknown>;

  constructor(keyId: ApiKeyId, configuration: LoginConfiguration, client: ClientInfo) {
    this.#configuration = configuration;
    this.#client = client;
    this.#actor = `oci/${keyId.userOcid}`;
    this.#details = { ...keyId };
  }

  tell(more: Record<string, unknown>): void {
    this.#details = { ...this.#details, ...more };
  }

  succeeded(organization: LoginOrganization, tokenId: string): OutgoingEvent {
    return this.#event(organization, null, { ...this.#details, tokenId });
  }

  refused(reason: Reason): OutgoingEvent {
    return this.#event(this.#configuration.home, reason, this.#details);
  }

  #event(
    organization: LoginOrganization,
    reason: Reason | null,
    details: Record<string, unknown>,
  ): OutgoingEvent {
    const identityId = this.#configuration.identity.id;
    return newEvent(this.#client, {
      type: "login",
      actor: this.#actor,
      reason,
      ...placeOf(organization),
      identityId,
      details,
    });
  }
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

function checkDate(date: HttpDate | undefined, now: number): HttpDate {
  if (date === undefined) {
    throw new Refusal(
      "date-not-signed",
      "Neither date nor x-date is signed, and only a signed date proves freshness",
    );
  }
  if (Math.abs(date.epochMilliseconds - now) <= allowedSkewMilliseconds) return date;
  const [clock, from, to] = [now, now - allowedSkewMilliseconds, now + allowedSkewMilliseconds].map((time) =>
    new Date(time).toUTCString(),
  );
  throw new Refusal(
    "date-out-of-range",
    `Access denied: the signed date '${date.text}' is not within the allowed clock skew. Our clock says '${clock}', the allowed range is '${from}' to '${to}'.`,
  );
}

function checkRealm(keyId: ApiKeyId, host: IdentityHost): void {
  const realm = realmOf(keyId.tenancyOcid);
  const [userRealm, domain] = [realmOf(keyId.userOcid), realmDomain(realm)];
  if (userRealm !== realm) {
    throw new Refusal(
      "another-realm",
      `Access denied: the user in keyId is of realm ${userRealm}, and its tenancy of realm ${realm}.`,
    );
  }
  if (host.domain !== domain) {
    throw new Refusal(
      "another-realm",
      `Access denied: the host ${quoted(host.text)} is not of the tenancy's realm, ${realm}; its hosts end in ${domain}.`,
    );
  }
}

async function checkSignature(
  userKey: UserKey,
  { algorithm, signature }: RequestSignature,
  signingString: string,
): Promise<void> {
  const key = await verificationKey(userKey, algorithm);
  if (key === undefined) throw new Refusal("key-unknown");
  if (!(await verifySignature(key, algorithm, signature, signingString))) {
    throw new Refusal("signature-invalid");
  }
}

function organizationOf(slug: string | undefined, configuration: LoginConfiguration): LoginOrganization {
  const { home } = configuration;
  return slug === undefined || slug === home.slug ? home : checkOrganization(slug, configuration);
}
