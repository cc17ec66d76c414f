/** The minimum that every login needs, in any design. It checks nothing and refuses nothing. */
import type { Env } from "../../src/env.ts";
import type { LoginRecord } from "../../src/ledger/ledger.ts";

export interface Body {
  readonly identityId: string;
  readonly userOcid: string;
  readonly headers: { readonly host: string; readonly date: string; readonly authorization: string };
}

/** Who signed, with which key and what name; the signature as it was sent. */
export interface Signer {
  readonly tenancyOcid: string;
  readonly userOcid: string;
  readonly fingerprint: string;
  readonly signature: Uint8Array<ArrayBuffer>;
}

const sql = `SELECT i.id, i.name, i.organization_id, i.role, i.suspended, i.token_generation,
    c.tenancy_ocid, c.allowed_usernames, c.access_token_ttl, c.access_token_max_ttl, c.access_token_num_uses_limit,
    c.access_token_period, c.access_token_trusted_ips, c.access_token_audience, c.signature_reuse,
    h.id, h.slug, h.parent_id, h.root_id, h.suspended, r.suspended,
    t.tenancy_ocid, t.region, t.user_ocid, t.fingerprint, t.encrypted_private_key
  FROM identities i
  JOIN oci_auth_configs c ON c.identity_id = i.id
  JOIN organizations h ON h.id = i.organization_id
  JOIN organizations r ON r.id = h.root_id
  JOIN oci_tenancies t ON t.tenancy_ocid = c.tenancy_ocid
  WHERE i.id = ?`;

const encoder = new TextEncoder();
const base64url = { alphabet: "base64url", omitPadding: true } as const;
const hashing = { name: "ECDSA", hash: "SHA-256" };
const header = encoder.encode(JSON.stringify({ alg: "ES256", typ: "JWT", kid: "floor" })).toBase64(base64url);

let signingKey: Promise<CryptoKey> | undefined;

function importSigningKey(env: Env): Promise<CryptoKey> {
  const [jwk] = JSON.parse(env.TOKEN_SIGNING_KEYS ?? "").keys;
  return crypto.subtle.importKey("jwk", jwk, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
}

async function sign(env: Env, claims: object): Promise<string> {
  signingKey ??= importSigningKey(env);
  const signed = `${header}.${encoder.encode(JSON.stringify(claims)).toBase64(base64url)}`;
  const signature = await crypto.subtle.sign(hashing, await signingKey, encoder.encode(signed));
  return `${signed}.${new Uint8Array(signature).toBase64(base64url)}`;
}

export function signerOf({ headers }: Body): Signer {
  const parameters: Record<string, string | undefined> = Object.fromEntries(
    headers.authorization
      .slice("Signature ".length)
      .split(",")
      .map((parameter) => [
        parameter.slice(0, parameter.indexOf("=")),
        parameter.slice(parameter.indexOf("=") + 2, -1),
      ]),
  );
  const [tenancyOcid = "", userOcid = "", fingerprint = ""] = (parameters.keyId ?? "").split("/");
  return {
    tenancyOcid,
    userOcid,
    fingerprint,
    signature: Uint8Array.fromBase64(parameters.signature ?? ""),
  };
}

/** The rows of the identity: one, if it is configured. */
export function readConfiguration(env: Env, identityId: string): Promise<unknown[][]> {
  return env.DB.withSession("first-unconstrained").prepare(sql).bind(identityId).raw();
}

/** The record of a login for a ledger, as long as a real one. */
export function recordOf(
  now: number,
  rememberFor: number,
  signatureDigest: string,
  { identityId, userOcid, details }: { identityId: string; userOcid: string; details: object },
): LoginRecord {
  return {
    signatureDigest,
    rememberUntil: now + rememberFor,
    signatureReuse: "allow",
    event: {
      id: crypto.randomUUID(),
      at: new Date(now).toISOString(),
      type: "login",
      outcome: "success",
      reason: null,
      organizationId: identityId,
      rootOrganizationId: identityId,
      identityId,
      actor: `oci/${userOcid}`,
      ip: "192.0.2.1",
      userAgent: null,
      reqId: crypto.randomUUID(),
      details: { ...details },
    },
  };
}

/** Records the login in the ledger, signs the token and answers. */
export async function finish(
  env: Env,
  now: number,
  { identityId }: Body,
  { signature, ...signer }: Signer,
  { identityName, username }: { identityName: unknown; username: string | undefined },
): Promise<Response> {
  const tokenId = crypto.randomUUID();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", signature)).toHex();
  const oci = { ...signer, username };
  const { userOcid } = signer;
  const record = recordOf(now, 360_000, digest, { identityId, userOcid, details: { ...oci, tokenId } });
  const shard = Number.parseInt(digest.slice(0, 2), 16) % 16;
  await env.LEDGER.getByName(`${signer.tenancyOcid}/${userOcid}/${shard}`).recordLogin(record);

  const iat = Math.floor(now / 1000);
  const accessToken = await sign(env, {
    iss: env.ISSUER_URL,
    sub: identityId,
    aud: "api",
    iat,
    exp: iat + 3600,
    jti: tokenId,
    identityId,
    identityName,
    oci,
  });
  return Response.json({
    accessToken,
    expiresIn: 3600,
    accessTokenMaxTTL: 2592000,
    tokenType: "Bearer",
  });
}
