/** Pages of lists, ordered by time of creation, then by id. */
import { base64url } from "jose";
import * as z from "zod";
import { lazy } from "../lazy.ts";
import { type Sql, sql } from "./sql.ts";

/** Where a page ends. */
export interface Position {
  readonly createdAt: string;
  readonly id: string;
}

export interface PageQuery {
  readonly cursor?: Position | undefined;
  readonly limit: number;
}

const position = lazy(() => z.tuple([z.string().max(30), z.string().max(255)]));

/** The position that a cursor stands for. Throws if the text is not a cursor of {@link pageOf}. */
export function positionOf(cursor: string): Position {
  const [createdAt, id] = position().parse(JSON.parse(new TextDecoder().decode(base64url.decode(cursor))));
  return { createdAt, id };
}

/**
 * The end of a SELECT that reads the rows of a page and one more, which tells whether another page follows. `order`
 * names the two columns of a {@link Position}.
 */
export function pageFrom({ cursor, limit }: PageQuery, condition: Sql, order: Sql): Sql {
  const after = cursor === undefined ? sql`` : sql`AND (${order}) > (${cursor.createdAt}, ${cursor.id})`;
  return sql`WHERE (${condition}) ${after} ORDER BY ${order} LIMIT ${limit + 1}`;
}

/** Makes a page and the next page's cursor from rows of which one more than `limit` were requested. */
export function pageOf<T>(rows: T[], limit: number, endOf: (row: T) => Position) {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  if (rows.length <= limit || last === undefined) return { page, nextCursor: null };
  const { createdAt, id } = endOf(last);
  return { page, nextCursor: base64url.encode(JSON.stringify([createdAt, id])) };
}
