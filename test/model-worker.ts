/**
 * The Worker, as test/e2e/model/ drives it: its clock stands still until it is told, its alarms ring when they are told,
 * and what a request leaves to do after its answer is done before it, so that a sequence of steps has one outcome.
 */

import type { Env } from "../src/env.ts";
import worker, { Ledger as RealLedger } from "../src/index.ts";
import { ledgersOf } from "../src/ledger/address.ts";
import { setClock } from "./frozen-clock.ts";

/** What is told with `PUT /_model/control`, as often as it changes and after each start. */
export interface Control {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly secrets: Record<string, string>;
  /** "loses": it does what it is told, and its answers do not arrive. */
  readonly auditDb: "works" | "fails" | "loses";
}

let auditDb: Control["auditDb"] = "works";
let secrets: Record<string, string> = {};

async function meetingFaults<T>(act: () => Promise<T>): Promise<T> {
  if (auditDb === "fails") throw new Error("D1_ERROR: injected");
  const result = await act();
  if (auditDb === "loses") throw new Error("Network connection lost.");
  return result;
}

/** An object whose named methods are replaced. */
function replacing<T extends object>(target: T, methods: Record<string, (...args: never[]) => unknown>): T {
  return new Proxy(target, {
    get(_, name) {
      const value = methods[name as string] ?? Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

const realStatements = new WeakMap<D1PreparedStatement, D1PreparedStatement>();

function faultyStatement(statement: D1PreparedStatement): D1PreparedStatement {
  const wrapped = replacing(statement, {
    bind: (...values: never[]) => faultyStatement(statement.bind(...values)),
    all: () => meetingFaults(() => statement.all()),
    run: () => meetingFaults(() => statement.run()),
    first: () => meetingFaults(() => statement.first()),
  });
  realStatements.set(wrapped, statement);
  return wrapped;
}

function faultyAuditDb<T extends D1Database | D1DatabaseSession>(database: T): T {
  return replacing(database, {
    prepare: (sql: string) => faultyStatement(database.prepare(sql)),
    batch: (statements: D1PreparedStatement[]) =>
      meetingFaults(() => database.batch(statements.map((each) => realStatements.get(each) ?? each))),
    withSession: (constraint: string) => faultyAuditDb((database as D1Database).withSession(constraint)),
  });
}

export class Ledger extends RealLedger {
  constructor(state: DurableObjectState, env: Env) {
    super(state, { ...env, AUDIT_DB: faultyAuditDb(env.AUDIT_DB) });
  }

  /** Whether its alarm was due. As in the runtime, it is no longer set while its handler runs. */
  async ring(): Promise<boolean> {
    const due = await this.ctx.storage.getAlarm();
    if (due === null || due > Date.now()) return false;
    await this.ctx.storage.deleteAlarm();
    await this.alarm();
    return true;
  }

  /** The caller gets no answer: the object is gone. */
  evict(): void {
    this.ctx.abort("evicted");
  }
}

type ModelEnv = Omit<Env, "LEDGER"> & { LEDGER: DurableObjectNamespace<Ledger> };

interface Signer {
  readonly tenancyOcid: string;
  readonly userOcid: string;
}

/** All ledgers of these signers, whether they have anything or not. */
function ledgers(env: ModelEnv, signers: readonly Signer[]): DurableObjectStub<Ledger>[] {
  return signers.flatMap(({ tenancyOcid: authority, userOcid: subject }) => {
    return ledgersOf(env.LEDGER, { authority, subject }) as DurableObjectStub<Ledger>[];
  });
}

let known: { readonly secrets: object; readonly env: Env } | undefined;

/** The same object for as long as the secrets are the same: the Worker knows its configuration by it. */
function versionOf(env: ModelEnv): Env {
  if (known?.secrets !== secrets) {
    known = { secrets, env: { ...env, ...secrets, AUDIT_DB: faultyAuditDb(env.AUDIT_DB) } };
  }
  return known.env;
}

async function handled(request: Request, env: ModelEnv): Promise<unknown> {
  switch (new URL(request.url).pathname) {
    case "/_model/control": {
      const control: Control = await request.json();
      setClock(control.now);
      auditDb = control.auditDb;
      if (JSON.stringify(secrets) !== JSON.stringify(control.secrets)) secrets = control.secrets;
      return {};
    }
    case "/_model/ring": {
      const rung = await Promise.all(ledgers(env, await request.json()).map((ledger) => ledger.ring()));
      return { rung: rung.filter(Boolean).length };
    }
    case "/_model/evict":
      await Promise.allSettled(ledgers(env, await request.json()).map((ledger) => ledger.evict()));
      return {};
    case "/_model/sql": {
      const { database, sql, values }: { database: "DB" | "AUDIT_DB"; sql: string; values: unknown[] } =
        await request.json();
      const { results } = await env[database]
        .prepare(sql)
        .bind(...values)
        .all();
      return results;
    }
    default:
      return undefined;
  }
}

/** Runs `act`, and then waits for all that it leaves to do. */
async function settled<T>(
  act: (context: ExecutionContext) => T | Promise<T>,
  context: ExecutionContext,
): Promise<T> {
  const background: Promise<unknown>[] = [];
  const result = await act(
    replacing(context, { waitUntil: (promise: Promise<unknown>) => void background.push(promise) }),
  );
  // What is left to do may leave more to do.
  for (let done = 0; done < background.length; ) {
    const waiting = background.slice(done);
    done = background.length;
    await Promise.allSettled(waiting);
  }
  return result;
}

export default {
  async fetch(request, env, context) {
    const { pathname } = new URL(request.url);
    if (pathname === "/_model/scheduled") {
      const controller = { scheduledTime: Date.now(), cron: "* * * * *", noRetry: () => {} };
      await settled((own) => worker.scheduled(controller, versionOf(env), own), context);
      return Response.json({});
    }
    if (pathname.startsWith("/_model/")) return Response.json(await handled(request, env));
    return settled((own) => worker.fetch(request, versionOf(env), own), context);
  },
} satisfies ExportedHandler<ModelEnv>;
