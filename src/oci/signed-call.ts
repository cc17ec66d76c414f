/** A GET that a tenancy's credential signs, to whichever service of OCI. Nothing that OCI does makes it throw. */
import * as z from "zod";
import { parseHttpDate } from "./http-date.ts";
import type { ApiKeyId } from "./key-id.ts";
import { importSigningKey, signGet } from "./sign.ts";

/** What OCI said when it did not give what was asked for. */
export interface OciFailure {
  /** HTTP status, or undefined if there was no answer. */
  readonly status?: number;
  readonly code?: string;
  readonly message?: string;
  readonly opcRequestId?: string;
  /** Why the answer is of no use, for a log. */
  readonly why: string;
}

/** No usable answer. */
export interface OciUnavailable {
  readonly kind: "unavailable";
  readonly failure: OciFailure;
  /** OCI said 429: how long it wants no call. */
  readonly throttledSeconds?: number;
}

export interface OciCredential {
  readonly keyId: ApiKeyId;
  /** DER PKCS#8. */
  readonly pkcs8: Uint8Array<ArrayBuffer>;
}

/** How long OCI has for an answer, body included. */
export const ociTimeoutMilliseconds = 3000;

/** How long OCI is left alone after a 429 that does not say, and at most. */
const defaultThrottledSeconds = 5;
const maxThrottledSeconds = 60;

/** Made at the first answer that is an error. */
let errorSchema: z.ZodType<{ code: string; message: string }> | undefined;

function parseError(text: string) {
  errorSchema ??= z.object({ code: z.string().max(100), message: z.string().max(2000) });
  return errorSchema.safeParse(parseJson(text)).data;
}

/** A 200, a 404 with OCI's error body, or what is of no use. */
export type SignedAnswer =
  | { readonly kind: "answer"; readonly text: string; readonly about: Omit<OciFailure, "why"> }
  | { readonly kind: "not-found"; readonly failure: OciFailure }
  | OciUnavailable;

export async function signedCall(
  url: URL,
  { keyId, pkcs8 }: OciCredential,
  maxAnswerBytes: number,
): Promise<SignedAnswer> {
  let response: Response;
  let text: string;
  try {
    const headers = await signGet(url, keyId, await importSigningKey(pkcs8), new Date());
    response = await fetch(url, {
      headers: { ...headers, accept: "application/json" },
      redirect: "manual",
      signal: AbortSignal.timeout(ociTimeoutMilliseconds),
    });
    text = await readAtMost(response, maxAnswerBytes);
  } catch (error) {
    return unavailable({ why: error instanceof Error ? `${error.name}: ${error.message}` : String(error) });
  }
  const { status } = response;
  const said = status === 200 ? undefined : parseError(text);
  const opcRequestId = response.headers.get("opc-request-id");
  const about = { status, ...said, ...(opcRequestId === null ? {} : { opcRequestId }) };
  if (status === 200) return { kind: "answer", text, about };
  const failure = { ...about, why: `OCI says ${status}` };
  if (status === 404 && said !== undefined) return { kind: "not-found", failure };
  if (status !== 429) return unavailable(failure);
  return { ...unavailable(failure), throttledSeconds: throttledSeconds(response.headers.get("retry-after")) };
}

export function unavailable(failure: OciFailure): OciUnavailable {
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

/** Undefined if it is not JSON. */
export function parseJson(text: string): unknown {
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
