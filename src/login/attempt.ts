import type { ClientInfo } from "../access/caller.ts";
import { newEvent, type OutgoingEvent, placeOf } from "../audit/event.ts";
import type { LoginConfiguration, LoginOrganization } from "../identities/login-configuration.ts";
import type { Reason } from "../refusal.ts";
import type { Shown } from "./method.ts";

/** What the event of a login says: more, the further it came. */
export class LoginAttempt {
  readonly #configuration: Pick<LoginConfiguration, "identity" | "home">;
  readonly #client: ClientInfo;
  readonly #actor: string;
  #details: Record<string, unknown>;

  constructor(
    { actor, details }: Pick<Shown, "actor" | "details">,
    configuration: Pick<LoginConfiguration, "identity" | "home">,
    client: ClientInfo,
  ) {
    this.#configuration = configuration;
    this.#client = client;
    this.#actor = actor;
    this.#details = details;
  }

  tell(more: Record<string, unknown>): void {
    this.#details = { ...this.#details, ...more };
  }

  succeeded(organization: LoginOrganization, tokenId: string): OutgoingEvent {
    return this.#event(organization, null, { ...this.#details, tokenId });
  }

  refused(reason: Reason): OutgoingEvent {
    return this.#event(this.#configuration.home, reason, this.#details);
  }

  #event(
    organization: LoginOrganization,
    reason: Reason | null,
    details: Record<string, unknown>,
  ): OutgoingEvent {
    const identityId = this.#configuration.identity.id;
    return newEvent(this.#client, {
      type: "login",
      actor: this.#actor,
      reason,
      ...placeOf(organization),
      identityId,
      details,
    });
  }
}
