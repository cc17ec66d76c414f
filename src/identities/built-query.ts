/**
 * Queries that are built once for an isolate. The query builder takes longer to make the text of a join than all else
 * in a login together, and the text is the same each time.
 */
import { Column, fillPlaceholders, is, type Query } from "drizzle-orm";
import type { Session } from "./database.ts";

/** Columns, by themselves or gathered in objects. */
interface Selection {
  readonly [name: string]: Column | { readonly [name: string]: Column };
}

type Row = readonly unknown[];

function columnReader(column: Column, at: number) {
  return (row: Row) => (row[at] === null ? null : column.mapFromDriverValue(row[at]));
}

/** Reads rows as the builder's own session would: what an outer join did not find is null. */
function rowReader(selection: Selection): (row: Row) => object {
  let next = 0;
  const objectReader = (columns: { readonly [name: string]: Column }) => {
    const readers = Object.entries(columns).map(([name, column]) => ({
      name,
      read: columnReader(column, next++),
    }));
    return (row: Row) => {
      const object: Record<string, unknown> = {};
      let found = false;
      for (const { name, read } of readers) {
        object[name] = read(row);
        found ||= object[name] !== null;
      }
      return found ? object : null;
    };
  };
  const parts = Object.entries(selection).map(([name, part]) => ({
    name,
    read: is(part, Column) ? columnReader(part, next++) : objectReader(part),
  }));
  return (row) => {
    const result: Record<string, unknown> = {};
    for (const { name, read } of parts) result[name] = read(row);
    return result;
  };
}

interface BuiltSelect {
  toSQL(): Query;
  readonly _: { readonly result: readonly unknown[] };
}

/** `build` selects `selection`, with placeholders for what each question fills in. It is called once, when first asked. */
export function builtQuery<Q extends BuiltSelect>(selection: Selection, build: () => Q) {
  let built: (Query & { read: (row: Row) => object }) | undefined;
  return async (session: Session, values: Record<string, unknown>): Promise<Q["_"]["result"]> => {
    built ??= { ...build().toSQL(), read: rowReader(selection) };
    const { sql, params, read } = built;
    const rows = await session
      .prepare(sql)
      .bind(...fillPlaceholders(params, values))
      .raw();
    return rows.map(read);
  };
}
