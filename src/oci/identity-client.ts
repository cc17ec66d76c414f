/**
 * OCI's Identity service, as far as a login needs it: Get User, List API Keys, List Users (docs/login.md, The Identity
 * service).
 *
 * A call has one of three results: the requested data, a definite "no such user", or no usable answer. Anything
 * unexpected, from a redirect to a body of the wrong shape, is no usable answer and never an exception.
 */
import * as z from "zod";
import { parseHttpDate } from "./http-date.ts";
import type { ApiKeyId } from "./key-id.ts";
import type { TenancyOcid, UserOcid } from "./ocid.ts";
import { importSigningKey, signGet } from "./sign.ts";

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
    error: z.object({ code: z.string().max(100), message: z.string().max(2000) }),
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

/** OCI's answer when it is not the requested data. */
export interface OciFailure {
  /** HTTP status, or undefined if there was no answer. */
  readonly status?: number;
  readonly code?: string;
  readonly message?: string;
  readonly opcRequestId?: string;
  /** Why the answer cannot be used, for a log. */
  readonly why: string;
}

export type OciAnswer<T> =
  | { readonly kind: "answer"; readonly value: T }
  | { readonly kind: "not-found"; readonly failure: OciFailure }
  | {
      readonly kind: "unavailable";
      readonly failure: OciFailure;
      /** Set after a 429: how long OCI wants no calls. */
      readonly throttledSeconds?: number;
    };

export interface OciCredential {
  readonly keyId: ApiKeyId;
  /** DER PKCS#8. */
  readonly pkcs8: Uint8Array<ArrayBuffer>;
}

/** Timeout of a call to OCI, body included. */
export const ociTimeoutMilliseconds = 3000;

/** How long OCI is not called after a 429: without a Retry-After, and at most. */
const defaultThrottledSeconds = 5;
const maxThrottledSeconds = 60;

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
    let response: Response;
    let body: string;
    try {
      const key = await importSigningKey(this.#credential.pkcs8);
      const headers = await signGet(url, this.#credential.keyId, key, new Date());
      response = await fetch(url, {
        headers: { ...headers, accept: "application/json" },
        redirect: "manual",
        signal: AbortSignal.timeout(ociTimeoutMilliseconds),
      });
      body = await readAtMost(response, maxAnswerBytes);
    } catch (error) {
      return unavailable({ why: error instanceof Error ? `${error.name}: ${error.message}` : String(error) });
    }
    const json = parseJson(body);
    const opcRequestId = response.headers.get("opc-request-id");
    const said = schemas().error.safeParse(json).data;
    const about = { status: response.status, ...said, ...(opcRequestId === null ? {} : { opcRequestId }) };
    if (response.status === 404 && said !== undefined) {
      return { kind: "not-found", failure: { ...about, why: "OCI says 404" } };
    }
    if (response.status !== 200) {
      const none = unavailable({ ...about, why: `OCI says ${response.status}` });
      if (response.status !== 429) return none;
      return { ...none, throttledSeconds: throttledSeconds(response.headers.get("retry-after")) };
    }
    const value = schema.safeParse(json);
    return value.success
      ? { kind: "answer", value: value.data }
      : unavailable({ ...about, why: "OCI's answer does not have the documented shape" });
  }
}

function unavailable(failure: OciFailure): { kind: "unavailable"; failure: OciFailure } {
  return { kind: "unavailable", failure };
}

/** Retry-After is a number of seconds or a date (RFC 9110, section 10.2.3). */
function throttledSeconds(retryAfter: string | null): number {
  const text = retryAfter?.trim() ?? "";
  const date = parseHttpDate(text);
  const seconds = date.ok ? Math.ceil((date.value.epochMilliseconds - Date.now()) / 1000) : Number(text);
  if (!date.ok && !/^\d+$/.test(text)) return defaultThrottledSeconds;
  return Math.min(Math.max(seconds, 1), maxThrottledSeconds);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function readAtMost(response: Response, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw new Error(`the answer is larger than ${maxBytes} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
