import { bodyLimit } from "hono/body-limit";
import { createMiddleware } from "hono/factory";
import { Refusal } from "../refusal.ts";

/** The largest request body in bytes: a login's is about 2 KB, a tenancy's credential about 4 KB. */
export const maxBodyBytes = 16 * 1024;

function tooLarge(): never {
  throw new Refusal("too-large", `The request body is larger than ${maxBodyBytes} bytes`);
}

const counted = bodyLimit({ maxSize: maxBodyBytes, onError: tooLarge });

/** A body that says its length is judged by that, and not touched: the runtime reads no more of it than it says. */
export const limitedBody = createMiddleware((c, next) => {
  const { headers } = c.req.raw;
  const length = headers.get("content-length");
  if (length === null || headers.has("transfer-encoding")) return counted(c, next);
  return Number(length) <= maxBodyBytes ? next() : tooLarge();
});
