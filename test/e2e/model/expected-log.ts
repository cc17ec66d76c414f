/**
 * What must be in the audit log: each success once, with its type, identity and organization; a refusal once at most,
 * with its reason; and nothing else.
 */
import type { Reason } from "./rules.ts";

export interface LoggedEvent {
  readonly id: string;
  readonly at: string;
  readonly type: string;
  readonly outcome: string;
  readonly reason: string | null;
  readonly root_organization_id: string | null;
  readonly organization_id: string | null;
  readonly identity_id: string | null;
  readonly req_id: string;
  readonly details: string;
}

export interface ExpectedEvent {
  readonly type: string;
  readonly rootOrganizationId?: string;
  readonly organizationId?: string;
  readonly identityId?: string;
  readonly tokenId?: string;
}

interface Success {
  readonly what: ExpectedEvent;
  /** How many events; fewer are missing, and none is where the Worker was killed before it answered. */
  readonly least: number;
  readonly most: number;
  readonly ids: Set<string>;
}

interface Refused {
  readonly type: string;
  readonly reason: Reason;
  readonly identityId: string;
  readonly ids: Set<string>;
}

export class ExpectedLog {
  readonly #successes: Success[] = [];
  readonly #successOf = new Map<string, Success>();
  readonly #refusals = new Map<string, Refused>();
  /** What requests may have done whose ids are not known, since they had no answer. */
  #unanswered: Success[] = [];

  /** These requests did it, so many times altogether; of several that came at once, one did. */
  succeeded(reqIds: readonly string[], what: ExpectedEvent, times = 1): void {
    this.#expect(reqIds, { what, least: times, most: times, ids: new Set() });
  }

  refused(reqId: string, type: string, reason: Reason, identityId: string): void {
    this.#refusals.set(reqId, { type, reason, identityId, ids: new Set() });
  }

  /** The Worker was killed before it answered: the event may be there, once. */
  unanswered(what: ExpectedEvent): void {
    this.#unanswered.push({ what, least: 0, most: 1, ids: new Set() });
  }

  /** This request did it, or the one before it that was not answered. */
  succeededAtLast(reqId: string, what: ExpectedEvent): void {
    const success = { what, least: 1, most: 1, ids: new Set<string>() };
    this.#expect([reqId], success);
    this.#unanswered.push(success);
  }

  #expect(reqIds: readonly string[], success: Success): void {
    this.#successes.push(success);
    for (const reqId of reqIds) this.#successOf.set(reqId, success);
  }

  /** Of the first event that should not be there, or not so. */
  problem(events: readonly LoggedEvent[]): string | undefined {
    for (const event of events) {
      const problem = this.#problemOf(event);
      if (problem !== undefined) return `${problem}: ${JSON.stringify(event)}`;
    }
    return undefined;
  }

  /** What has no event yet, or fewer than it should. */
  missing(): ExpectedEvent[] {
    return this.#successes.filter(({ ids, least }) => ids.size < least).map(({ what }) => what);
  }

  #problemOf(event: LoggedEvent): string | undefined {
    const refused = this.#refusals.get(event.req_id);
    if (refused !== undefined) {
      const { type, reason, identityId, ids } = refused;
      if (ids.add(event.id).size > 1) return "a second event of one refusal";
      const right = event.type === type && event.reason === reason && event.identity_id === identityId;
      return right && event.outcome === "failure"
        ? undefined
        : `not the event of a ${type} refused for ${reason}`;
    }
    const success = this.#successOf.get(event.req_id) ?? this.#takeUnanswered(event);
    if (success === undefined) return "an event of what did not happen";
    if (!isOf(event, success.what)) return `not the event of ${JSON.stringify(success.what)}`;
    return success.ids.add(event.id).size > success.most ? "one event too many of what happened" : undefined;
  }

  #takeUnanswered(event: LoggedEvent): Success | undefined {
    const taken = this.#unanswered.find(({ what }) => isOf(event, what));
    this.#unanswered = this.#unanswered.filter((each) => each !== taken);
    if (taken !== undefined) this.#successOf.set(event.req_id, taken);
    return taken;
  }
}

function isOf(event: LoggedEvent, what: ExpectedEvent): boolean {
  return (
    event.type === what.type &&
    event.outcome === "success" &&
    event.reason === null &&
    event.root_organization_id === (what.rootOrganizationId ?? null) &&
    event.organization_id === (what.organizationId ?? null) &&
    event.identity_id === (what.identityId ?? null) &&
    (what.tokenId === undefined || JSON.parse(event.details).tokenId === what.tokenId)
  );
}
