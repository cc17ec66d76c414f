import type { RequestOrigin } from "../audit/event.ts";

/** Who calls this Worker's own API, and from where. */
export type Caller = { readonly origin: RequestOrigin } & (
  | {
      /** Holds ADMIN_TOKEN and may do everything. */
      readonly kind: "operator";
    }
  | {
      /** Holds an access token for this Worker's API; it reaches the organization that the token names, and below. */
      readonly kind: "identity";
      readonly identityId: string;
      readonly role: "introspector" | "admin" | "member";
      readonly organizationId: string;
    }
);

/** As events name a caller. */
export function actorOf(caller: Caller): string {
  return caller.kind === "operator" ? "operator" : `identity/${caller.identityId}`;
}
