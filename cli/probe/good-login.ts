/** The login that must succeed, and its token. */
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";
import * as z from "zod";
import type { ApiKey } from "./api-key.ts";
import { type Answer, type Check, call, isConclusive, messageOf, parsed } from "./check.ts";
import type { LoginBody } from "./signed-login.ts";

const loginAnswer = z.strictObject({
  accessToken: z.string(),
  expiresIn: z.number().positive(),
  accessTokenMaxTTL: z.number(),
  tokenType: z.literal("Bearer"),
});
type LoginAnswer = z.output<typeof loginAnswer>;

export const loginPath = "/api/v1/auth/oci-auth/login";

export function postLogin(origin: string, body: string): Promise<Answer> {
  return call(origin, { path: loginPath, body });
}

export async function checkLogin(
  origin: string,
  body: LoginBody,
): Promise<{ check: Check; login?: LoginAnswer }> {
  const answer = await postLogin(origin, JSON.stringify(body));
  const check = {
    name: "login",
    expected: 200,
    got: answer.status ?? null,
    milliseconds: answer.milliseconds,
  };
  if (!isConclusive(answer)) return { check: { ...check, verdict: "unknown", message: messageOf(answer) } };
  if (answer.status !== 200) return { check: { ...check, verdict: "wrong", message: messageOf(answer) } };
  const login = loginAnswer.safeParse(parsed(answer.text));
  return login.success
    ? { check: { ...check, verdict: "ok" }, login: login.data }
    : { check: { ...check, verdict: "wrong", message: "the answer does not have the contract's fields" } };
}

/** What the token of the login must say. */
export interface Expectation {
  readonly issuer: string;
  readonly audience: string;
  readonly identityId: string;
  readonly apiKey: ApiKey;
}

const discovery = z.object({ issuer: z.string(), jwks_uri: z.url() });
const jwks = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) });
const claims = z.object({
  iat: z.number(),
  exp: z.number(),
  oci: z.object({ tenancyOcid: z.string(), userOcid: z.string() }),
});

/** Verifies the token as a service does that trusts the issuer: with the keys that the issuer publishes. */
export async function checkToken(
  origin: string,
  { accessToken, expiresIn }: LoginAnswer,
  { issuer, audience, identityId, apiKey }: Expectation,
): Promise<Check> {
  const started = performance.now();
  const checked = (verdict: Check["verdict"], got: Check["got"], message?: string): Check => ({
    name: "token",
    expected: "verified",
    got,
    verdict,
    milliseconds: Math.round(performance.now() - started),
    ...(message === undefined ? {} : { message }),
  });
  const wrong = (message: string) => checked("wrong", "not verified", message);

  const described = await call(origin, { path: "/.well-known/openid-configuration" });
  if (!isConclusive(described)) return checked("unknown", described.status ?? null, messageOf(described));
  const published = discovery.safeParse(parsed(described.text)).data;
  if (published === undefined) return wrong("there is no discovery document");
  if (published.issuer !== issuer) {
    return wrong(`the Worker says that its issuer is ${published.issuer}, not ${issuer}`);
  }
  // The keys are read from the probed origin, which may be another name of the issuer.
  const listed = await call(origin, { path: new URL(published.jwks_uri).pathname });
  if (!isConclusive(listed)) return checked("unknown", listed.status ?? null, messageOf(listed));
  const keys = jwks.safeParse(parsed(listed.text)).data;
  if (keys === undefined) return wrong("there is no JWK Set");
  try {
    const { payload } = await jwtVerify(accessToken, createLocalJWKSet(keys as JSONWebKeySet), {
      issuer,
      audience,
      subject: identityId,
      requiredClaims: ["exp", "iat", "jti"],
      // The probe's own clock may be a few seconds off.
      clockTolerance: 5,
    });
    const { iat, exp, oci } = claims.parse(payload);
    if (exp - iat !== expiresIn)
      return wrong(`expiresIn is ${expiresIn}, but exp is ${exp - iat} s after iat`);
    if (oci.userOcid !== apiKey.userOcid || oci.tenancyOcid !== apiKey.tenancyOcid) {
      return wrong(`the token is of ${oci.userOcid} of ${oci.tenancyOcid}`);
    }
  } catch (error) {
    if (error instanceof z.ZodError) return wrong("the token does not have the required claims");
    // An error of jose, or the runtime's error for a key that cannot be imported.
    return wrong(error instanceof Error ? error.message : String(error));
  }
  return checked("ok", "verified");
}
