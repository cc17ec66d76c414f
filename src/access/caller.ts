import type { Role } from "../storage/roles.ts";

/** Where a request came from, for its events. */
export interface ClientInfo {
  readonly reqId: string;
  readonly ip: string;
  readonly userAgent: string | null;
}

/** Who calls this Worker's own API, and from where. */
export type Caller = { readonly client: ClientInfo } & (
  | {
      /** Holds ADMIN_TOKEN and may do everything. */
      readonly kind: "operator";
    }
  | {
      /** Holds an access token for this Worker's API; it reaches the organization that the token names, and below. */
      readonly kind: "identity";
      readonly identityId: string;
      readonly role: Role;
      readonly organizationId: string;
    }
);

/** The caller's name in events. */
export function actorOf(caller: Caller): string {
  return caller.kind === "operator" ? "operator" : `identity/${caller.identityId}`;
}
