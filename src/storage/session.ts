import type { Timings } from "../timings.ts";
import type { Row, Sql } from "./sql.ts";
import { StorageError } from "./storage-error.ts";

/** The rows that each statement of a batch returns. */
type RowsOf<S> = { -readonly [I in keyof S]: S[I] extends Sql<infer T> ? T[] : never };

/**
 * A session of D1. It prepares the statements itself, those of a batch included. A call that fails rejects with a
 * {@link StorageError}. Each call reports its duration to `timings`.
 */
export class Session {
  readonly #session: D1DatabaseSession;
  readonly #timings: Timings | undefined;

  constructor(session: D1DatabaseSession, timings: Timings | undefined) {
    this.#session = session;
    this.#timings = timings;
  }

  /** The rows, and D1's metadata of the statement and the database. */
  async run<T>(statement: Sql<T>): Promise<{ rows: T[]; meta: D1Meta }> {
    const { results, meta } = await this.#call(() => this.#prepared(statement).all<Row>());
    return { rows: results.map(statement.read), meta };
  }

  async all<T>(statement: Sql<T>): Promise<T[]> {
    return (await this.run(statement)).rows;
  }

  async first<T>(statement: Sql<T>): Promise<T | undefined> {
    return (await this.all(statement))[0];
  }

  /** All of them or none, in one transaction. */
  async batch<const S extends readonly Sql[]>(statements: S): Promise<RowsOf<S>> {
    const all = await this.#call(() =>
      this.#session.batch<Row>(statements.map((statement) => this.#prepared(statement))),
    );
    return all.map(({ results }, index) => results.map((row) => statements[index]?.read(row))) as RowsOf<S>;
  }

  #prepared({ text, values }: Sql): D1PreparedStatement {
    return this.#session.prepare(text).bind(...values);
  }

  async #call<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await (this.#timings === undefined ? call() : this.#timings.measure("d1", call()));
    } catch (error) {
      throw new StorageError(error);
    }
  }
}

/** For changes, and for reads that must see the latest change. */
export function primarySession(db: D1Database, timings?: Timings): Session {
  return new Session(db.withSession("first-primary"), timings);
}

/** For logins: a replica near the caller may answer, which lags behind, usually by less than a second. */
export function nearestSession(db: D1Database, timings: Timings): Session {
  return new Session(db.withSession("first-unconstrained"), timings);
}
