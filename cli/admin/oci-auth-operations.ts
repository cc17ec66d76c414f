import { type Field, type Operation, oneOf, requiredText, setsNull, text } from "./operation.ts";
import { exampleIdentity, exampleTenancy, identity, named, ociAuth } from "./paths.ts";
import { tokenSettings } from "./token-settings.ts";

const settings: Field[] = [
  text("--allowed-usernames <names>", "allowedUsernames", "OCI usernames, comma-separated, exact"),
  setsNull("--all-usernames", "allowedUsernames", "allowedUsernames", "every user of the tenancy may log in"),
  ...tokenSettings,
  oneOf(
    "--signature-reuse <policy>",
    "signatureReuse",
    ["allow", "reject"],
    "whether a signature may be used again",
  ),
];

export const ociAuthOperations: Operation[] = [
  {
    command: ["oci-auth", "get"],
    description: "An identity's OCI Auth configuration.",
    method: "GET",
    path: ociAuth,
    result: "identityOciAuth",
    example: exampleIdentity,
  },
  {
    command: ["oci-auth", "attach"],
    description: "Let users of a tenancy log in as an identity.",
    method: "POST",
    path: ociAuth,
    fields: [requiredText("--tenancy-ocid <ocid>", "tenancyOcid", "whose users may log in"), ...settings],
    result: "identityOciAuth",
    example: `${exampleIdentity} --tenancy-ocid ${exampleTenancy} --allowed-usernames alice@example.com`,
  },
  {
    command: ["oci-auth", "update"],
    description: "Change the given settings of an OCI Auth configuration, and nothing else.",
    method: "PATCH",
    path: ociAuth,
    fields: [text("--tenancy-ocid <ocid>", "tenancyOcid", "whose users may log in"), ...settings],
    needsOption: true,
    result: "identityOciAuth",
    example: `${exampleIdentity} --trusted-ip 192.0.2.0/24 --trusted-ip 2001:db8::/32`,
  },
  {
    command: ["oci-auth", "detach"],
    description: "End the logins as an identity, and all of its tokens.",
    method: "DELETE",
    path: ociAuth,
    result: "identityOciAuth",
    confirmation: {
      subjects: [[identity, "identity"]],
      prompt: (it) => `Detach OCI Auth from identity ${named(it)}, and end all of its tokens?`,
    },
    example: exampleIdentity,
  },
];
