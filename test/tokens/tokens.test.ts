import { Buffer } from "node:buffer";
import { createHash, generateKeyPairSync, type KeyObject } from "node:crypto";
import { CompactSign, decodeJwt, decodeProtectedHeader, type JWTPayload, SignJWT } from "jose";
import { describe, expect, it, vi } from "vitest";
import { importSigningKeys, type SigningKey, signingKeySet } from "../../src/keys/signing-keys.ts";
import { type Login, lifetimeSeconds, type TokenPolicy } from "../../src/tokens/claims.ts";
import { type Issuer, issueToken } from "../../src/tokens/issue.ts";
import { verifyToken } from "../../src/tokens/verify.ts";

const issuer = "https://auth.example.com";
const now = Date.parse("2026-11-24T03:04:57Z") / 1000;
const at = (seconds: number) => new Date(seconds * 1000);

type Jwk = Record<string, unknown>;
const jwkOf = ({ privateKey }: { privateKey: KeyObject }, more: Jwk = {}): Jwk => ({
  ...privateKey.export({ format: "jwk" }),
  ...more,
});
const ecJwk = () => jwkOf(generateKeyPairSync("ec", { namedCurve: "P-256" }));
const rsaPair = generateKeyPairSync("rsa", { modulusLength: 2048 });

const jwks = {
  ES256: ecJwk(),
  EdDSA: jwkOf(generateKeyPairSync("ed25519")),
  RS256: jwkOf(rsaPair),
  PS256: jwkOf(rsaPair, { alg: "PS256" }),
};

const importKeys = (...keys: Jwk[]) => importSigningKeys(signingKeySet().parse({ keys }));
async function importKey(jwk: Jwk): Promise<SigningKey> {
  const [key] = await importKeys(jwk);
  return key;
}

async function issuerWith(...keys: Jwk[]): Promise<Issuer> {
  return { issuer, defaultAudience: "api", maxTokenTtlSeconds: 3600, signingKeys: await importKeys(...keys) };
}

const policy: TokenPolicy = {
  accessTokenTTL: 2_592_000,
  accessTokenMaxTTL: 2_592_000,
  accessTokenPeriod: 0,
  accessTokenNumUsesLimit: 0,
  accessTokenAudience: null,
};

const login: Login = {
  tokenId: "0b9c6d8e-token",
  loggedInAt: now,
  identity: { id: "identity-1", name: "ci", role: "member", tokenGeneration: 7 },
  organization: { id: "org-2", rootId: "org-1", parentId: "org-1" },
  policy,
  proven: {
    authMethod: "oci-auth",
    oci: {
      tenancyOcid: "ocid1.tenancy.oc1..a",
      userOcid: "ocid1.user.oc1..a",
      username: "domain/alice+1@example.com",
      fingerprint: "0f:1e",
    },
  },
};

describe("a token's lifetime", () => {
  it.each<[string, Partial<TokenPolicy>, { since?: number; ceiling?: number }, number]>([
    ["is the TTL", { accessTokenTTL: 600 }, {}, 600],
    ["is the ceiling, where the TTL is longer", { accessTokenTTL: 7200 }, {}, 3600],
    ["is the ceiling as it is set", { accessTokenTTL: 7200 }, { ceiling: 86_400 }, 7200],
    ["is the ceiling, where the TTL is 0, which sets no limit", { accessTokenTTL: 0 }, {}, 3600],
    ["is the max TTL, where the TTL is 0", { accessTokenTTL: 0, accessTokenMaxTTL: 900 }, {}, 900],
    ["is the max TTL, where the TTL is longer", { accessTokenTTL: 1000, accessTokenMaxTTL: 900 }, {}, 900],
    ["is the TTL again at a renewal", { accessTokenTTL: 600, accessTokenMaxTTL: 1800 }, { since: 1200 }, 600],
    [
      "is what is left of the max TTL",
      { accessTokenTTL: 600, accessTokenMaxTTL: 1800 },
      { since: 1500 },
      300,
    ],
    ["is its last second", { accessTokenTTL: 600, accessTokenMaxTTL: 1800 }, { since: 1799 }, 1],
    [
      "is nothing once the max TTL is over",
      { accessTokenTTL: 600, accessTokenMaxTTL: 1800 },
      { since: 1800 },
      0,
    ],
    [
      "is less than nothing after that",
      { accessTokenTTL: 600, accessTokenMaxTTL: 1800 },
      { since: 2000 },
      -200,
    ],
    ["is the period, which replaces the TTL", { accessTokenTTL: 60, accessTokenPeriod: 1200 }, {}, 1200],
    ["is the period, shorter than the TTL", { accessTokenTTL: 600, accessTokenPeriod: 30 }, {}, 30],
    [
      "is the period, which knows no max TTL",
      { accessTokenMaxTTL: 60, accessTokenPeriod: 600 },
      { since: 9e6 },
      600,
    ],
    ["is the ceiling, where the period is longer", { accessTokenPeriod: 7200 }, {}, 3600],
  ])("%s", (_, settings, { since = 0, ceiling = 3600 }, seconds) => {
    expect(
      lifetimeSeconds({ ...policy, ...settings }, now - since, now, ceiling, Number.POSITIVE_INFINITY),
    ).toBe(seconds);
  });
});

describe("an issued token", () => {
  it("carries the claims of the contract and no other", async () => {
    const issued = await issueToken(await issuerWith(jwks.ES256), login, now);
    expect(issued).toEqual({
      accessToken: expect.any(String),
      expiresIn: 3600,
      accessTokenMaxTTL: 2_592_000,
      tokenType: "Bearer",
    });
    expect(decodeJwt(issued.accessToken)).toEqual({
      iss: issuer,
      sub: "identity-1",
      aud: "api",
      iat: now,
      exp: now + 3600,
      jti: "0b9c6d8e-token",
      identityId: "identity-1",
      identityName: "ci",
      authMethod: "oci-auth",
      orgId: "org-2",
      rootOrgId: "org-1",
      parentOrgId: "org-1",
      identityAccessTokenId: "0b9c6d8e-token",
      authTokenType: "identityAccessToken",
      accessTokenTTL: 2_592_000,
      accessTokenMaxTTL: 2_592_000,
      accessTokenPeriod: 0,
      creationEpoch: now,
      tokenGeneration: 7,
      oci: login.proven.oci,
    });
  });

  it("tells when it is issued and when its holder logged in apart, once it is renewed", async () => {
    const shortLived = { ...login, policy: { ...policy, accessTokenTTL: 600, accessTokenMaxTTL: 1800 } };
    const renewed = await issueToken(await issuerWith(jwks.ES256), shortLived, now + 1500);
    expect(renewed.expiresIn).toBe(300);
    expect(decodeJwt(renewed.accessToken)).toMatchObject({
      creationEpoch: now,
      iat: now + 1500,
      exp: now + 1800,
      jti: login.tokenId,
    });
  });

  it("tells its limit of uses where there is one", async () => {
    const limited = { ...login, policy: { ...policy, accessTokenNumUsesLimit: 5 } };
    const { accessToken } = await issueToken(await issuerWith(jwks.ES256), limited, now);
    expect(decodeJwt(accessToken)).toMatchObject({ numUsesLimit: 5 });
  });

  it("names a root organization as its own parent", async () => {
    const atRoot = { ...login, organization: { id: "org-1", rootId: "org-1", parentId: null } };
    const { accessToken } = await issueToken(await issuerWith(jwks.ES256), atRoot, now);
    expect(decodeJwt(accessToken)).toMatchObject({
      orgId: "org-1",
      rootOrgId: "org-1",
      parentOrgId: "org-1",
    });
  });

  it.each([
    ["member", null, "api"],
    ["member", "https://vault.example.com", "https://vault.example.com"],
    ["introspector", null, issuer],
    ["introspector", "https://vault.example.com", issuer],
    ["admin", null, issuer],
    ["admin", "https://vault.example.com", issuer],
  ] as const)("of a %s whose audience is set to %s is for %s", async (role, accessTokenAudience, aud) => {
    const { accessToken } = await issueToken(
      await issuerWith(jwks.ES256),
      { ...login, identity: { ...login.identity, role }, policy: { ...policy, accessTokenAudience } },
      now,
    );
    expect(decodeJwt(accessToken).aud).toBe(aud);
  });
});

describe.each(Object.entries(jwks))("a signing key for %s", (alg, jwk) => {
  it("makes tokens that verify, and names itself in them", async () => {
    const { signingKeys, ...rest } = await issuerWith(jwk);
    const { accessToken } = await issueToken({ signingKeys, ...rest }, login, now);
    expect(decodeProtectedHeader(accessToken)).toEqual({ alg, typ: "JWT", kid: signingKeys[0].kid });
    expect(await verifyToken(accessToken, signingKeys, issuer, at(now))).toEqual({
      ok: true,
      claims: decodeJwt(accessToken),
    });
  });

  it("has its RFC 7638 thumbprint for a kid", async () => {
    const members = { EC: ["crv", "kty", "x", "y"], OKP: ["crv", "kty", "x"], RSA: ["e", "kty", "n"] };
    const names = members[jwk.kty as keyof typeof members];
    const canonical = JSON.stringify(Object.fromEntries(names.map((name) => [name, jwk[name]])));
    const { kid } = await importKey(jwk);
    expect(kid).toBe(createHash("sha256").update(canonical).digest("base64url"));
  });

  it("is published without a private member", async () => {
    const { publicJwk, kid } = await importKey({ ...jwk, key_ops: ["sign"], ext: true, kid: "mine" });
    const { kty, crv, x, y, n, e } = jwk;
    const numbers = Object.fromEntries(
      Object.entries({ crv, x, y, n, e }).filter(([, value]) => value !== undefined),
    );
    expect(publicJwk).toEqual({ kty, ...numbers, kid, alg, use: "sig" });
  });

  it("is refused without its private half, or with one that is another key's", async () => {
    const other = {
      ES256: ecJwk,
      EdDSA: () => jwkOf(generateKeyPairSync("ed25519")),
      RS256: () => jwkOf(generateKeyPairSync("rsa", { modulusLength: 2048 })),
      PS256: () => jwkOf(generateKeyPairSync("rsa", { modulusLength: 2048 })),
    };
    const foreign = other[alg as keyof typeof other]();
    const { d: _, ...publicHalf } = jwk;
    expect(signingKeySet().safeParse({ keys: [publicHalf] }).success).toBe(false);
    const mixed = jwk.kty === "RSA" ? { ...foreign, n: jwk.n, alg } : { ...jwk, d: foreign.d };
    await expect(importKeys(mixed)).rejects.toThrow();
  });
});

it.each<[string, unknown]>([
  ["without a key", { keys: [] }],
  ["without a list", {}],
  ["that is a bare key", jwks.ES256],
  ["with a symmetric key", { keys: [{ kty: "oct", k: "AAAA" }] }],
  ["with another curve", { keys: [jwkOf(generateKeyPairSync("ec", { namedCurve: "P-384" }))] }],
  ["with another algorithm", { keys: [{ ...jwks.ES256, alg: "ES384" }] }],
  ["with HS256 for a public key", { keys: [{ ...jwks.RS256, alg: "HS256" }] }],
  ["with a good key and a bad one", { keys: [jwks.ES256, { kty: "oct", k: "AAAA" }] }],
])("a key set %s is refused", (_, set) => {
  expect(signingKeySet().safeParse(set).success).toBe(false);
});

it("an RSA signing key of less than 2048 bits is refused", async () => {
  await expect(importKeys(jwkOf(generateKeyPairSync("rsa", { modulusLength: 1024 })))).rejects.toThrow();
});

describe("a rotation", () => {
  const oldJwk = jwks.ES256;
  const newJwk = ecJwk();
  const oldKid = async () => (await importKey(oldJwk)).kid;
  const newKid = async () => (await importKey(newJwk)).kid;

  it.each([
    ["adds the new key last: the old one signs", [oldJwk, newJwk], oldKid],
    ["moves it first: the new one signs", [newJwk, oldJwk], newKid],
    ["drops the old one", [newJwk], newKid],
  ])("%s", async (_, keys, kid) => {
    const rotating = await issuerWith(...keys);
    const { accessToken } = await issueToken(rotating, login, now);
    expect(decodeProtectedHeader(accessToken).kid).toBe(await kid());
    expect(rotating.signingKeys.map(({ publicJwk }) => publicJwk.x)).toEqual(keys.map(({ x }) => x));
  });

  it("leaves what the old key signed valid until it is dropped, and what the new one signs from the start", async () => {
    const signedByOld = (await issueToken(await issuerWith(oldJwk, newJwk), login, now)).accessToken;
    const signedByNew = (await issueToken(await issuerWith(newJwk, oldJwk), login, now)).accessToken;
    for (const [keys, oldVerifies, newVerifies] of [
      [[oldJwk, newJwk], true, true],
      [[newJwk, oldJwk], true, true],
      [[newJwk], false, true],
      [[oldJwk], true, false],
    ] as const) {
      const { signingKeys } = await issuerWith(...keys);
      expect(await verifyToken(signedByOld, signingKeys, issuer, at(now))).toMatchObject({ ok: oldVerifies });
      expect(await verifyToken(signedByNew, signingKeys, issuer, at(now))).toMatchObject({ ok: newVerifies });
    }
  });

  it("between RS256 and PS256 with one RSA key keeps each algorithm to the key that names it", async () => {
    const both = await issuerWith(jwks.PS256, jwks.RS256);
    const asRs256 = (await issueToken(await issuerWith(jwks.RS256), login, now)).accessToken;
    expect(await verifyToken(asRs256, both.signingKeys, issuer, at(now))).toMatchObject({ ok: true });
    const { signingKeys } = await issuerWith(jwks.PS256);
    expect(await verifyToken(asRs256, signingKeys, issuer, at(now))).toEqual({
      ok: false,
      problem: "unknown",
    });
  });
});

describe("verification", async () => {
  const trusted = await issuerWith(jwks.ES256, jwks.RS256);
  const [key] = trusted.signingKeys;
  const { accessToken } = await issueToken(trusted, login, now);
  const claims = decodeJwt(accessToken);
  const [header = "", payload = "", signature = ""] = accessToken.split(".");
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const foreign = await importKey(ecJwk());

  const sign = (
    { privateKey, alg }: Pick<SigningKey, "privateKey" | "alg">,
    about: { claims?: JWTPayload; header?: object } = {},
  ) =>
    new SignJWT(about.claims ?? claims)
      .setProtectedHeader({ alg, typ: "JWT", kid: key.kid, ...about.header })
      .sign(privateKey);
  const without = (name: string) =>
    Object.fromEntries(Object.entries(claims).filter(([other]) => other !== name));
  const verify = (token: string, time = now) => verifyToken(token, trusted.signingKeys, issuer, at(time));
  const hs256 = (secret: string | Buffer, kid = key.kid) =>
    new CompactSign(Buffer.from(JSON.stringify(claims)))
      .setProtectedHeader({ alg: "HS256", typ: "JWT", kid })
      .sign(Buffer.from(secret as string));
  const withCriticalHeader = () =>
    new CompactSign(Buffer.from(JSON.stringify(claims)))
      .setProtectedHeader({ alg: key.alg, typ: "JWT", kid: key.kid, crit: ["bound-to"], "bound-to": "a" })
      .sign(key.privateKey, { crit: { "bound-to": true } });
  const rsaKid = trusted.signingKeys[1]?.kid;

  it("takes a token until the second before it expires", async () => {
    expect(await verify(accessToken)).toEqual({ ok: true, claims });
    expect(await verify(accessToken, now + 3599)).toEqual({ ok: true, claims });
    expect(await verify(accessToken, now + 3599.999)).toEqual({ ok: true, claims });
  });

  it.each<[what: string, verifications: number, token: () => string | Promise<string>]>([
    ["our own", 1, () => accessToken],
    ["one of another key under our kid", 1, () => sign(foreign)],
    ["one of a kid that is not ours", 0, () => sign(foreign, { header: { kid: foreign.kid } })],
    ["one of another algorithm than the kid's", 0, () => hs256("secret")],
    ["one without a payload", 0, () => `${header}..${signature}`],
    ["one of two parts", 0, () => `${header}.${payload}`],
    ["one of four parts", 0, () => `${accessToken}.${signature}`],
    ["one with other characters", 0, () => `${header}.${payload}.${signature}=`],
    ["a word", 0, () => "guess"],
  ])("of %s costs %i verifications of a signature", async (_, verifications, token) => {
    const text = await token();
    const spy = vi.spyOn(crypto.subtle, "verify");
    try {
      await verify(text);
      expect(spy).toHaveBeenCalledTimes(verifications);
    } finally {
      spy.mockRestore();
    }
  });

  it.each([0, 1, 60, 1e9])("finds a token expired, without leeway, %i s after it expires", async (late) => {
    expect(await verify(accessToken, now + 3600 + late)).toEqual({ ok: false, problem: "expired" });
  });

  it.each<[string, () => string | Promise<string>]>([
    ["signed by another key under our kid", () => sign(foreign)],
    ["signed by another key under its own kid", () => sign(foreign, { header: { kid: foreign.kid } })],
    [
      "signed by another key that it brings along",
      () => sign(foreign, { header: { jwk: foreign.publicJwk } }),
    ],
    ["without a kid", () => sign(key, { header: { kid: undefined } })],
    ["with an unknown kid", () => sign(key, { header: { kid: "unknown" } })],
    ["with the kid of another of our keys", () => sign(key, { header: { kid: rsaKid } })],
    ["of another issuer", () => sign(key, { claims: { ...claims, iss: "https://other.example.com" } })],
    ["of our issuer with a slash", () => sign(key, { claims: { ...claims, iss: `${issuer}/` } })],
    ["that never expires", () => sign(key, { claims: without("exp") })],
    ["that expires at no number", () => sign(key, { claims: { ...claims, exp: "never" as never } })],
    ["of another type", () => sign(key, { header: { typ: "at+jwt" } })],
    ["of no type", () => sign(key, { header: { typ: undefined } })],
    ["with a header that is critical and unknown", () => withCriticalHeader()],
    ["of algorithm none", () => `${encode({ alg: "none", typ: "JWT", kid: key.kid })}.${payload}.`],
    [
      "of algorithm none with our signature",
      () => `${encode({ alg: "none", kid: key.kid })}.${payload}.${signature}`,
    ],
    ["of no algorithm", () => `${encode({ typ: "JWT", kid: key.kid })}.${payload}.${signature}`],
    ["of HS256 with the public key's JWK for a secret", () => hs256(JSON.stringify(key.publicJwk))],
    [
      "of HS256 with the public key's PEM for a secret",
      () => hs256(rsaPair.publicKey.export({ type: "spki", format: "pem" }), rsaKid),
    ],
    [
      "of HS256 with the public key's DER for a secret",
      () => hs256(rsaPair.publicKey.export({ type: "spki", format: "der" }), rsaKid),
    ],
    ["of PS256 for an RS256 key", async () => sign(await importKey(jwks.PS256), { header: { kid: rsaKid } })],
    [
      "with a header of other content",
      () => `${encode({ alg: "ES256", typ: "JWT", kid: key.kid, a: 1 })}.${payload}.${signature}`,
    ],
    [
      "with claims of other content",
      () => `${header}.${encode({ ...claims, sub: "identity-2" })}.${signature}`,
    ],
    ["without its signature", () => `${header}.${payload}.`],
    ["without its signature's last letters", () => accessToken.slice(0, -2)],
    ["without half its claims", () => `${header}.${payload.slice(0, payload.length / 2)}.${signature}`],
    ["of two parts", () => `${header}.${payload}`],
    ["of four parts", () => `${accessToken}.${signature}`],
    ["after a space", () => ` ${accessToken}`],
    ["that is empty", () => ""],
    ["that is no token", () => "not a token"],
    ["that is three dots", () => "..."],
    ["with claims that are no object", () => `${header}.${encode([claims])}.${signature}`],
    ...["sub", "aud", "iat", "jti", "identityId", "orgId", "creationEpoch", "tokenGeneration", "oci"].map(
      (name): [string, () => Promise<string>] => [
        `of ours without ${name}`,
        () => sign(key, { claims: without(name) }),
      ],
    ),
    ["of ours for another use", () => sign(key, { claims: { ...claims, authTokenType: "refreshToken" } })],
    ["of ours for several audiences", () => sign(key, { claims: { ...claims, aud: ["api", issuer] } })],
  ])("does not know a token %s", async (_, make) => {
    expect(await verify(await make())).toEqual({ ok: false, problem: "unknown" });
  });

  it.each<[string, () => Promise<string>]>([
    ["of another key", () => sign(foreign)],
    ["of another issuer", () => sign(key, { claims: { ...claims, iss: "https://other.example.com" } })],
  ])("does not say 'expired' of an expired token %s", async (_, make) => {
    expect(await verify(await make(), now + 7200)).toEqual({ ok: false, problem: "unknown" });
  });
});
