/** What a request's body may be: its size, and its media type. */
import type { Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { createMiddleware } from "hono/factory";
import type * as z from "zod";
import { Refusal } from "../refusal.ts";

/** The largest request body in bytes: a login's is about 2 KB, a tenancy's credential about 4 KB. */
export const maxBodyBytes = 16 * 1024;

/** An instance's login has two certificates in it, one of which grows with the instance's tags. */
const larger = new Map([["/api/v1/auth/oci-instance-auth/login", 32 * 1024]]);

function limitOf(c: Context): number {
  return larger.get(c.req.path.replace(/\/$/, "")) ?? maxBodyBytes;
}

function tooLarge(c: Context): never {
  throw new Refusal("too-large", `The request body is larger than ${limitOf(c)} bytes`);
}

/** A body that says its length is judged by that, and not touched: the runtime reads no more of it than it says. */
export const limitedBody = createMiddleware((c, next) => {
  const { headers } = c.req.raw;
  const length = headers.get("content-length");
  if (length === null || headers.has("transfer-encoding")) {
    return bodyLimit({ maxSize: limitOf(c), onError: tooLarge })(c, next);
  }
  return Number(length) <= limitOf(c) ? next() : tooLarge(c);
});

/** A body that a route requires. */
export interface Body<T extends BodyType = BodyType, S extends () => z.ZodType = () => z.ZodType> {
  readonly type: T;
  readonly schema: S;
  readonly example: object;
}

type BodyType = "json" | "form";

const accepted: Record<BodyType, RegExp> = {
  json: /^application\/(?:[a-z.-]+\+)?json(?:;\s*[a-z0-9-]+=[^;]+)*$/i,
  form: /^(?:application\/x-www-form-urlencoded(?:;\s*[a-z0-9-]+=[^;]+)*|multipart\/form-data(?:;\s?boundary=[\w'"()+,./:=?-]+)?)$/i,
};

/** Refuses a body of another type, and one that says none. No body at all is for the schema to refuse. */
export function bodyIs(type: BodyType) {
  return createMiddleware(async (c, next) => {
    const stated = c.req.header("content-type");
    const fits = stated ? accepted[type].test(stated) : (await c.req.arrayBuffer()).byteLength === 0;
    if (!fits) throw new Refusal("media-type");
    await next();
  });
}
