/** One call of the Worker, and what its answer proves. */
import * as z from "zod";
import { isJsonObject } from "../json-object.ts";
import { callWorker, type WorkerRequest } from "../worker/client.ts";

/** `alarm`: a token that must not be issued. `unknown`: the Worker gave no usable answer, so nothing is proved. */
export type Verdict = "ok" | "wrong" | "alarm" | "unknown";

export interface Check {
  readonly name: string;
  readonly expected: number | string;
  /** null if there was no answer. */
  readonly got: number | string | null;
  readonly verdict: Verdict;
  readonly milliseconds: number;
  /** What was wrong. */
  readonly message?: string;
}

export interface Answer {
  /** Undefined if there was no answer. */
  readonly status?: number;
  readonly text: string;
  readonly milliseconds: number;
}

/** Sends no credential and follows no redirect. Never rejects. */
export async function call(origin: string, request: WorkerRequest): Promise<Answer> {
  const started = performance.now();
  const answer = await callWorker(origin, request);
  const milliseconds = Math.round(performance.now() - started);
  return answer.kind === "answer"
    ? { status: answer.status, text: answer.text, milliseconds }
    : { text: answer.reason, milliseconds };
}

export function isConclusive({ status }: Answer): boolean {
  return status !== undefined && status !== 429 && status < 500;
}

export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The Worker's message in an answer that is not the expected one. */
export function messageOf(answer: Answer): string {
  if (answer.status === undefined) return answer.text;
  const body = parsed(answer.text);
  const message = isJsonObject(body) ? body.message : undefined;
  if (message === undefined) return "not an oci-auth-worker's answer";
  return typeof message === "string" ? message : JSON.stringify(message);
}

function envelope(status: number) {
  const body = z.strictObject({
    reqId: z.string().regex(/^req-[\w-]{14}$/),
    statusCode: z.literal(status),
    message: status === 422 ? z.array(z.unknown()) : z.string(),
    error: z.string(),
  });
  return status === 400 || status === 403 ? body.extend({ details: z.unknown().optional() }) : body;
}

/** A JWT anywhere in the text: a refusal must not have one. */
const token = /eyJ[\w-]{8,}\.[\w-]{8,}\./;

/** Whether a forgery was refused as required: with its status, and the envelope and nothing more. */
export function judgeRefusal(name: string, expected: number, answer: Answer): Check {
  const { status, text, milliseconds } = answer;
  const check = { name, expected, got: status ?? null, milliseconds };
  // A proxy in front of the Worker may answer every request with a page, which is not a login.
  const loggedIn = status !== undefined && status >= 200 && status < 300 && isJsonObject(parsed(text));
  if (loggedIn || token.test(text)) return { ...check, verdict: "alarm", message: "was not refused" };
  if (!isConclusive(answer)) return { ...check, verdict: "unknown", message: messageOf(answer) };
  if (status !== expected) return { ...check, verdict: "wrong", message: messageOf(answer) };
  return envelope(expected).safeParse(parsed(text)).success
    ? { ...check, verdict: "ok" }
    : { ...check, verdict: "wrong", message: "the refusal does not have the documented form" };
}
