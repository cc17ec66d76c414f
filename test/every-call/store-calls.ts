/**
 * Counts every call to a store (SQL and alarm of an object, D1, KV), and has the nth fail: refused, so that nothing is
 * done; done, and its answer lost; or the process killed there, so that the code that called goes no further.
 */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { AsyncLocalStorage } from "node:async_hooks";

export type Fault = "refused" | "answer lost" | "killed";
export const faults: readonly Fault[] = ["refused", "answer lost", "killed"];

type Method = (this: unknown, ...args: never[]) => unknown;

/** Of the run that is under way; calls of none are not counted. */
interface Run {
  readonly failing: number;
  readonly fault: Fault;
  readonly kill: () => void;
  calls: number;
  dead: boolean;
  /** The object that runs it, if it runs in one: it is reset where it is killed. */
  object: DurableObjectState | undefined;
}

let run: Run | undefined;

/** Of a request: what goes on after it was killed, since a timer ended its waiting, is not of the run that came after. */
const runOfRequest = new AsyncLocalStorage<Run>();

const never = () => new Promise<never>(() => {});
const injected = () => new Error("injected");

function die(current: Run): never | Promise<never> {
  current.dead = true;
  current.kill();
  // Ends the code that runs in the object at once, and drops what it has not committed.
  current.object?.abort("killed");
  return never();
}

function asyncFailing(original: Method): Method {
  return function (...args) {
    const current = runOfRequest.getStore() ?? run;
    if (current?.dead) return never();
    if (current === undefined) return original.apply(this, args);
    current.calls += 1;
    if (current.calls !== current.failing) return original.apply(this, args);
    if (current.fault === "refused") return Promise.reject(injected());
    const done = () => {
      if (current.fault === "answer lost") throw injected();
      return die(current);
    };
    return (original.apply(this, args) as Promise<unknown>).then(done, done);
  };
}

function syncFailing(original: Method): Method {
  return function (...args) {
    const current = run;
    if (current === undefined) return original.apply(this, args);
    current.calls += 1;
    if (current.calls !== current.failing) return original.apply(this, args);
    if (current.fault === "killed" && current.object !== undefined) die(current);
    if (current.fault === "answer lost") (original.apply(this, args) as SqlStorageCursor<never>).toArray();
    throw injected();
  };
}

function patch(instance: object, methods: readonly string[], failing: (original: Method) => Method): void {
  const prototype = Object.getPrototypeOf(instance) as Record<string, Method>;
  for (const method of methods) {
    const original = prototype[method];
    if (original === undefined) throw new Error(`no method ${method}`);
    prototype[method] = failing(original);
  }
}

/** Where a request was killed, what it calls never answers. */
function unlessDead(original: Method): Method {
  return function (...args) {
    return runOfRequest.getStore()?.dead ? new Proxy({}, { get: () => never }) : original.apply(this, args);
  };
}

/** Puts the counter before every store of this isolate. Once for a test file. */
export async function countStoreCalls(): Promise<void> {
  patch(env.DB.prepare("SELECT 1"), ["run", "all", "first", "raw"], asyncFailing);
  patch(env.DB, ["batch"], asyncFailing);
  patch(env.DB.withSession("first-primary"), ["batch"], asyncFailing);
  patch(env.DIRECTORY, ["get", "put", "delete"], asyncFailing);
  patch(env.LEDGER, ["getByName"], unlessDead);
  await runInDurableObject(env.LEDGER.getByName("any"), (_, { storage }) => {
    patch(storage.sql, ["exec"], syncFailing);
    patch(storage, ["setAlarm"], asyncFailing);
  });
}

/** Says that what runs now runs in this object, so that a kill resets it. */
export function runsIn(object: DurableObjectState): void {
  if (run !== undefined) run.object = object;
}

export type Outcome<T> = { readonly answered: true; readonly answer: T } | { readonly answered: false };

/**
 * Runs `action` with its nth call to a store failing; whether it answered, and undefined in place of an outcome if it
 * made fewer calls.
 */
export async function withFault<T>(
  failing: number,
  fault: Fault,
  action: () => Promise<T>,
): Promise<Outcome<T> | undefined> {
  const { promise: killed, resolve: kill } = Promise.withResolvers<void>();
  const current: Run = { failing, fault, kill, calls: 0, dead: false, object: undefined };
  run = current;
  try {
    return await Promise.race([
      runOfRequest.run(current, action).then(
        (answer): Outcome<T> => ({ answered: true, answer }),
        (): Outcome<T> => ({ answered: false }),
      ),
      // What else was under way comes to its next call, and ends there.
      killed.then(() => scheduler.wait(1)).then((): Outcome<T> => ({ answered: false })),
    ]).then((outcome) => (current.calls < failing ? undefined : outcome));
  } finally {
    run = undefined;
  }
}

/** Prepares, runs and checks for each call to a store, and each way in which it can fail, until no call is left. */
export async function atEveryCall<S, T>(scenario: {
  prepare(): Promise<S>;
  run(prepared: S): Promise<T>;
  check(prepared: S, outcome: Outcome<T>, where: string, fault: Fault, failing: number): Promise<void>;
}): Promise<number> {
  for (let failing = 1; ; failing++) {
    for (const fault of faults) {
      const prepared = await scenario.prepare();
      const outcome = await withFault(failing, fault, () => scenario.run(prepared));
      if (outcome === undefined) return failing - 1;
      await scenario.check(prepared, outcome, `call ${failing} ${fault}`, fault, failing);
    }
  }
}
