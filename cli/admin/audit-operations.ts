import { type Operation, text } from "./operation.ts";
import { auditEvents, exampleIdentity } from "./paths.ts";

export const auditOperations: Operation[] = [
  {
    command: ["audit-events", "list"],
    description: "The audit events, newest first.",
    method: "GET",
    path: auditEvents,
    fields: [
      text("--organization-id <id>", "organizationId", "in this organization only"),
      text("--identity-id <id>", "identityId", "of this identity only"),
      text("--from <time>", "from", "from this time on, such as 2026-11-24T00:00:00Z"),
      text("--to <time>", "to", "before this time"),
    ],
    result: "auditEvents",
    columns: ["at", "type", "outcome", "reason", "actor", "identityId", "ip"],
    example: `--identity-id ${exampleIdentity} --from 2026-11-24T00:00:00Z --all`,
  },
];
