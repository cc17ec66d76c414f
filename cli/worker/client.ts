/** Requests to the Worker that need no bearer: what it answered, or that it did not. */
import { type JsonObject, parseJsonObject } from "../json-object.ts";
import { textOf } from "./answer-text.ts";
import { reasonOf } from "./connection-error.ts";

const timeoutSeconds = 15;

export interface Answer {
  readonly kind: "answer";
  readonly status: number;
  readonly headers: Headers;
  /** Undefined if it is not a JSON object. */
  readonly body: JsonObject | undefined;
}

export interface NoAnswer {
  readonly kind: "no answer";
  readonly problem: string;
}

/** A GET, or with a body a POST. No redirect is followed. Rejects only when `signal` ends it. */
export async function askWorker(
  origin: string,
  path: string,
  { body, signal }: { body?: unknown; signal?: AbortSignal | undefined } = {},
): Promise<Answer | NoAnswer> {
  const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
  try {
    const response = await fetch(new URL(path, origin), {
      ...(body === undefined
        ? {}
        : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
      redirect: "manual",
      signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
    });
    const text = await textOf(response);
    return {
      kind: "answer",
      status: response.status,
      headers: response.headers,
      body: parseJsonObject(text),
    };
  } catch (error) {
    signal?.throwIfAborted();
    const problem = timeout.aborted
      ? `${origin} did not answer within ${timeoutSeconds} s`
      : `${origin} cannot be reached: ${reasonOf(error)}`;
    return { kind: "no answer", problem };
  }
}

/** Seconds that the answer asks to wait (RFC 9110, section 10.2.3); undefined if it does not. */
export function retryAfterSeconds({ headers }: Pick<Answer, "headers">, now: number): number | undefined {
  const text = headers.get("retry-after");
  if (text === null) return undefined;
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - now) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}
