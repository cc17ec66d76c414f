import type { ApiKey } from "../../dev/oracle-sdk.ts";
import { newRsaKey, type RsaKey } from "./rsa-keys.ts";
import type { Worker } from "./worker.ts";

/** What of a Worker and its emulated OCI is needed to set them up. */
type SetUp = Pick<Worker, "admin" | "emulator">;

let count = 0;
export function newOcid(type: "user" | "tenancy", realm = "oc1"): string {
  count += 1;
  return `ocid1.${type}.${realm}..${`aaaaaaaa${Math.random().toString(36).slice(2)}${count}`.padEnd(60, "a")}`;
}

/** A user of a tenancy with one API key, known to the emulated OCI. */
export interface OciUser extends ApiKey {
  readonly name: string;
  readonly publicKey: string;
}

export async function addUser(
  worker: SetUp,
  tenancyOcid: string,
  about: {
    name?: string;
    lifecycleState?: string;
    canUseApiKeys?: boolean;
    keyState?: string;
    key?: RsaKey;
  } = {},
): Promise<OciUser> {
  const { name = `user${count}@example.com`, keyState = "ACTIVE", key = newRsaKey(), ...state } = about;
  const userOcid = newOcid("user", tenancyOcid.split(".")[2]);
  const { body } = await worker.emulator("PUT", `users/${userOcid}`, {
    tenancyOcid,
    name,
    ...state,
    apiKeys: [{ publicKey: key.publicKey, lifecycleState: keyState }],
  });
  return { tenancyOcid, userOcid, name, ...key, fingerprint: body.fingerprints[0] };
}

/** A tenancy that is registered with a credential of its own, for the organizations given. */
export async function addTenancy(
  worker: SetUp,
  organizationIds: string[],
  { realm = "oc1", region = "us-ashburn-1" } = {},
): Promise<{ tenancyOcid: string; reader: OciUser }> {
  const tenancyOcid = newOcid("tenancy", realm);
  const reader = await addUser(worker, tenancyOcid, { name: "reader" });
  const { status, body } = await worker.admin("PUT", `/api/v1/oci/tenancies/${tenancyOcid}`, {
    region,
    organizationIds,
    userOcid: reader.userOcid,
    fingerprint: reader.fingerprint,
    privateKey: reader.privateKey,
  });
  if (status !== 200) throw new Error(`the tenancy was not registered: ${JSON.stringify(body)}`);
  return { tenancyOcid, reader };
}

/** Creates an organization, or a sub-organization. */
export async function addOrganization(worker: SetUp, slug: string, parentId?: string): Promise<string> {
  const { body } = await worker.admin("POST", "/api/v1/organizations", { name: slug, slug, parentId });
  return body.organization.id;
}

/** Creates an identity with OCI Auth for a tenancy. */
export async function addIdentity(
  worker: SetUp,
  organizationId: string,
  tenancyOcid: string,
  about: { role?: string; settings?: Record<string, unknown> } = {},
): Promise<string> {
  const { role = "member", settings = {} } = about;
  const created = await worker.admin("POST", "/api/v1/identities", {
    name: "workload",
    organizationId,
    role,
  });
  const identityId = created.body.identity.id;
  const { status, body } = await worker.admin("POST", `/api/v1/auth/oci-auth/identities/${identityId}`, {
    tenancyOcid,
    ...settings,
  });
  if (status !== 200) throw new Error(`OCI Auth was not attached: ${JSON.stringify(body)}`);
  return identityId;
}
