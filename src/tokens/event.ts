import type { ClientInfo } from "../access/caller.ts";
import { newEvent, type OutgoingEvent } from "../audit/event.ts";
import type { Reason } from "../refusal.ts";
import type { AccessTokenClaims } from "./claims.ts";

/** The event of something that a token's holder did with it. */
export function tokenEvent(
  type: "token.renew" | "token.revoke",
  claims: AccessTokenClaims,
  client: ClientInfo,
  reason: Reason | null,
): OutgoingEvent {
  return newEvent(client, {
    type,
    actor: `identity/${claims.identityId}`,
    reason,
    organizationId: claims.orgId,
    rootOrganizationId: claims.rootOrgId,
    identityId: claims.identityId,
    details: { tokenId: claims.jti },
  });
}
