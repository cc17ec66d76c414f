/** Paths of the admin API, as in /openapi.json, and the ids that examples use. */

import type { JsonObject } from "../json-object.ts";

export const organizations = "/api/v1/organizations";
export const organization = `${organizations}/{organizationId}`;
export const members = `${organization}/identities`;
export const member = `${members}/{identityId}`;
export const identities = "/api/v1/identities";
export const identity = `${identities}/{identityId}`;
export const ociAuth = "/api/v1/auth/oci-auth/identities/{identityId}";
export const ociInstanceAuth = "/api/v1/auth/oci-instance-auth/identities/{identityId}";
export const tenancies = "/api/v1/oci/tenancies";
export const tenancy = `${tenancies}/{tenancyOcid}`;
export const auditEvents = "/api/v1/audit-events";

export const exampleOrganization = "3f0b5c0e-6a53-4a0c-9f7c-1c2a7d3f9b10";
export const exampleIdentity = "7d4f0f7e-2f0b-4d55-9d38-0c8f4c6b1a22";
export const exampleTenancy = "ocid1.tenancy.oc1..aaaa";
export const exampleCompartment = "ocid1.compartment.oc1..aaaa";
export const exampleInstance = "ocid1.instance.oc1.iad.aaaa";
export const exampleUser = "ocid1.user.oc1..aaaa";

/** The name of an organization or an identity in a prompt. */
export function named({ name, id }: JsonObject): string {
  return `${name} (${id})`;
}
