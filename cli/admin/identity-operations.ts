import { type Operation, oneOf, requiredText, text } from "./operation.ts";
import { exampleIdentity, exampleOrganization, identities, identity, named } from "./paths.ts";

const role = oneOf(
  "--role <role>",
  "role",
  ["member", "introspector", "admin"],
  "what its access tokens may do in this Worker's own API",
);

export const identityOperations: Operation[] = [
  {
    command: ["identities", "list"],
    description: "The identities of an organization, or all within reach, oldest first.",
    method: "GET",
    path: identities,
    fields: [text("--organization-id <id>", "organizationId", "of this organization only")],
    result: "identities",
    columns: ["id", "name", "organizationId", "role", "suspended"],
    example: `--organization-id ${exampleOrganization}`,
  },
  {
    command: ["identities", "get"],
    description: "One identity.",
    method: "GET",
    path: identity,
    result: "identity",
    example: exampleIdentity,
  },
  {
    command: ["identities", "create"],
    description: "Create an identity. It logs in once OCI Auth is attached.",
    method: "POST",
    path: identities,
    fields: [
      requiredText("--name <name>", "name", "for people"),
      requiredText("--organization-id <id>", "organizationId", "that it belongs to; this cannot change"),
      role,
    ],
    result: "identity",
    example: `--name payments --organization-id ${exampleOrganization}`,
  },
  {
    command: ["identities", "update"],
    description: "Change an identity's name or role.",
    method: "PATCH",
    path: identity,
    fields: [text("--name <name>", "name", "for people"), role],
    needsOption: true,
    result: "identity",
    example: `${exampleIdentity} --role introspector`,
  },
  {
    command: ["identities", "suspend"],
    description:
      "Stop an identity's logins, renewals and introspected tokens, everywhere within a second or so.",
    method: "PATCH",
    path: identity,
    body: { suspended: true },
    result: "identity",
    example: exampleIdentity,
  },
  {
    command: ["identities", "resume"],
    description: "Let a suspended identity log in again.",
    method: "PATCH",
    path: identity,
    body: { suspended: false },
    result: "identity",
    example: exampleIdentity,
  },
  {
    command: ["identities", "revoke-tokens"],
    description:
      "End every access token of an identity. It may log in again at once: suspend it to stop that.",
    method: "POST",
    path: `${identity}/revoke-tokens`,
    result: "identity",
    example: exampleIdentity,
  },
  {
    command: ["identities", "delete"],
    description: "Delete an identity with its OCI Auth and memberships.",
    method: "DELETE",
    path: identity,
    result: "identity",
    confirmation: {
      subjects: [[identity, "identity"]],
      prompt: (it) => `Delete identity ${named(it)}?`,
    },
    example: exampleIdentity,
  },
];
