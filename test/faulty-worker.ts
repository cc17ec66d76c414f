/** The Worker, with bindings that fail as they are told. `PUT /_faults` tells them. */
import type { Env } from "../src/env.ts";
import worker, { Ledger as RealLedger } from "../src/index.ts";

type Fault = "fail" | "hang" | "junk" | "fail-writes" | "lose";
type Faults = Partial<Record<"DB" | "AUDIT_DB" | "KV_GET" | "KV_PUT" | "LEDGER" | "LIMITS", Fault>>;

let faults: Faults = {};

/** Undefined while the thing works. */
function broken(what: keyof Faults, message: string): Promise<never> | undefined {
  switch (faults[what]) {
    case "fail":
      return Promise.reject(new Error(message));
    case "hang":
      return new Promise(() => {});
    case "lose":
      // What the runtime throws of a connection, as it is: D1's client does not put its name to it.
      return Promise.reject(new Error("Network connection lost."));
    default:
      return undefined;
  }
}

/** An object whose named methods are replaced. */
function replacing<T extends object>(target: T, methods: Record<string, (...args: never[]) => unknown>): T {
  return new Proxy(target, {
    get(_, name) {
      const replaced = methods[name as string];
      if (replaced !== undefined) return replaced;
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function faultyStatement(
  what: "DB" | "AUDIT_DB",
  statement: D1PreparedStatement,
  isWrite: boolean,
): D1PreparedStatement {
  const run =
    (method: "all" | "run" | "first" | "raw") =>
    (...args: never[]) => {
      if (isWrite && faults[what] === "fail-writes") return Promise.reject(new Error("D1_ERROR: injected"));
      return (
        broken(what, "D1_ERROR: injected secret-of-the-database") ??
        (statement[method] as (...args: never[]) => unknown)(...args)
      );
    };
  return replacing(statement, {
    bind: (...values: never[]) => faultyStatement(what, statement.bind(...values), isWrite),
    ...Object.fromEntries((["all", "run", "first", "raw"] as const).map((method) => [method, run(method)])),
  });
}

function faultyDatabase<T extends D1Database | D1DatabaseSession>(what: "DB" | "AUDIT_DB", database: T): T {
  return replacing(database, {
    prepare: (sql: string) => faultyStatement(what, database.prepare(sql), !/^\s*select/i.test(sql)),
    // Statements that were wrapped cannot be batched, so a batch is given those that were not.
    batch: (statements: D1PreparedStatement[]) =>
      (faults[what] === "fail-writes" ? Promise.reject(new Error("D1_ERROR: injected")) : undefined) ??
      broken(what, "D1_ERROR: injected") ??
      database.batch(statements),
    withSession: (constraint: string) =>
      faultyDatabase(what, (database as D1Database).withSession(constraint)),
  });
}

const known = new WeakMap<object, Env>();

function faulty(env: Env): Env {
  const before = known.get(env);
  if (before !== undefined) return before;
  const limit = (binding: RateLimit) =>
    replacing(binding, { limit: (options: never) => broken("LIMITS", "injected") ?? binding.limit(options) });
  const wrapped: Env = {
    ...env,
    DB: faultyDatabase("DB", env.DB),
    AUDIT_DB: faultyDatabase("AUDIT_DB", env.AUDIT_DB),
    DIRECTORY: replacing(env.DIRECTORY, {
      get: (key: string) =>
        broken("KV_GET", "KV injected") ??
        (faults.KV_GET === "junk" ? Promise.resolve('{"version":0,"keys":"junk"}') : env.DIRECTORY.get(key)),
      put: (key: string, value: string, options: never) =>
        broken("KV_PUT", "KV injected") ?? env.DIRECTORY.put(key, value, options),
      delete: (key: string) => broken("KV_PUT", "KV injected") ?? env.DIRECTORY.delete(key),
    }),
    LEDGER: replacing(env.LEDGER, {
      getByName: (name: string) => {
        const stub = env.LEDGER.getByName(name);
        const method =
          (method: "recordLogin" | "recordRenewal" | "recordRevocation" | "use") => (argument: never) =>
            broken("LEDGER", "Durable Object is overloaded. Requests queued for too long.") ??
            stub[method](argument);
        return {
          recordLogin: method("recordLogin"),
          recordRenewal: method("recordRenewal"),
          recordRevocation: method("recordRevocation"),
          use: method("use"),
        };
      },
    }),
    LOGINS: limit(env.LOGINS),
    TOKEN_REQUESTS: limit(env.TOKEN_REQUESTS),
    FAILED_AUTHENTICATIONS: limit(env.FAILED_AUTHENTICATIONS),
    IDENTITY_CALLS: limit(env.IDENTITY_CALLS),
    ADDRESS_QUESTIONS: limit(env.ADDRESS_QUESTIONS),
    TENANCY_QUESTIONS: limit(env.TENANCY_QUESTIONS),
  };
  known.set(env, wrapped);
  return wrapped;
}

/** Its alarm meets the faults of AUDIT_DB too. */
export class Ledger extends RealLedger {
  constructor(state: DurableObjectState, env: Env) {
    super(state, { ...env, AUDIT_DB: faultyDatabase("AUDIT_DB", env.AUDIT_DB) });
  }
}

export default {
  async fetch(request, env, context) {
    if (new URL(request.url).pathname !== "/_faults") return worker.fetch(request, faulty(env), context);
    faults = await request.json();
    return Response.json(faults);
  },
} satisfies ExportedHandler<Env>;
