/** Configures identities through the admin API, and signs logins before the load. */
import { generateKeyPairSync, sign } from "node:crypto";
import { eventually } from "./eventually.ts";
import { send } from "./load.ts";
import type { Rig } from "./rig.ts";

export interface Workload {
  readonly organizationId: string;
  readonly identityId: string;
  readonly tenancyOcid: string;
  readonly userOcid: string;
  readonly fingerprint: string;
}

let last = 0;

/** A number that was not returned before. */
function fresh(): number {
  last += 1;
  return last;
}

const ocid = (type: string) => `ocid1.${type}.oc1..${`aaaaaaaa${fresh()}`.padEnd(60, "a")}`;

/** One key for all users: making a key takes longer than a login, and nothing distinguishes users by their keys. */
export const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

/** A new user. */
export async function addUser(rig: Rig, tenancyOcid: string) {
  const userOcid = ocid("user");
  const response = await fetch(`${rig.oci.origin}/_emulator/users/${userOcid}`, {
    method: "PUT",
    body: JSON.stringify({
      tenancyOcid,
      name: `user${fresh()}@example.com`,
      apiKeys: [{ publicKey: publicKey.export({ type: "spki", format: "pem" }) }],
    }),
  });
  if (!response.ok) throw new Error(`PUT ${response.url}: ${await response.text()}`);
  const { fingerprints } = (await response.json()) as { fingerprints: [string] };
  return { tenancyOcid, userOcid, fingerprint: fingerprints[0] };
}

/** A tenancy, an organization, and an identity with a user who may log in to it. */
export async function configure(rig: Rig, origin: string): Promise<Workload> {
  async function admin(method: string, path: string, body: unknown) {
    const response = await fetch(origin + path, {
      method,
      headers: { authorization: `Bearer ${rig.secrets.ADMIN_TOKEN}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
    return answer;
  }
  const slug = `bench-${fresh()}`;
  const { organization } = await admin("POST", "/api/v1/organizations", { name: slug, slug });
  const tenancyOcid = ocid("tenancy");
  const reader = await addUser(rig, tenancyOcid);
  await admin("PUT", `/api/v1/oci/tenancies/${tenancyOcid}`, {
    region: "us-ashburn-1",
    organizationIds: [organization.id],
    userOcid: reader.userOcid,
    fingerprint: reader.fingerprint,
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }),
  });
  const { identity } = await admin("POST", "/api/v1/identities", {
    name: "workload",
    organizationId: organization.id,
  });
  await admin("POST", `/api/v1/auth/oci-auth/identities/${identity.id}`, { tenancyOcid });
  return { organizationId: organization.id, identityId: identity.id, ...(await addUser(rig, tenancyOcid)) };
}

function letters(number: number): string {
  return Array.from(String(number), (digit) => "abcdefghij"[Number(digit)]).join("");
}

const freshHost = () => `identity.us-${letters(fresh())}-1.oraclecloud.com`;

/** The body of a login. Each names another region, so its signature is new, unless `host` is given. */
export function signLogin(
  { identityId, tenancyOcid, userOcid, fingerprint }: Workload,
  host = freshHost(),
): string {
  const date = new Date().toUTCString();
  const lines = `date: ${date}\n(request-target): get /20160918/users/${userOcid}\nhost: ${host}`;
  const signature = sign("sha256", Buffer.from(lines), privateKey).toString("base64");
  const authorization = `Signature version="1",headers="date (request-target) host",keyId="${tenancyOcid}/${userOcid}/${fingerprint}",algorithm="rsa-sha256",signature="${signature}"`;
  return JSON.stringify({ identityId, userOcid, headers: { host, date, authorization } });
}

export const signLogins = (workload: Workload, count: number) =>
  Array.from({ length: count }, () => signLogin(workload));

/** Bytes of the user's entry in the directory, once it is there: a Worker writes it after the login's response. */
export const entryBytes = (rig: Rig, { tenancyOcid, userOcid }: Workload): Promise<number> =>
  eventually("the user's entry to the directory", async () => {
    const entry = await rig.readKv(`${tenancyOcid}/${userOcid}`);
    return entry === undefined ? undefined : Buffer.byteLength(entry);
  });

/** Logs in once, and waits until the directory has the entry, for sides that only read it. */
export async function logInFirst(rig: Rig, origin: string, workload: Workload): Promise<void> {
  await send(origin, [signLogin(workload)], 1);
  await entryBytes(rig, workload);
}
