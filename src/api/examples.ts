/**
 * The values of the API reference's examples: one story, that of the README. Ids are made by the Worker, so whoever
 * sends an example puts in those of earlier answers.
 */
export const examples = {
  organizationId: "3f0b5c0e-6a53-4a0c-9f7c-1c2a7d3f9b10",
  subOrganizationId: "8d1e7a64-2b0f-4c57-b3a9-5e60c4f1d2a7",
  identityId: "c45a9e12-7d38-4f6b-8e21-90b7d3a5f4c6",
  ociAuthId: "e7b2d9f0-13c4-4a85-9b6e-2f8d0c71a3b5",
  ociInstanceAuthId: "b6f1c8a2-94d7-4e3b-a05c-7d2e9f8b1c46",
  tokenId: "5b9c3e71-f0a2-4d18-a7e4-6c2d8b0f9e13",
  tenancyOcid: "ocid1.tenancy.oc1..aaaaaaaatenancy",
  userOcid: "ocid1.user.oc1..aaaaaaaaalice",
  compartmentOcid: "ocid1.compartment.oc1..aaaaaaaapayments",
  instanceOcid: "ocid1.instance.oc1.iad.aaaaaaaainstance",
  username: "alice@example.com",
  fingerprint: "12:34:56:78:9a:bc:de:f0:12:34:56:78:9a:bc:de:f0",
  region: "us-ashburn-1",
  reqId: "req-uV1PNuuRpSBs1f",
  time: "2026-11-24T03:04:57.123Z",
  /** Seconds since the epoch. */
  loggedInAt: 1795489497,
  /** Its claims say what it is. */
  accessToken: `${btoa('{"alg":"ES256"}')}.${btoa('{"example":true}').replace(/=+$/, "")}.c2lnbmF0dXJl`,
  ip: "192.0.2.7",
} as const;
