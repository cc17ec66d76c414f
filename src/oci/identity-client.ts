/**
 * OCI's Identity service, as far as a login needs it: Get User, List API Keys, List Users (docs/login.md, The Identity
 * service).
 *
 * A call has one of three results: the requested data, a definite "no such user", or no usable answer. Anything
 * unexpected, from a redirect to a body of the wrong shape, is no usable answer and never an exception.
 */
import * as z from "zod";
import type { TenancyOcid, UserOcid } from "./ocid.ts";
import {
  type OciCredential,
  type OciFailure,
  type OciUnavailable,
  parseJson,
  signedCall,
  unavailable,
} from "./signed-call.ts";

/** Longer ones would not fit a token that every service takes; OCI's own limit is lower. */
export const maxUserNameLength = 512;

function makeSchemas() {
  const user = z.object({
    id: z.string(),
    compartmentId: z.string(),
    name: z.string().min(1).max(maxUserNameLength),
    lifecycleState: z.string(),
    capabilities: z.object({ canUseApiKeys: z.boolean().nullish() }).nullish(),
  });
  const apiKey = z.object({
    // A PEM of 8192 bits is under 2 KB.
    keyValue: z.string().max(8192),
    fingerprint: z.string(),
    userId: z.string(),
    lifecycleState: z.string(),
  });
  return {
    user,
    apiKeys: z.array(apiKey).max(100),
    // Of a list, only whom it lists matters: one user's name does not spoil it.
    listedUsers: z.array(user.pick({ id: true })).max(1000),
  };
}

type Schemas = ReturnType<typeof makeSchemas>;
let made: Schemas | undefined;

/** Made at the first call: most requests make none. */
function schemas(): Schemas {
  made ??= makeSchemas();
  return made;
}

export type OciUser = z.output<Schemas["user"]>;
export type OciListedUser = z.output<Schemas["listedUsers"]>[number];
export type OciApiKey = z.output<Schemas["apiKeys"]>[number];

export type OciAnswer<T> =
  | { readonly kind: "answer"; readonly value: T }
  | { readonly kind: "not-found"; readonly failure: OciFailure }
  | OciUnavailable;

/** Get User is about 1 KB and a user has at most three API keys; a page of users is the largest answer. */
const maxAnswerBytes = 256 * 1024;

/** Calls the Identity service at `origin` (scheme and host) with the tenancy's credential. */
export class IdentityClient {
  readonly #origin: string;
  readonly #credential: OciCredential;

  constructor(origin: string, credential: OciCredential) {
    this.#origin = origin;
    this.#credential = credential;
  }

  getUser(userOcid: UserOcid): Promise<OciAnswer<OciUser>> {
    return this.#get(`/20160918/users/${userOcid}`, schemas().user);
  }

  listApiKeys(userOcid: UserOcid): Promise<OciAnswer<OciApiKey[]>> {
    return this.#get(`/20160918/users/${userOcid}/apiKeys`, schemas().apiKeys);
  }

  listUsers(tenancyOcid: TenancyOcid, limit: number): Promise<OciAnswer<OciListedUser[]>> {
    const path = `/20160918/users?compartmentId=${tenancyOcid}&limit=${limit}`;
    return this.#get(path, schemas().listedUsers);
  }

  async #get<T>(pathAndQuery: string, schema: z.ZodType<T>): Promise<OciAnswer<T>> {
    const url = new URL(pathAndQuery, this.#origin);
    const answer = await signedCall(url, this.#credential, maxAnswerBytes);
    if (answer.kind !== "answer") return answer;
    const value = schema.safeParse(parseJson(answer.text));
    return value.success
      ? { kind: "answer", value: value.data }
      : unavailable({ ...answer.about, why: "OCI's answer does not have the documented shape" });
  }
}
