/** What a caller may see and change. An operator: everything. An identity: its token's organization and those below. */
import { Refusal } from "../refusal.ts";
import { type Sql, sql } from "../storage/sql.ts";
import type { Organization } from "../storage/tables.ts";
import type { Caller } from "./caller.ts";

/** The condition that restricts a query over organizations to the caller's reach. */
export function withinReach(caller: Caller): Sql {
  if (caller.kind === "operator") return sql`TRUE`;
  return sql`organizations.id = ${caller.organizationId} OR organizations.root_id = ${caller.organizationId}`;
}

/** Whether an organization is within the caller's reach. */
export function reaches(caller: Caller, organization: Pick<Organization, "id" | "rootId">): boolean {
  return (
    caller.kind === "operator" ||
    organization.id === caller.organizationId ||
    organization.rootId === caller.organizationId
  );
}

/** Throws the same {@link Refusal} for what is beyond the caller's reach as for what does not exist. */
export function orNotFound<T>(found: T | undefined, what: string): T {
  if (found === undefined) throw new Refusal("not-found", `${what} not found`);
  return found;
}
