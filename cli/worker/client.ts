/** The one client of the Worker: what it answered, or that it did not. */
import { type JsonObject, parseJsonObject } from "../json-object.ts";
import { textOf } from "./answer-text.ts";
import { reasonOf } from "./connection-error.ts";

export interface WorkerRequest {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With its query. Whatever it is, the host is the origin's: `//` does not begin another. */
  readonly path: string;
  /** JSON. */
  readonly body?: string | undefined;
  readonly bearer?: string;
  /** How long it may take, where it is not a login's {@link timeoutSeconds}. */
  readonly timeoutSeconds?: number;
  readonly signal?: AbortSignal | undefined;
}

/** The Worker gives up a login after seven seconds (docs/operate.md, `too-slow`); the rest is for the way. */
const timeoutSeconds = 15;

export interface Answer {
  readonly kind: "answer";
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Undefined if it is not a JSON object. */
  readonly body: JsonObject | undefined;
}

export interface NoAnswer {
  readonly kind: "no answer";
  /** Of a sentence whose subject is the Worker. */
  readonly problem: string;
  /** The same in fewer words, without a subject. */
  readonly reason: string;
}

/** No redirect is followed: it would take a bearer or a signature elsewhere. Rejects only when `signal` ends it. */
export async function callWorker(origin: string, request: WorkerRequest): Promise<Answer | NoAnswer> {
  const { method, path, body, bearer, signal } = request;
  const seconds = request.timeoutSeconds ?? timeoutSeconds;
  const timeout = AbortSignal.timeout(seconds * 1000);
  try {
    const response = await fetch(new URL(`${origin}${path}`), {
      method: method ?? (body === undefined ? "GET" : "POST"),
      headers: {
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body }),
      redirect: "manual",
      signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
    });
    const text = await textOf(response);
    const { status, headers } = response;
    return { kind: "answer", status, headers, text, body: parseJsonObject(text) };
  } catch (error) {
    signal?.throwIfAborted();
    if (timeout.aborted) {
      const limit = `within ${seconds} s`;
      return { kind: "no answer", problem: `did not answer ${limit}`, reason: `no answer ${limit}` };
    }
    const reason = reasonOf(error);
    return { kind: "no answer", problem: `cannot be reached: ${reason}`, reason };
  }
}

/** Seconds that the answer asks to wait (RFC 9110, section 10.2.3); undefined if it does not. */
export function retryAfterSeconds({ headers }: Pick<Answer, "headers">, now: number): number | undefined {
  const text = headers.get("retry-after");
  if (text === null) return undefined;
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - now) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}
