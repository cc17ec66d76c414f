import { type Field, type Operation, requiredText, setsNull, text } from "./operation.ts";
import {
  exampleCompartment,
  exampleIdentity,
  exampleTenancy,
  identity,
  named,
  ociInstanceAuth,
} from "./paths.ts";
import { tokenSettings } from "./token-settings.ts";

const settings: Field[] = [
  text(
    "--allowed-compartment-ocids <ocids>",
    "allowedCompartmentOcids",
    "compartments that instances may be in themselves, comma-separated",
  ),
  setsNull("--all-compartments", "allowedCompartmentOcids", "allowedCompartmentOcids", "every compartment"),
  text("--allowed-instance-ocids <ocids>", "allowedInstanceOcids", "instances, comma-separated"),
  setsNull("--all-instances", "allowedInstanceOcids", "allowedInstanceOcids", "every instance"),
  text("--allowed-regions <names>", "allowedRegions", "names of regions, comma-separated"),
  setsNull("--all-regions", "allowedRegions", "allowedRegions", "every region"),
  ...tokenSettings,
];

export const instanceAuthOperations: Operation[] = [
  {
    command: ["instance-auth", "get"],
    description: "An identity's OCI Instance Auth configuration.",
    method: "GET",
    path: ociInstanceAuth,
    result: "identityOciInstanceAuth",
    example: exampleIdentity,
  },
  {
    command: ["instance-auth", "attach"],
    description: "Let compute instances of a tenancy log in as an identity.",
    method: "POST",
    path: ociInstanceAuth,
    fields: [requiredText("--tenancy-ocid <ocid>", "tenancyOcid", "whose instances may log in"), ...settings],
    result: "identityOciInstanceAuth",
    example: `${exampleIdentity} --tenancy-ocid ${exampleTenancy} --allowed-compartment-ocids ${exampleCompartment}`,
  },
  {
    command: ["instance-auth", "update"],
    description: "Change what is named of an OCI Instance Auth configuration, and nothing else.",
    method: "PATCH",
    path: ociInstanceAuth,
    fields: [text("--tenancy-ocid <ocid>", "tenancyOcid", "whose instances may log in"), ...settings],
    needsOption: true,
    result: "identityOciInstanceAuth",
    example: `${exampleIdentity} --allowed-regions us-ashburn-1,us-phoenix-1`,
  },
  {
    command: ["instance-auth", "detach"],
    description: "End the logins of instances as an identity, and all of its tokens.",
    method: "DELETE",
    path: ociInstanceAuth,
    result: "identityOciInstanceAuth",
    confirmation: {
      subjects: [[identity, "identity"]],
      prompt: (it) => `Detach OCI Instance Auth from identity ${named(it)}, and end all of its tokens?`,
    },
    example: exampleIdentity,
  },
];
