/** The one client of the Worker. It returns the answer, or that there was none. */
import { type JsonObject, parseJsonObject } from "../json-object.ts";
import { textOf } from "./answer-text.ts";
import { reasonOf } from "./connection-error.ts";

export interface WorkerRequest {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path and query. It cannot change the host: `//` does not start another one. */
  readonly path: string;
  /** JSON. */
  readonly body?: string | undefined;
  readonly bearer?: string;
  /** Timeout, if not a login's {@link timeoutSeconds}. */
  readonly timeoutSeconds?: number;
  readonly signal?: AbortSignal | undefined;
}

/** The Worker ends a login after seven seconds (docs/operate.md, `too-slow`); the rest is for the network. */
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
  /** The rest of a sentence whose subject is the Worker. */
  readonly problem: string;
  /** The same in fewer words, without a subject. */
  readonly reason: string;
}

/** Follows no redirect: it would send a token or a signature elsewhere. Rejects only when `signal` ends it. */
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

/** Seconds of the answer's Retry-After (RFC 9110, section 10.2.3); undefined if it has none. */
export function retryAfterSeconds({ headers }: Pick<Answer, "headers">, now: number): number | undefined {
  const text = headers.get("retry-after");
  if (text === null) return undefined;
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - now) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}
