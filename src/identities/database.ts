import { type DrizzleD1Database, drizzle } from "drizzle-orm/d1";

export type Database = DrizzleD1Database;

function withSession(db: D1Database, constraint: "first-primary" | "first-unconstrained"): Database {
  // A session has the two methods of a database that the query builder calls, prepare and batch.
  return drizzle(db.withSession(constraint) as unknown as D1Database);
}

/** For changes, and for reads that must see the last one. */
export function primary(db: D1Database): Database {
  return withSession(db, "first-primary");
}

/** For logins: a replica near the caller may answer, with its lag, usually under a second. */
export function nearest(db: D1Database): Database {
  return withSession(db, "first-unconstrained");
}

/** Whether a write failed because a unique value is taken, a row it refers to is not there, or a check fails. */
export function isConstraintError(error: unknown, constraint: "UNIQUE" | "FOREIGN KEY" | "CHECK"): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause.message.includes(`${constraint} constraint failed`)) return true;
  }
  return false;
}
