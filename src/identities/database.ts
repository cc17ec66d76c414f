import { type DrizzleD1Database, drizzle } from "drizzle-orm/d1";
import { StorageError } from "../http/storage-error.ts";
import type { Waits } from "../waits.ts";

export type Database = DrizzleD1Database;

interface Statement {
  bind(...values: unknown[]): Statement;
  raw(): Promise<unknown[][]>;
  run(): Promise<D1Result>;
}

/** D1's answer. Rejects with a {@link StorageError}, also where D1 does not sign its error, as for a lost connection. */
export async function askD1<T>(waits: Waits, question: Promise<T>): Promise<T> {
  try {
    return await waits.on("d1", question);
  } catch (error) {
    throw new StorageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** Has the two methods that the query builder calls, and tells `waits` how long each call waited. */
export class Session {
  readonly #session: D1DatabaseSession;
  readonly #waits: Waits;
  readonly #statements = new WeakMap<object, D1PreparedStatement>();

  constructor(session: D1DatabaseSession, waits: Waits) {
    this.#session = session;
    this.#waits = waits;
  }

  prepare(query: string): Statement {
    return this.#timed(this.#session.prepare(query));
  }

  batch(statements: object[]) {
    const all = statements.map((statement) => {
      const known = this.#statements.get(statement);
      // Left out, it would be a change without its record, or a record without its change.
      if (known === undefined) throw new TypeError("a statement of another session");
      return known;
    });
    return askD1(this.#waits, this.#session.batch(all));
  }

  #timed(statement: D1PreparedStatement): Statement {
    const timed = {
      bind: (...values: unknown[]): Statement => this.#timed(statement.bind(...values)),
      raw: () => askD1(this.#waits, statement.raw<unknown[]>()),
      run: () => askD1(this.#waits, statement.run()),
    };
    this.#statements.set(timed, statement);
    return timed;
  }
}

/** For changes, and for reads that must see the last one. */
export function primarySession(db: D1Database, waits: Waits): Session {
  return new Session(db.withSession("first-primary"), waits);
}

/** For logins: a replica near the caller may answer, with its lag, usually under a second. */
export function nearestSession(db: D1Database, waits: Waits): Session {
  return new Session(db.withSession("first-unconstrained"), waits);
}

/** The query builder over {@link primarySession}. */
export function primary(db: D1Database, waits: Waits): Database {
  return drizzle(primarySession(db, waits) as unknown as D1Database);
}

/** Whether a write failed because a unique value is taken, a row it refers to is not there, or a check fails. */
export function isConstraintError(error: unknown, constraint: "UNIQUE" | "FOREIGN KEY" | "CHECK"): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause.message.includes(`${constraint} constraint failed`)) return true;
  }
  return false;
}
