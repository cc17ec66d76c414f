/** The type of a table's rows, and the statements for whole rows, from one list of its columns. */
import { lazy } from "../lazy.ts";
import { identifier, isSql, list, type Row, type Sql, sql, type Value } from "./sql.ts";

export interface Column<T> {
  readonly type: "text" | "integer";
  readonly nullable: boolean;
  read(stored: Value): T;
  write(value: T): Value;
}

function stored<T extends Value>(type: "text" | "integer", nullable = false): Column<T> {
  return { type, nullable, read: (value) => value as T, write: (value) => value };
}

export const text = stored<string>("text");
export const nullableText = stored<string | null>("text", true);
export const integer = stored<number>("integer");
export const boolean: Column<boolean> = { ...integer, read: (value) => value === 1, write: Number };

/** Text that is one of these values. The types allow no other to be written. */
export function oneOf<T extends string>(..._: T[]): Column<T> {
  return stored<T>("text");
}

export function json<T>(): Column<T> {
  return { ...text, read: (value) => JSON.parse(String(value)), write: (value) => JSON.stringify(value) };
}

// biome-ignore lint/suspicious/noExplicitAny: columns of any types.
type Columns = Readonly<Record<string, Column<any>>>;
type RowOf<C extends Columns> = { [F in keyof C]: ReturnType<C[F]["read"]> };

/** New values of fields, or SQL that computes them; undefined changes nothing. */
export type Change<R> = { readonly [F in keyof R]?: R[F] | Sql | undefined };

/** Columns of one table, read under one name of the table. */
export interface Selection<R> {
  /** For a SELECT or RETURNING. */
  readonly columns: Sql;
  read(row: Row): R;
}

/** A table by the type of its rows alone. */
export interface RowTable<R> {
  readonly name: string;
  select(rest: Sql): Sql<R>;
  insert(row: R): Sql;
  update(change: Change<R>, rest: Sql): Sql<R>;
  delete(rest: Sql): Sql<R>;
}

/** The column of `accessTokenMaxTTL` is `access_token_max_ttl`. */
export function columnName(field: string): string {
  return field.replace(/[A-Z]+/g, (capitals) => `_${capitals.toLowerCase()}`);
}

export class Table<C extends Columns> implements Selection<RowOf<C>> {
  readonly name: string;
  readonly fields: C;
  readonly #table: Sql;
  readonly #whole = lazy(() => this.as<keyof C>(this.name, Object.keys(this.fields)));

  constructor(name: string, fields: C) {
    this.name = name;
    this.fields = fields;
    this.#table = identifier(name);
  }

  get columns(): Sql {
    return this.#whole().columns;
  }

  get read(): (row: Row) => RowOf<C> {
    return this.#whole().read;
  }

  /** Some columns of a table that a join calls `alias`. The alias makes their names unique in the join. */
  as<F extends keyof C>(alias: string, fields: readonly F[]): Selection<Pick<RowOf<C>, F>> {
    const readers = fields.map((name) => {
      const field = String(name);
      const column = columnName(field);
      return { field, column, key: `${alias}__${column}`, read: this.#column(field).read };
    });
    return {
      columns: list(
        readers.map(
          ({ column, key }) => sql`${identifier(alias)}.${identifier(column)} AS ${identifier(key)}`,
        ),
      ),
      read(row) {
        const object: Record<string, unknown> = {};
        for (const { field, key, read } of readers) object[field] = read(row[key] as Value);
        return object as Pick<RowOf<C>, F>;
      },
    };
  }

  /** `rest` is everything after the name of the table. */
  select(rest: Sql): Sql<RowOf<C>> {
    return sql`SELECT ${this.columns} FROM ${this.#table} ${rest}`.as(this.read);
  }

  insert(row: RowOf<C>): Sql {
    const fields = Object.keys(this.fields);
    const names = list(fields.map((field) => identifier(columnName(field))));
    const values = list(fields.map((field) => sql`${this.#column(field).write(row[field])}`));
    return sql`INSERT INTO ${this.#table} (${names}) VALUES (${values})`;
  }

  /** For SET. Throws if the table has no such field. */
  assignments(change: Change<RowOf<C>>): Sql {
    const changed = Object.entries(change).filter(([, value]) => value !== undefined);
    return list(
      changed.map(([field, value]) => {
        const column = this.#column(field);
        return sql`${identifier(columnName(field))} = ${isSql(value) ? value : column.write(value)}`;
      }),
    );
  }

  /** Returns the changed rows. `rest` starts at WHERE. */
  update(change: Change<RowOf<C>>, rest: Sql): Sql<RowOf<C>> {
    return sql`UPDATE ${this.#table} SET ${this.assignments(change)} ${rest} RETURNING ${this.columns}`.as(
      this.read,
    );
  }

  /** Returns the deleted rows. `rest` starts at WHERE. */
  delete(rest: Sql): Sql<RowOf<C>> {
    return sql`DELETE FROM ${this.#table} ${rest} RETURNING ${this.columns}`.as(this.read);
  }

  #column(field: string) {
    const column = Object.hasOwn(this.fields, field) ? this.fields[field] : undefined;
    if (column === undefined) throw new TypeError(`${this.name} has no field '${field}'`);
    return column;
  }
}
