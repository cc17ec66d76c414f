/** The one form that every error has on the wire. error-responses.ts has its schemas. */
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { Misconfigured } from "../env.ts";
import { Refusal } from "../refusal.ts";
import { StorageError } from "../storage/storage-error.ts";
import { TimeoutError } from "../timeout.ts";
import type { AppEnv } from "./route.ts";

/** How long a client should wait before it asks again, where trying again helps. In seconds. */
const retryAfterSeconds = "5";

/** Rate limits count in minutes of the wall clock. */
function secondsToNextMinute(): number {
  return 60 - (Math.floor(Date.now() / 1000) % 60);
}

function envelope(c: Context<AppEnv>, refusal: Refusal): Response {
  const { status, error, issues, details } = refusal;
  const body = { reqId: c.get("requestId"), statusCode: status, message: issues ?? refusal.message, error };
  const headers: Record<string, string> = {};
  if (status === 503) headers["retry-after"] = retryAfterSeconds;
  if (status === 429) headers["retry-after"] = String(secondsToNextMinute());
  if (refusal.reason === "unauthenticated") headers["www-authenticate"] = "Bearer";
  const withDetails = details !== undefined && (status === 400 || status === 403);
  return c.json(withDetails ? { ...body, details } : body, status, headers);
}

/** What the caller may know of whatever was thrown, and what the log says of it beside the reason. */
function explain(error: unknown): { refusal: Refusal; message?: string | undefined } {
  if (error instanceof Refusal) {
    return { refusal: error, message: error.cause === undefined ? undefined : String(error.cause) };
  }
  if (error instanceof HTTPException && error.status === 400)
    return { refusal: new Refusal("malformed-json") };
  if (error instanceof HTTPException && error.status === 415) return { refusal: new Refusal("media-type") };
  if (error instanceof TimeoutError) return { refusal: new Refusal("too-slow") };
  if (error instanceof Misconfigured) {
    return { refusal: new Refusal("internal"), message: `The Worker is not configured: ${error.message}` };
  }
  if (error instanceof StorageError) {
    return { refusal: new Refusal("storage-unavailable"), message: error.message };
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
