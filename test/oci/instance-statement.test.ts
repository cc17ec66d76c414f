import { Buffer } from "node:buffer";
import { beforeAll, describe, expect, it } from "vitest";
import { newRsaKeys } from "../../dev/emulator/certificate.ts";
import {
  type InstanceStatement,
  maxStatementLength,
  parseInstanceStatement,
  verifyStatement,
} from "../../src/oci/instance-statement.ts";
import { importPublicKey } from "../../src/oci/public-key.ts";
import { checkAddressee, checkTimes } from "../../src/oci/statement-checks.ts";
import { timeToMakeKeys } from "./instance-chains.ts";
import { accepted, refused } from "./parsed-values.ts";

const now = Date.parse("2026-11-25T12:00:00Z");
const seconds = now / 1000;
const issuer = "https://auth.example.com";
const identityId = "5f7b2c1e-8d43-4a6f-9b0e-2c1d3e4f5a6b";

const leaf = crypto.getRandomValues(new Uint8Array(1000));
const intermediate = crypto.getRandomValues(new Uint8Array(1001));
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
const base64url = (bytes: Uint8Array | string) => Buffer.from(bytes).toString("base64url");
const signature = crypto.getRandomValues(new Uint8Array(256));

const header: Record<string, unknown> = {
  alg: "RS256",
  typ: "oci-instance+jwt",
  x5c: [base64(leaf), base64(intermediate)],
};
const claims: Record<string, unknown> = {
  aud: issuer,
  sub: identityId,
  iat: seconds,
  exp: seconds + 300,
  jti: "0123456789abcdef",
};
const json = (value: unknown) => base64url(JSON.stringify(value));
const part = { header: json(header), payload: json(claims), signature: base64url(signature) };

const written = (other: Partial<typeof part> = {}) => Object.values({ ...part, ...other }).join(".");
const withHeader = (other: Record<string, unknown>) => written({ header: json({ ...header, ...other }) });
const withClaims = (other: Record<string, unknown>) => written({ payload: json({ ...claims, ...other }) });

describe("a statement", () => {
  it("is read into its header, claims, signature and signing input", () => {
    expect(accepted(parseInstanceStatement(written()))).toEqual({
      header: { typ: "oci-instance+jwt", alg: "RS256", hasCrit: false, x5c: [leaf, intermediate] },
      claims,
      signature,
      signingInput: `${part.header}.${part.payload}`,
    });
  });

  it.each<[string, string, RegExp]>([
    ["nothing", "", /three parts/],
    ["one part", part.header, /three parts/],
    ["two parts", `${part.header}.${part.payload}`, /three parts/],
    ["four parts", `${written()}.`, /three parts/],
    ["five parts, as of a JWE", `${written()}.a.b`, /three parts/],
    ["JSON of a JWS", JSON.stringify({ payload: part.payload, signatures: [] }), /three parts/],
    ["a newline at its end", `${written()}\n`, /signature that is not base64url/],
    ["more than 32 KiB", written({ header: "A".repeat(maxStatementLength) }), /more than 32768 characters/],

    ["a signature of 255 bytes", written({ signature: base64url(signature.slice(1)) }), /256 to 512 bytes/],
    ["a signature of 513 bytes", written({ signature: base64url(new Uint8Array(513)) }), /256 to 512 bytes/],
    ["no signature", written({ signature: "" }), /256 to 512 bytes/],
    [
      "a signature in base64",
      written({ signature: base64(signature.with(0, 0xff)) }),
      /signature that is not base64url/,
    ],
    ["a padded signature", written({ signature: `${part.signature}==` }), /signature that is not base64url/],
    [
      "a signature with white space",
      written({ signature: `${part.signature.slice(0, 4)} ${part.signature.slice(4)}` }),
      /signature that is not base64url/,
    ],
    [
      "a signature with stray bits",
      written({ signature: strayBits(signature) }),
      /signature that is not base64url/,
    ],
    [
      "a signature with a character too many",
      written({ signature: `${base64url(new Uint8Array(258))}A` }),
      /signature that is not base64url/,
    ],
    ["a header in base64", written({ header: `${part.header}=` }), /header that is not base64url/],
    ["a payload with a plus", written({ payload: `+${part.payload}` }), /payload that is not base64url/],

    ["a header that is no JSON", written({ header: base64url("{") }), /header that is not a JSON object/],
    [
      "a header with a byte order mark",
      written({ header: base64url(`\ufeff${JSON.stringify(header)}`) }),
      /header that is not a JSON object/,
    ],
    [
      "a header that is no UTF-8",
      written({ header: base64url(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d)) }),
      /header that is not a JSON object/,
    ],
    ["a header that is a list", written({ header: json([header]) }), /header that is not a JSON object/],
    ["a header that is null", written({ header: json(null) }), /header that is not a JSON object/],
    ["no header", written({ header: "" }), /header that is not a JSON object/],
    ["no typ", withHeader({ typ: undefined }), /no typ in its header/],
    ["a typ that is a number", withHeader({ typ: 1 }), /no typ in its header/],
    ["no alg", withHeader({ alg: undefined }), /no alg in its header/],
    ["an alg that is null", withHeader({ alg: null }), /no alg in its header/],
    ["a kid", withHeader({ kid: "secret" }), /header with other fields/],
    ["a jwk", withHeader({ jwk: { kty: "RSA", n: "secret" } }), /header with other fields/],
    ["a jku", withHeader({ jku: "https://secret.example.com" }), /header with other fields/],
    ["an x5u", withHeader({ x5u: "https://secret.example.com" }), /header with other fields/],
    ["b64", withHeader({ b64: false }), /header with other fields/],
    [
      "a header with __proto__",
      written({ header: base64url(JSON.stringify(header).replace("{", '{"__proto__":{},')) }),
      /header with other fields/,
    ],
    ["no x5c", withHeader({ x5c: undefined }), /no x5c in its header of two/],
    ["an x5c that is a text", withHeader({ x5c: base64(leaf) }), /no x5c in its header of two/],
    ["an x5c of one", withHeader({ x5c: [base64(leaf)] }), /no x5c in its header of two/],
    [
      "an x5c of three",
      withHeader({ x5c: [base64(leaf), base64(intermediate), base64(leaf)] }),
      /no x5c in its header of two/,
    ],
    ["an x5c with a number", withHeader({ x5c: [base64(leaf), 1] }), /no x5c in its header of two/],
    [
      "an x5c in base64url",
      withHeader({ x5c: [base64url(leaf.with(0, 0xff)), base64(intermediate)] }),
      /no x5c in its header of two/,
    ],
    [
      "an x5c with lines",
      withHeader({ x5c: [base64(leaf).replace(/.{64}/g, "$&\n"), base64(intermediate)] }),
      /no x5c in its header of two/,
    ],
    [
      "an x5c without padding",
      withHeader({ x5c: [base64(leaf).replaceAll("=", ""), base64(intermediate)] }),
      /no x5c in its header of two/,
    ],
    [
      "an x5c in PEM",
      withHeader({ x5c: [`-----BEGIN CERTIFICATE-----\n${base64(leaf)}`, base64(intermediate)] }),
      /no x5c in its header of two/,
    ],

    ["a payload that is a text", written({ payload: json("secret") }), /payload that is not a JSON object/],
    ["no aud", withClaims({ aud: undefined }), /no aud in its payload/],
    ["an aud that is a list", withClaims({ aud: [issuer] }), /no aud in its payload/],
    ["no sub", withClaims({ sub: undefined }), /no sub in its payload/],
    ["a sub that is a number", withClaims({ sub: 1 }), /no sub in its payload/],
    ["no iat", withClaims({ iat: undefined }), /no iat in its payload/],
    ["an iat that is a text", withClaims({ iat: String(seconds) }), /no iat in its payload/],
    ["an iat with a fraction", withClaims({ iat: seconds + 0.5 }), /no iat in its payload/],
    ["a negative iat", withClaims({ iat: -1 }), /no iat in its payload/],
    [
      "an iat beyond all numbers",
      written({ payload: base64url(JSON.stringify(claims).replace(String(seconds), "1e999")) }),
      /no iat in its payload/,
    ],
    ["no exp", withClaims({ exp: undefined }), /no exp in its payload/],
    ["an exp that is null", withClaims({ exp: null }), /no exp in its payload/],
    ["no jti", withClaims({ jti: undefined }), /no jti in its payload of 16 to 64/],
    ["a jti of 15 characters", withClaims({ jti: "x".repeat(15) }), /no jti in its payload of 16 to 64/],
    ["a jti of 65 characters", withClaims({ jti: "x".repeat(65) }), /no jti in its payload of 16 to 64/],
    ["a jti with a dot", withClaims({ jti: "secret.secret.secret" }), /no jti in its payload of 16 to 64/],
    [
      "a jti with a newline",
      withClaims({ jti: "secretsecretsecret\n" }),
      /no jti in its payload of 16 to 64/,
    ],
    ["a jti that is a number", withClaims({ jti: 1234567890123456 }), /no jti in its payload of 16 to 64/],
    ["an nbf", withClaims({ nbf: seconds }), /payload with other fields/],
    ["an iss", withClaims({ iss: "secret" }), /payload with other fields/],
  ])("with %s does not parse", (_, jwt, problem) => {
    const why = refused(parseInstanceStatement(jwt));
    expect(why).toMatch(problem);
    expect(why).not.toMatch(/secret/);
  });

  it.each(["x".repeat(64), "-_".repeat(8)])("takes the jti %s", (jti) => {
    expect(accepted(parseInstanceStatement(withClaims({ jti }))).claims.jti).toBe(jti);
  });
});

/** The same bytes in base64url, whose last character has bits that mean nothing. */
function strayBits(bytes: Uint8Array): string {
  const text = base64url(bytes);
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const last = alphabet[alphabet.indexOf(text.at(-1) ?? "") + 1];
  const stray = `${text.slice(0, -1)}${last}`;
  expect(Buffer.from(stray, "base64url")).toEqual(Buffer.from(bytes));
  return stray;
}

describe("a statement for us", () => {
  const judge = (jwt: string) => {
    const checked = checkAddressee(accepted(parseInstanceStatement(jwt)), issuer, identityId);
    return checked.ok ? checked.value : `${checked.denial.reason}: ${checked.denial.message}`;
  };

  it.each([
    ["RS256", "rsa-sha256"],
    ["PS256", "rsa-pss-sha256"],
  ])("is signed with %s", (alg, algorithm) => {
    expect(judge(withHeader({ alg }))).toBe(algorithm);
  });

  it.each<[string, string, RegExp]>([
    ["typ", withHeader({ typ: "JWT" }), /^statement-header: typ/],
    ["typ, in other case", withHeader({ typ: "OCI-instance+jwt" }), /^statement-header: typ/],
    [
      "typ, as a whole media type",
      withHeader({ typ: "application/oci-instance+jwt" }),
      /^statement-header: typ/,
    ],
    ...["none", "HS256", "ES256", "RS384", "PS384", "rs256", "EdDSA", "toString", ""].map(
      (alg): [string, string, RegExp] => [`alg, '${alg}',`, withHeader({ alg }), /^statement-header: alg/],
    ),
    ["crit", withHeader({ crit: ["exp"] }), /^statement-header: crit/],
    ["crit, empty,", withHeader({ crit: [] }), /^statement-header: crit/],
    ["crit, null,", withHeader({ crit: null }), /^statement-header: crit/],
    [
      "aud",
      withClaims({ aud: "https://secret.example.com" }),
      /^another-audience: aud .* 'https:\/\/auth.example.com'/,
    ],
    ["aud, with a slash,", withClaims({ aud: `${issuer}/` }), /^another-audience/],
    ["aud, in other case,", withClaims({ aud: issuer.toUpperCase() }), /^another-audience/],
    ["sub", withClaims({ sub: "secret" }), /^another-identity/],
    ["sub, with a space,", withClaims({ sub: `${identityId} ` }), /^another-identity/],
  ])("has no other %s", (_, jwt, denial) => {
    expect(judge(jwt)).toMatch(denial);
    expect(judge(jwt)).not.toMatch(/secret/);
  });
});

describe("a fresh statement", () => {
  const judge = (iat: number, exp: number, at = now) => {
    const checked = checkTimes(accepted(parseInstanceStatement(withClaims({ iat, exp }))), at);
    return checked.ok ? "accepted" : `${checked.denial.reason}: ${checked.denial.message}`;
  };

  it.each([
    ["now", seconds, seconds + 300],
    ["299 s ago", seconds - 299, seconds + 1],
    ["300 s ago, with an end ahead", seconds - 300, seconds - 1, now - 2000],
    ["in 299 s", seconds + 299, seconds + 599],
    ["in 300 s", seconds + 300, seconds + 600],
    ["for a second", seconds, seconds + 1],
  ])("was signed %s", (_, iat, exp, at = now) => {
    expect(judge(iat, exp, at)).toBe("accepted");
  });

  it.each([
    ["301 s ago", seconds - 301, seconds - 1, /^statement-out-of-date: iat/],
    ["in 301 s", seconds + 301, seconds + 600, /^statement-out-of-date: iat/],
    ["for 301 s", seconds, seconds + 301, /^statement-out-of-date: exp .* more than 300 s/],
    ["to end as it begins", seconds, seconds, /^statement-out-of-date: exp .* not after iat/],
    ["to end before it begins", seconds + 10, seconds + 5, /^statement-out-of-date: exp .* not after iat/],
    ["to end now", seconds - 10, seconds, /^statement-out-of-date: exp of jwt is past/],
    ["to end a second ago", seconds - 10, seconds - 1, /^statement-out-of-date: exp of jwt is past/],
    [
      "at the end of time",
      Number.MAX_SAFE_INTEGER - 1,
      Number.MAX_SAFE_INTEGER,
      /^statement-out-of-date: iat/,
    ],
  ])("was not signed %s", (_, iat, exp, denial) => {
    expect(judge(iat, exp)).toMatch(denial);
  });

  it("is told our clock and the range where it is none", () => {
    expect(judge(seconds - 301, seconds - 1)).toBe(
      "statement-out-of-date: iat of jwt is not within the allowed clock skew, from 'Wed, 25 Nov 2026 11:55:00 GMT' to 'Wed, 25 Nov 2026 12:05:00 GMT'. Our clock says 'Wed, 25 Nov 2026 12:00:00 GMT'.",
    );
  });
});

describe.each([
  ["rsa-sha256", { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, "RS256"],
  ["rsa-pss-sha256", { name: "RSA-PSS", hash: "SHA-256", saltLength: 32 }, "PS256"],
] as const)("a statement signed with %s", (algorithm, signer, alg) => {
  let spki: Uint8Array<ArrayBuffer>;
  let otherSpki: Uint8Array<ArrayBuffer>;
  let pkcs8: ArrayBuffer;
  let statement: InstanceStatement;

  const exported = async ({ publicKey }: CryptoKeyPair) =>
    new Uint8Array((await crypto.subtle.exportKey("spki", publicKey)) as ArrayBuffer);
  async function signedBy(parameters: {
    name: string;
    hash: string;
    saltLength?: number;
  }): Promise<InstanceStatement> {
    const key = await crypto.subtle.importKey("pkcs8", pkcs8, parameters, false, ["sign"]);
    const input = `${json({ ...header, alg })}.${part.payload}`;
    const bytes = new Uint8Array(await crypto.subtle.sign(parameters, key, new TextEncoder().encode(input)));
    return accepted(parseInstanceStatement(`${input}.${base64url(bytes)}`));
  }
  const verify = async (one: InstanceStatement, by = spki) =>
    verifyStatement(one, algorithm, accepted(await importPublicKey(by, algorithm)));

  beforeAll(async () => {
    const keys = await newRsaKeys();
    spki = await exported(keys);
    otherSpki = await exported(await newRsaKeys());
    pkcs8 = (await crypto.subtle.exportKey("pkcs8", keys.privateKey)) as ArrayBuffer;
    statement = await signedBy(signer);
  }, timeToMakeKeys);

  it("verifies with the key that signed it, and no other", async () => {
    expect(await verify(statement)).toBe(true);
    expect(await verify(statement, otherSpki)).toBe(false);
  });

  it("does not verify as the other algorithm", async () => {
    const other = algorithm === "rsa-sha256" ? "rsa-pss-sha256" : "rsa-sha256";
    const key = accepted(await importPublicKey(spki, other));
    expect(await verifyStatement(statement, other, key)).toBe(false);
  });

  it("does not verify with another header, payload or signature", async () => {
    const { signingInput } = statement;
    const [head = "", payload = ""] = signingInput.split(".");
    const otherHeader = json({ ...header, alg, x5c: [base64(intermediate), base64(leaf)] });
    for (const changed of [
      { signingInput: `${otherHeader}.${payload}` },
      { signingInput: `${head}.${json({ ...claims, sub: "another" })}` },
      { signingInput: `${payload}.${head}` },
      { signature: statement.signature.with(7, (statement.signature[7] ?? 0) ^ 1) },
      { signature: new Uint8Array(256) },
    ]) {
      expect(await verify({ ...statement, ...changed })).toBe(false);
    }
  });

  it("does not verify with another digest or salt", async () => {
    const others =
      algorithm === "rsa-sha256"
        ? [{ hash: "SHA-1" }, { hash: "SHA-512" }]
        : [{ saltLength: 0 }, { saltLength: 20 }, { hash: "SHA-512" }];
    for (const other of others) expect(await verify(await signedBy({ ...signer, ...other }))).toBe(false);
  });
});
