import { list, mandatory, type Operation, requiredText, text } from "./operation.ts";
import {
  exampleInstance,
  exampleOrganization,
  exampleTenancy,
  exampleUser,
  tenancies,
  tenancy,
} from "./paths.ts";
import { readPrivateKeyFile } from "./private-key-file.ts";

export const tenancyOperations: Operation[] = [
  {
    command: ["tenancies", "list"],
    description: "The registered tenancies.",
    method: "GET",
    path: tenancies,
    result: "tenancies",
    columns: ["tenancyOcid", "region", "organizationIds", "userOcid"],
    example: "--json",
  },
  {
    command: ["tenancies", "get"],
    description: "One registered tenancy. Its credential is never shown.",
    method: "GET",
    path: tenancy,
    result: "tenancy",
    example: exampleTenancy,
  },
  {
    command: ["tenancies", "put"],
    description:
      "Register a tenancy, or replace its registration whole. The credential is tried against OCI before it is stored.",
    method: "PUT",
    path: tenancy,
    fields: [
      requiredText(
        "--region <region>",
        "region",
        "the region that is called for its users, such as us-ashburn-1",
      ),
      mandatory(list("--organization-id <id>", "organizationIds", "root organization that may use it")),
      requiredText("--user-ocid <ocid>", "userOcid", "the OCI user that the Worker reads users as"),
      mandatory({
        option: text("--key-file <path>", "", "that user's private API key, in PEM").option,
        adds: async (path: string) => {
          const { pem, fingerprint } = await readPrivateKeyFile(path);
          return { privateKey: pem, fingerprint };
        },
      }),
    ],
    result: "tenancy",
    example: `${exampleTenancy} --region us-ashburn-1 --organization-id ${exampleOrganization} --user-ocid ${exampleUser} --key-file reader.pem`,
  },
  {
    command: ["tenancies", "delete"],
    description: "Delete a tenancy that no identity uses.",
    method: "DELETE",
    path: tenancy,
    result: "tenancy",
    confirmation: {
      subjects: [[tenancy, "tenancy"]],
      prompt: (it) => `Delete tenancy ${it.tenancyOcid} and its credential?`,
    },
    example: exampleTenancy,
  },
  {
    command: ["tenancies", "purge-user"],
    description:
      "Drop the cached data of an OCI user, here at once and elsewhere within about a minute, so that the next login calls OCI.",
    method: "DELETE",
    path: `${tenancy}/users/{userOcid}/cache`,
    example: `${exampleTenancy} ${exampleUser}`,
  },
  {
    command: ["tenancies", "wake-ledgers"],
    description:
      "Make the ledgers of an OCI user move their waiting events, after a release that broke their alarms (docs/operate.md).",
    method: "POST",
    path: `${tenancy}/users/{userOcid}/wake-ledgers`,
    example: `${exampleTenancy} ${exampleUser}`,
  },
  {
    command: ["tenancies", "wake-instance-ledgers"],
    description:
      "Have the ledgers of a compute instance move what waits in them, after a release that broke their alarms (docs/operate.md).",
    method: "POST",
    path: `${tenancy}/instances/{instanceOcid}/wake-ledgers`,
    example: `${exampleTenancy} ${exampleInstance}`,
  },
];
