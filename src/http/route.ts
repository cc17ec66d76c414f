import type { Context, Handler, MiddlewareHandler, TypedResponse } from "hono";
import { createMiddleware } from "hono/factory";
import type { HonoBase } from "hono/hono-base";
import type { StatusCode } from "hono/utils/http-status";
import type { JSONParsed } from "hono/utils/types";
import { validator } from "hono/validator";
import type * as z from "zod";
import type { Caller } from "../access/caller.ts";
import { type Config, configOf, type Env } from "../env.ts";
import { Refusal } from "../refusal.ts";
import type { Session } from "../storage/session.ts";
import { withTimeout } from "../timeout.ts";
import type { Timings } from "../timings.ts";
import { type Body, bodyIs } from "./body.ts";

export interface AppEnv {
  Bindings: Env;
  Variables: {
    requestId: string;
    config: Config;
    /** Set by `authenticated` (authenticate.ts), which every route of the admin API has, as is the database. */
    caller: Caller;
    /** DB's primary. */
    database: Session;
    timings: Timings;
    /** When the request came, in milliseconds since the epoch: the clock of whatever it decides. */
    now: number;
    /** Why the request was refused, and what the log alone says of it. */
    refused: { reason: string; message?: string | undefined } | undefined;
  };
}

/** Made when a request first needs it (lazy.ts). */
type LazySchema = () => z.ZodType;
type LazyObject = () => z.ZodObject;

/** What a route reads of a request. */
interface Parts {
  readonly query?: LazyObject;
  readonly params?: LazyObject;
  readonly body?: Body;
}

/** By status. Only the document needs them. */
interface Answers {
  readonly [status: number]: {
    readonly description: string;
    readonly content: { readonly "application/json": { readonly schema: z.ZodType } };
  };
}

interface Description<P, A> {
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  /** As OpenAPI writes it. */
  readonly path: string;
  readonly middleware?: readonly MiddlewareHandler<AppEnv>[];
  readonly security?: Record<string, string[]>[];
  readonly tags: string[];
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly request?: P;
  readonly responses: () => A;
}

type Output<S> = S extends () => z.ZodType<infer T> ? T : never;

/** What `c.req.valid` knows. */
type Valid<P> = (P extends { readonly query: infer S } ? { query: Output<S> } : unknown) &
  (P extends { readonly params: infer S } ? { param: Output<S> } : unknown) &
  (P extends { readonly body: Body<infer T, infer S> } ? Record<T, Output<S>> : unknown);

/** One of the answers that the route describes. */
type Answer<A> = {
  [S in keyof A & StatusCode]: A[S] extends {
    readonly content: { readonly "application/json": { readonly schema: z.ZodType<unknown, infer T> } };
  }
    ? TypedResponse<JSONParsed<T>, S, "json">
    : never;
}[keyof A & StatusCode];

export interface Route extends Description<Parts, Answers> {
  readonly handler: Handler<AppEnv>;
}

/** A route beside its handler, which gets what the route's schemas made of the request. */
export function defineRoute<A extends Answers, P extends Parts = Record<never, never>>(
  description: Description<P, A>,
  handler: (
    c: Context<AppEnv, string, { in: object; out: object & Valid<P> }>,
  ) => Answer<A> | Promise<Answer<A>>,
): Route {
  return { ...description, handler: handler as unknown as Handler<AppEnv> };
}

function valid(target: "query" | "param" | "json" | "form", schema: LazySchema): MiddlewareHandler {
  return validator(target, (value) => {
    const { data, error } = schema().safeParse(value);
    if (error !== undefined) throw new Refusal("validation", undefined, { issues: error.issues });
    return data as object;
  });
}

export function addRoutes(app: HonoBase<AppEnv>, routes: readonly Route[]): void {
  for (const { method, path, middleware = [], request = {}, handler } of routes) {
    const { query, params, body } = request;
    app.on(
      method,
      [path.replaceAll(/\{(\w+)\}/g, ":$1")],
      ...middleware,
      ...(query === undefined ? [] : [valid("query", query)]),
      ...(params === undefined ? [] : [valid("param", params)]),
      ...(body === undefined ? [] : [bodyIs(body.type), valid(body.type, body.schema)]),
      handler,
    );
  }
}

/** Checks the configuration before anything that needs it. */
export const configured = createMiddleware<AppEnv>(async (c, next) => {
  c.set("config", await configOf(c.env));
  await next();
});

/** Longer than any time limit within: whatever hangs, the caller has an answer. In milliseconds. */
const maxRequestMilliseconds = 7000;

/** Rejects with `TimeoutError`. */
export const timeLimit = createMiddleware((_, next) => withTimeout(maxRequestMilliseconds, next()));
