/** Logs in and renews, as a client of the Worker. */
import * as z from "zod";
import { identityOrigin } from "../../src/oci/identity-host.ts";
import { signGet } from "../../src/oci/sign.ts";
import type { ApiKey } from "../profile/api-key.ts";
import { type Answer, callWorker, type NoAnswer } from "../worker/client.ts";
import { Refused, refusalOf } from "../worker/refusal.ts";

export interface LoginTarget {
  readonly url: string;
  readonly identityId: string;
  readonly organizationSlug: string | undefined;
}

const tokenAnswer = z.looseObject({
  // Three parts of base64url: nothing that a shell or a header could take for something else.
  accessToken: z.string().regex(/^[\w-]+\.[\w-]+\.[\w-]+$/),
  expiresIn: z.number().positive(),
  accessTokenMaxTTL: z.number(),
  tokenType: z.literal("Bearer"),
});

/** The Worker's answer, unchanged. Times are in seconds. */
export type IssuedToken = z.output<typeof tokenAnswer>;

/** Signs and logs in. Throws {@link Refused}. */
export async function logIn(
  { url, ...target }: LoginTarget,
  { keyId, region, signingKey }: ApiKey,
  signal?: AbortSignal,
): Promise<IssuedToken> {
  const getUser = new URL(`/20160918/users/${keyId.userOcid}`, identityOrigin(keyId.tenancyOcid, region));
  const headers = await signGet(getUser, keyId, signingKey, new Date());
  const login = { ...target, userOcid: keyId.userOcid, headers: { ...headers, host: getUser.host } };
  const body = JSON.stringify(login);
  return issued(url, await callWorker(url, { path: "/api/v1/auth/oci-auth/login", body, signal }));
}

/** A new copy of a token. Throws {@link Refused}. */
export async function renew(url: string, accessToken: string, signal: AbortSignal): Promise<IssuedToken> {
  const body = JSON.stringify({ accessToken });
  return issued(url, await callWorker(url, { path: "/api/v1/auth/token/renew", body, signal }));
}

function issued(url: string, answer: Answer | NoAnswer): IssuedToken {
  if (answer.kind === "no answer" || answer.status !== 200) throw refusalOf(url, answer, Date.now());
  const token = tokenAnswer.safeParse(answer.body);
  if (token.success) return token.data;
  throw new Refused(`${url} answered 200 without an access token`, "check --url", false);
}
