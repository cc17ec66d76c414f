/**
 * The floor: what no login can do without, and nothing else. It reads the configuration from D1 and the directory's
 * entry from KV side by side, verifies one RSA-2048 signature, records the login in the same ledger, signs one ES256
 * token with a key that was imported before, and answers. It has no framework, checks nothing, and refuses nothing.
 */
import type { Env } from "../../src/env.ts";
import type { LoginRecord } from "../../src/ledger/ledger.ts";

export { Ledger } from "../../src/ledger/ledger.ts";

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

let signingKey: Promise<CryptoKey> | undefined;
const verificationKeys = new Map<string, Promise<CryptoKey>>();

function importSigningKey(env: Env): Promise<CryptoKey> {
  const [jwk] = JSON.parse(env.TOKEN_SIGNING_KEYS ?? "").keys;
  return crypto.subtle.importKey("jwk", jwk, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
}

function verificationKey(publicKey: string): Promise<CryptoKey> {
  let key = verificationKeys.get(publicKey);
  if (key === undefined) {
    const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
    const der = Uint8Array.fromBase64(publicKey);
    key = crypto.subtle.importKey("spki", der, algorithm, false, ["verify"]);
    verificationKeys.set(publicKey, key);
  }
  return key;
}

const header = encoder.encode(JSON.stringify({ alg: "ES256", typ: "JWT", kid: "floor" })).toBase64(base64url);

async function sign(env: Env, claims: object): Promise<string> {
  signingKey ??= importSigningKey(env);
  const signed = `${header}.${encoder.encode(JSON.stringify(claims)).toBase64(base64url)}`;
  const signature = await crypto.subtle.sign(hashing, await signingKey, encoder.encode(signed));
  return `${signed}.${new Uint8Array(signature).toBase64(base64url)}`;
}

interface Body {
  identityId: string;
  userOcid: string;
  headers: { host: string; date: string; authorization: string };
}

export default {
  async fetch(request, env) {
    if (request.method !== "POST") return new Response();
    const now = Date.now();
    const { identityId, userOcid, headers }: Body = await request.json();
    const parameters: Record<string, string | undefined> = Object.fromEntries(
      headers.authorization
        .slice("Signature ".length)
        .split(",")
        .map((parameter) => [
          parameter.slice(0, parameter.indexOf("=")),
          parameter.slice(parameter.indexOf("=") + 2, -1),
        ]),
    );
    const [tenancyOcid, , fingerprint] = (parameters.keyId ?? "").split("/");

    const [rows, entry] = await Promise.all([
      env.DB.withSession("first-unconstrained").prepare(sql).bind(identityId).raw(),
      env.DIRECTORY.get<{ name: string; keys: { fingerprint: string; publicKey: string }[] }>(
        `${tenancyOcid}/${userOcid}`,
        "json",
      ),
    ]);
    const publicKey = entry?.keys.find((key) => key.fingerprint === fingerprint)?.publicKey ?? "";
    const signature = Uint8Array.fromBase64(parameters.signature ?? "");
    const signingString = `date: ${headers.date}\n(request-target): get /20160918/users/${userOcid}\nhost: ${headers.host}`;
    const key = await verificationKey(publicKey);
    const fits = await crypto.subtle.verify(key.algorithm, key, signature, encoder.encode(signingString));
    if (!fits || rows.length !== 1) return new Response(null, { status: 401 });

    const tokenId = crypto.randomUUID();
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", signature)).toHex();
    const oci = { tenancyOcid, userOcid, username: entry?.name, fingerprint };
    const record: LoginRecord = {
      signatureDigest: digest,
      rememberUntil: now + 360_000,
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
        ip: "127.0.0.1",
        userAgent: null,
        reqId: tokenId,
        details: { ...oci, tokenId },
      },
    };
    const shard = Number.parseInt(digest.slice(0, 2), 16) % 16;
    await env.LEDGER.getByName(`${tenancyOcid}/${userOcid}/${shard}`).recordLogin(record);

    const iat = Math.floor(now / 1000);
    const accessToken = await sign(env, {
      iss: env.ISSUER_URL,
      sub: identityId,
      aud: "api",
      iat,
      exp: iat + 3600,
      jti: tokenId,
      identityId,
      identityName: rows[0]?.[1],
      oci,
    });
    return Response.json({
      accessToken,
      expiresIn: 3600,
      accessTokenMaxTTL: 2592000,
      tokenType: "Bearer",
    });
  },
} satisfies ExportedHandler<Env>;
