/** What the audit log holds. No event holds a token, a signature or a key. */
import type { ClientInfo } from "../access/caller.ts";
import { json, nullableText, oneOf, Table, text } from "../storage/table.ts";

export type EventType =
  | "login"
  | "token.renew"
  | "token.revoke"
  | "organization.create"
  | "organization.update"
  | "organization.delete"
  | "membership.add"
  | "membership.remove"
  | "identity.create"
  | "identity.update"
  | "identity.delete"
  | "identity.revoke-tokens"
  | "oci-auth.attach"
  | "oci-auth.update"
  | "oci-auth.detach"
  | "instance-auth.attach"
  | "instance-auth.update"
  | "instance-auth.detach"
  | "tenancy.put"
  | "tenancy.delete"
  | "tenancy.purge-user"
  | "tenancy.re-encrypt"
  /** How many refusals an isolate did not write. */
  | "refusals.unwritten";

export interface AuditEvent {
  readonly id: string;
  /** ISO 8601 in UTC with milliseconds. */
  readonly at: string;
  readonly type: EventType;
  readonly outcome: "success" | "failure";
  /** Why it was refused (refusal.ts); null for a success. */
  readonly reason: string | null;
  readonly organizationId: string | null;
  readonly identityId: string | null;
  /** `operator`, `identity/{id}`, `oci/{userOcid}`, or `worker`. */
  readonly actor: string;
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly reqId: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** An event before it is in the log. The root of its organization decides who may read it. */
export interface OutgoingEvent extends AuditEvent {
  readonly rootOrganizationId: string | null;
}

/** The table of migrations/audit_db. A test compares the two. */
export const auditEvents = new Table("audit_events", {
  id: text,
  at: text,
  type: oneOf<EventType>(),
  outcome: oneOf("success", "failure"),
  reason: nullableText,
  rootOrganizationId: nullableText,
  organizationId: nullableText,
  identityId: nullableText,
  actor: text,
  ip: nullableText,
  userAgent: nullableText,
  reqId: text,
  details: json<AuditEvent["details"]>(),
});

/** What happened, without where the request came from. */
export type EventInput = Pick<OutgoingEvent, "type" | "actor"> &
  Partial<Pick<OutgoingEvent, "reason" | "organizationId" | "rootOrganizationId" | "identityId" | "details">>;

/** An event that happens now. It is a failure if it has a reason. */
export function newEvent(client: Pick<OutgoingEvent, keyof ClientInfo>, input: EventInput): OutgoingEvent {
  return {
    id: crypto.randomUUID(),
    at: new Date().toISOString(),
    outcome: (input.reason ?? null) === null ? "success" : "failure",
    reason: null,
    organizationId: null,
    rootOrganizationId: null,
    identityId: null,
    details: {},
    ...client,
    ...input,
  };
}

/** The fields of an event that say where it happened. */
export function placeOf(organization: { readonly id: string; readonly rootId: string }) {
  return { organizationId: organization.id, rootOrganizationId: organization.rootId };
}
