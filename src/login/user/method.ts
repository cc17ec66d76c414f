/**
 * Users log in by an OCI request that they signed with an API key, a Get User of themselves: the steps of
 * docs/login.md that are theirs.
 */

import type { UserKey } from "../../directory/user-entry.ts";
import type { CachedUser, KeyProof, Resolution } from "../../directory/users.ts";
import { verificationKey } from "../../directory/verification-keys.ts";
import { permitsUsername, type UserSettings } from "../../identities/user-permission.ts";
import type { HttpDate } from "../../oci/http-date.ts";
import type { IdentityHost } from "../../oci/identity-host.ts";
import { type ApiKeyId, formatApiKeyId, parseApiKeyId } from "../../oci/key-id.ts";
import { parseUserOcid, realmOf } from "../../oci/ocid.ts";
import { type Parsed, quoted } from "../../oci/parsed.ts";
import { realmDomain } from "../../oci/realms.ts";
import { parseRequestSignature, type RequestSignature } from "../../oci/request-signature.ts";
import { parseSignedGetUser } from "../../oci/signed-get-user.ts";
import { verifySignature } from "../../oci/verify.ts";
import { Refusal } from "../../refusal.ts";
import type { StoredCredential } from "../../tenancies/tenancy-client.ts";
import type { ProvenBy } from "../../tokens/claims.ts";
import type { LoginBody } from "../contract.ts";
import type { LoginMethod, RenewalMethod, Shown } from "../method.ts";

/** A signed Get User, as it was read. */
export interface ShownRequest extends Shown {
  readonly keyId: ApiKeyId;
  readonly host: IdentityHost;
  readonly requestSignature: RequestSignature;
  readonly signingString: string;
}

/** Who a user is and which keys verify them. */
export interface Users {
  read(keyId: ApiKeyId): Promise<CachedUser>;
  /** Rejects as `prove` does. */
  resolve(
    keyId: ApiKeyId,
    cached: CachedUser,
    prove: KeyProof,
    tenancy: StoredCredential,
  ): Promise<Resolution>;
}

/** OCI's own allowance: 300 s, either way (docs/login.md, OCI's signatures). */
const allowedSkewMilliseconds = 300_000;

type ProvenUser = ProvenBy<"oci-auth">;

export function userMethod(
  users: Users,
): LoginMethod<LoginBody, ShownRequest, CachedUser, UserSettings, ProvenUser> {
  return {
    notConfigured: "no-oci-auth",
    read: readRequest,
    readCache: ({ keyId }) => users.read(keyId),

    // 7. The tenancy is the one that is pinned, and the host and user are of its realm.
    checkPinned({ keyId, host }, { config }) {
      checkTenancy(keyId.tenancyOcid, config);
      checkRealm(keyId, host);
    },

    async prove(shown, cached, { tenancy }, tell) {
      // 8. The directory knows the key, of this tenancy and user. It tries the signature with a key that it knew before
      // it has OCI called about it, so that a stranger makes no call.
      const prove = (key: UserKey) => checkSignature(key, shown);
      const user = checkUser(await users.resolve(shown.keyId, cached, prove, tenancy));
      tell({ username: user.username, keySource: user.source });

      // 9. The key that the directory answered with made the signature, whatever it tried.
      await prove(user.key);
      return { authMethod: "oci-auth", oci: { ...shown.keyId, username: user.username } };
    },

    // 10. The user is allowed.
    checkAllowed: ({ oci }, { config }) => checkUsername(oci.username, config),
    reuse: ({ config }) => config.signatureReuse,
  };
}

/** Steps 7, 8 and 10: the token is the proof that the key made a signature. */
export function userRenewal(
  loadConfiguration: RenewalMethod<UserSettings, ProvenUser>["loadConfiguration"],
  users: Users,
): RenewalMethod<UserSettings, ProvenUser> {
  const provedByToken = async () => {};
  return {
    notConfigured: "no-oci-auth",
    loadConfiguration,
    async confirm({ oci }, { config, tenancy }) {
      const keyId = parseApiKeyId(formatApiKeyId(oci));
      if (!keyId.ok) throw new Refusal("token-malformed");
      checkTenancy(keyId.value.tenancyOcid, config);
      const cached = await users.read(keyId.value);
      const user = checkUser(await users.resolve(keyId.value, cached, provedByToken, tenancy));
      checkUsername(user.username, config);
      return { authMethod: "oci-auth", oci: { ...keyId.value, username: user.username } };
    },
  };
}

function readRequest(body: LoginBody, now: number): ShownRequest {
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
  return {
    principal: { authority: keyId.tenancyOcid, subject: keyId.userOcid },
    actor: `oci/${keyId.userOcid}`,
    details: { ...keyId },
    signature: signature.signature,
    showableUntil: date.epochMilliseconds + allowedSkewMilliseconds,
    keyId,
    host: request.host,
    requestSignature: signature,
    signingString: request.signingString,
  };
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
  { requestSignature: { algorithm, signature }, signingString }: ShownRequest,
): Promise<void> {
  const key = await verificationKey(userKey, algorithm);
  if (key === undefined) throw new Refusal("key-unknown");
  if (!(await verifySignature(key, algorithm, signature, signingString))) {
    throw new Refusal("signature-invalid");
  }
}

function checkTenancy(tenancyOcid: string, config: UserSettings): void {
  if (tenancyOcid !== config.tenancyOcid) throw new Refusal("another-tenancy");
}

function checkUser(user: Resolution) {
  if (user.kind === "refused") throw new Refusal(user.reason);
  if (user.kind === "over-budget") throw new Refusal("over-budget");
  if (user.kind === "unavailable") throw new Refusal("oci-unavailable");
  return user;
}

function checkUsername(username: string, config: UserSettings): void {
  if (permitsUsername(config, username)) return;
  throw new Refusal(username.includes(",") ? "username-has-comma" : "username-not-allowed");
}
