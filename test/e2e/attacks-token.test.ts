/** Attacks with what is not an access token of this Worker, or not quite, on every route that takes one. */
import {
  type CryptoKey,
  decodeJwt,
  decodeProtectedHeader,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  importJWK,
  SignJWT,
} from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectRefusal, sendRaw } from "./attack.ts";
import { type AttackedLogin, json, startAttackedLogin } from "./attacked-login.ts";
import { issuer } from "./worker.ts";

let attacked: AttackedLogin;
beforeAll(async () => {
  attacked = await startAttackedLogin();
});
afterAll(() => attacked.worker.close());

describe("a token that is not the Worker's as it was issued", () => {
  const url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  let token: string;
  let ours: CryptoKey;
  beforeAll(async () => {
    token = (await attacked.expectLogin(attacked.bodyOf())).body.accessToken;
    const [jwk] = JSON.parse(attacked.worker.secrets.TOKEN_SIGNING_KEYS ?? "").keys;
    ours = (await importJWK(jwk, "ES256")) as CryptoKey;
  });

  const sign = (claims: object, header: object = {}, key?: CryptoKey | Uint8Array) =>
    new SignJWT({ ...decodeJwt(token), ...claims })
      .setProtectedHeader({ ...decodeProtectedHeader(token), alg: "ES256", ...header })
      .sign(key ?? ours, { crit: { x: true } });
  const theirs = async (header: (jwk: object) => object) => {
    const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
    return sign({}, header(await exportJWK(publicKey)), privateKey);
  };
  const published = async () => (await attacked.worker.send("/.well-known/jwks.json")).body.keys[0];
  const hmacWith = async (secret: string) => sign({}, { alg: "HS256" }, new TextEncoder().encode(secret));
  const withHeader = (header: object) =>
    token.replace(/^[^.]*/, url({ ...decodeProtectedHeader(token), ...header }));

  const forgeries: [what: string, forge: () => string | Promise<string>][] = [
    ["signed with the published key as a secret", async () => hmacWith(JSON.stringify(await published()))],
    [
      "signed with the published key in PEM as a secret",
      async () => hmacWith(await exportSPKI((await importJWK(await published(), "ES256")) as CryptoKey)),
    ],
    ["signed with its kid as a secret", () => hmacWith(String(decodeProtectedHeader(token).kid))],
    ["that brings its own key", () => theirs((jwk) => ({ jwk }))],
    [
      "that brings its own key under our kid",
      () => theirs((jwk) => ({ jwk: { ...jwk, kid: decodeProtectedHeader(token).kid } })),
    ],
    ["that says where its key is", () => theirs(() => ({ jku: "https://evil.example.com/jwks.json" }))],
    ["of a kid that is a path", () => theirs(() => ({ kid: "../../../dev/null" }))],
    ["of a kid that is __proto__", () => theirs(() => ({ kid: "__proto__" }))],
    ["without a kid", () => sign({}, { kid: undefined })],
    ["of another typ", () => sign({}, { typ: "at+jwt" })],
    ["without a typ", () => sign({}, { typ: undefined })],
    ["with an extension that must be understood", () => sign({}, { crit: ["x"], x: 1 })],
    ["of alg None", () => withHeader({ alg: "None" })],
    ["of another alg", () => withHeader({ alg: "ES384" })],
    ["without exp", () => sign({ exp: undefined })],
    ["of an exp that is text", () => sign({ exp: "9999999999" })],
    ["of an iss in a list", () => sign({ iss: [issuer] })],
    ["of an iss with a slash", () => sign({ iss: `${issuer}/` })],
    ["of an aud in a list", () => sign({ aud: ["api", issuer] })],
    ["not valid yet", () => sign({ nbf: Math.floor(Date.now() / 1000) + 60 })],
    ["of no user", () => sign({ oci: undefined })],
    ["of a generation that is text", () => sign({ tokenGeneration: "0" })],
    ["in four parts", () => `${token}.x`],
    ["in five parts", () => `${token}.x.x`],
    [
      "as JSON",
      () =>
        JSON.stringify({
          payload: token.split(".")[1],
          protected: token.split(".")[0],
          signature: token.split(".")[2],
        }),
    ],
    ["after its scheme", () => `Bearer ${token}`],
    ["with NUL", () => `${token}\u0000`],
    ["with a newline in it", () => token.replace(".", ".\n")],
    ["with a newline that is encoded", () => `${token}%0A`],
    ["with a zero-width space", () => `${token}\u200b`],
    ["with a lone surrogate", () => `${token}\ud800`],
    ["of fifteen thousand dots", () => ".".repeat(15_000)],
    ["of fifteen thousand letters", () => "e".repeat(15_000)],
  ];
  it.each(forgeries)("does nothing, %s", async (_, forge) => {
    const { worker, watch } = attacked;
    const forged = await forge();
    await watch.unchanged(async () => {
      for (const what of ["renew", "revoke"]) {
        const answer = await worker.json("POST", `/api/v1/auth/token/${what}`, { accessToken: forged });
        expectRefusal(answer, 403, "This is not an access token of this Worker.", "TokenError");
      }
      const { status, body } = await worker.introspect(forged);
      expect([status, body]).toEqual([200, { active: false }]);
      if (/^[\x21-\x7e]+$/.test(forged)) {
        const headers = { authorization: `Bearer ${forged}` };
        expectRefusal(
          await worker.send("/api/v1/organizations", { headers }),
          401,
          /^A bearer token is required/,
        );
      }
    });
  });

  const bodies: [what: string, status: number, body: (accessToken: string) => string][] = [
    ["one key too many", 422, (accessToken) => JSON.stringify({ accessToken, organizationSlug: "team" })],
    ["__proto__", 422, (accessToken) => `{"accessToken":"${accessToken}","__proto__":{}}`],
    ["the token in __proto__", 422, (accessToken) => `{"__proto__":{"accessToken":"${accessToken}"}}`],
    ["the token in a list", 422, (accessToken) => `{"accessToken":["${accessToken}"]}`],
    ["the token alone", 422, (accessToken) => `"${accessToken}"`],
    ["another token after it", 403, (accessToken) => `{"accessToken":"${accessToken}","accessToken":"x"}`],
    ["a letter after it", 400, (accessToken) => `{"accessToken":"${accessToken}"}x`],
    ["spaces up to 16 KiB", 413, (accessToken) => `{"accessToken":"${accessToken}"}`.padEnd(17_000)],
  ];
  it.each(bodies)("does nothing, and nor does the true one with %s", async (_, status, body) => {
    const { worker, watch } = attacked;
    await watch.unchanged(async () => {
      for (const what of ["renew", "revoke"]) {
        const request = { method: "POST", path: `/api/v1/auth/token/${what}`, body: body(token) };
        expectRefusal(
          await sendRaw(worker, { ...request, headers: json }),
          status,
          /./,
          status === 403 ? "TokenError" : undefined,
        );
      }
    });
  });

  it("does nothing, and nor does the true one under no media type", async () => {
    const { worker, watch } = attacked;
    await watch.unchanged(async () => {
      for (const what of ["renew", "revoke"]) {
        const body = JSON.stringify({ accessToken: token });
        const answer = await sendRaw(worker, { method: "POST", path: `/api/v1/auth/token/${what}`, body });
        expectRefusal(answer, 415, /must be application\/json/);
      }
    });
  });

  it("and the true one is active still", async () => {
    expect((await attacked.worker.introspect(token)).body.active).toBe(true);
    attacked.watch.forget();
  });
});
