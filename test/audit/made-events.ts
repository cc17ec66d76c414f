import type { OutgoingEvent } from "../../src/audit/event.ts";

/** An event like that of a login at this moment. */
export function newLoginEvent(about: Partial<OutgoingEvent> = {}): OutgoingEvent {
  return {
    id: crypto.randomUUID(),
    at: new Date().toISOString(),
    type: "login",
    outcome: "success",
    reason: null,
    organizationId: "organization-1",
    rootOrganizationId: "root-1",
    identityId: "identity-1",
    actor: "oci/ocid1.user.oc1..alice",
    ip: "192.0.2.1",
    userAgent: "oci-go-sdk",
    reqId: "req-uV1PNuuRpSBs1f",
    details: { username: "alice", keySource: "cache" },
    ...about,
  };
}
