/** The one form that every error has on the wire, as a response and as a schema. */
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { Misconfigured } from "../env.ts";
import { Refusal, type RefusalStatus } from "./refusal.ts";
import type { AppEnv } from "./route.ts";

/** How long a client should wait before it asks again, where trying again helps. In seconds. */
const retryAfterSeconds = "5";

/** Rate limits count in minutes of the wall clock. */
function secondsToNextMinute(): number {
  return 60 - (Math.floor(Date.now() / 1000) % 60);
}

/** The schema of one status's error body, in the order and with exactly the fields of the contract. */
export function errorBody(status: RefusalStatus) {
  const statusCode = z.literal(status);
  const text = z.string();
  switch (status) {
    case 400:
      return z.strictObject({
        reqId: text,
        statusCode,
        message: text,
        error: text,
        details: z.unknown().optional(),
      });
    case 403:
      return z.strictObject({
        reqId: text,
        statusCode,
        message: text,
        details: z.unknown().optional(),
        error: text,
      });
    case 422:
      return z.strictObject({ reqId: text, statusCode, message: z.unknown().optional(), error: text });
    default:
      return z.strictObject({ reqId: text, statusCode, message: text, error: text });
  }
}

/**
 * For a route's `responses`: the envelope with each of these statuses. Handlers throw refusals and never return one,
 * so their types need not know of these.
 */
export function errorResponses(...statuses: RefusalStatus[]): object {
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      {
        description: "Default Response",
        content: { "application/json": { schema: errorBody(status).openapi(`Error${status}`) } },
      },
    ]),
  );
}

function envelope(c: Context<AppEnv>, refusal: Refusal): Response {
  const { status, error, issues, details } = refusal;
  const body = { reqId: c.var.requestId, statusCode: status, message: issues ?? refusal.message, error };
  const headers: Record<string, string> = {};
  if (status === 503) headers["retry-after"] = retryAfterSeconds;
  if (status === 429) headers["retry-after"] = String(secondsToNextMinute());
  if (refusal.reason === "unauthenticated") headers["www-authenticate"] = "Bearer";
  const withDetails = details !== undefined && (status === 400 || status === 403);
  return c.json(withDetails ? { ...body, details } : body, status, headers);
}

/** D1's errors carry this prefix. The query builder wraps them, in a message that repeats every parameter. */
function storageError(error: unknown): Error | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause.message.startsWith("D1_")) return cause;
  }
  return undefined;
}

/** What the caller may know of whatever was thrown, and what the log says of it beside the reason. */
function explain(error: unknown): { refusal: Refusal; message?: string | undefined } {
  if (error instanceof Refusal) {
    return { refusal: error, message: error.cause === undefined ? undefined : String(error.cause) };
  }
  if (error instanceof HTTPException && error.status === 400)
    return { refusal: new Refusal("malformed-json") };
  if (error instanceof HTTPException && error.status === 415) return { refusal: new Refusal("media-type") };
  if (error instanceof HTTPException && error.status === 503) return { refusal: new Refusal("too-slow") };
  if (error instanceof Misconfigured) {
    return { refusal: new Refusal("internal"), message: `The Worker is not configured: ${error.message}` };
  }
  const storage = storageError(error);
  if (storage !== undefined) {
    return { refusal: new Refusal("storage-unavailable"), message: storage.message };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { refusal: new Refusal("internal"), message };
}

/** The one exit of every request that is refused, thrown or not: what the log says of it (request-log.ts), and the envelope. */
export function respondToError(error: unknown, c: Context<AppEnv>): Response {
  const { refusal, message } = explain(error);
  c.set("refused", { reason: refusal.reason, message });
  return envelope(c, refusal);
}
