import { type Operation, requiredText, text } from "./operation.ts";
import {
  exampleIdentity,
  exampleOrganization,
  identity,
  member,
  named,
  organization,
  organizations,
} from "./paths.ts";

export const organizationOperations: Operation[] = [
  {
    command: ["organizations", "list"],
    description: "The organizations within reach, oldest first.",
    method: "GET",
    path: organizations,
    result: "organizations",
    columns: ["id", "name", "slug", "parentId", "suspended"],
    example: "--all",
  },
  {
    command: ["organizations", "get"],
    description: "One organization.",
    method: "GET",
    path: organization,
    result: "organization",
    example: exampleOrganization,
  },
  {
    command: ["organizations", "create"],
    description: "Create a root organization, or a sub-organization of a root.",
    method: "POST",
    path: organizations,
    fields: [
      requiredText("--name <name>", "name", "for people"),
      requiredText("--slug <slug>", "slug", "for logins: lower-case letters, digits, hyphens"),
      text("--parent-id <id>", "parentId", "the root that it belongs to"),
    ],
    result: "organization",
    example: "--name Acme --slug acme",
  },
  {
    command: ["organizations", "update"],
    description: "Change an organization's name or slug.",
    method: "PATCH",
    path: organization,
    fields: [text("--name <name>", "name", "for people"), text("--slug <slug>", "slug", "for logins")],
    needsOption: true,
    result: "organization",
    example: `${exampleOrganization} --name 'Acme Ltd'`,
  },
  {
    command: ["organizations", "suspend"],
    description: "Stop the logins and tokens of an organization's identities, and of those below a root.",
    method: "PATCH",
    path: organization,
    body: { suspended: true },
    result: "organization",
    example: exampleOrganization,
  },
  {
    command: ["organizations", "resume"],
    description: "Let a suspended organization's identities log in again.",
    method: "PATCH",
    path: organization,
    body: { suspended: false },
    result: "organization",
    example: exampleOrganization,
  },
  {
    command: ["organizations", "delete"],
    description:
      "Delete an organization. A root must be empty; a sub-organization takes its identities along.",
    method: "DELETE",
    path: organization,
    result: "organization",
    confirmation: {
      subjects: [[organization, "organization"]],
      question: (it) =>
        it.parentId === null
          ? `Delete organization ${named(it)}?`
          : `Delete organization ${named(it)} with its identities?`,
    },
    example: exampleOrganization,
  },
  {
    command: ["members", "add"],
    description: "Let an identity log in to a sub-organization of its own root.",
    method: "PUT",
    path: member,
    result: "membership",
    example: `${exampleOrganization} ${exampleIdentity}`,
  },
  {
    command: ["members", "remove"],
    description: "Take an identity's membership away.",
    method: "DELETE",
    path: member,
    result: "membership",
    confirmation: {
      subjects: [
        [identity, "identity"],
        [organization, "organization"],
      ],
      question: (who, where) => `Remove identity ${named(who)} from organization ${named(where)}?`,
    },
    example: `${exampleOrganization} ${exampleIdentity}`,
  },
];
