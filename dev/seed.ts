/**
 * `npm run dev -- --seed`: makes a tenancy, users with API keys, an organization and identities, some logins and
 * refusals, and says how to log in. Data of an earlier run stays; the emulated OCI forgets its users when it ends, and
 * gets them again.
 */
import { call } from "./call.ts";
import { signGetUser } from "./oracle-sdk.ts";
import { quoted, SeedFiles } from "./seed-files.ts";

const tenancyOcid = "ocid1.tenancy.oc1..aaaaaaaaseedtenancy";
const region = "us-ashburn-1";
const users = [
  { profile: "reader", name: "oci-auth-worker", userOcid: "ocid1.user.oc1..aaaaaaaaseedreader" },
  { profile: "alice", name: "alice@example.com", userOcid: "ocid1.user.oc1..aaaaaaaaseedalice" },
  { profile: "bob", name: "bob@example.com", userOcid: "ocid1.user.oc1..aaaaaaaaseedbob" },
] as const;
type Profile = (typeof users)[number]["profile"];

const identities = [
  { name: "payments", role: "member", settings: { allowedUsernames: "alice@example.com" } },
  {
    name: "reports",
    role: "member",
    settings: { allowedUsernames: "alice@example.com,bob@example.com", signatureReuse: "reject" },
  },
  { name: "ops", role: "admin", settings: { allowedUsernames: "alice@example.com" } },
] as const;

/** Returns the text for the user. Rejects if the Worker or the emulator refuses a part. */
export async function seed(
  origins: { readonly worker: string; readonly oci: string },
  adminToken: string,
  state: string,
): Promise<string> {
  const files = new SeedFiles(state);
  const admin = (method: string, path: string, body?: unknown) =>
    call(method, `${origins.worker}${path}`, body, adminToken);

  const keys = new Map<Profile, { fingerprint: string; privateKey: string; userOcid: string }>();
  for (const { profile, name, userOcid } of users) {
    const { privateKey, publicKey } = files.key(profile);
    const user = { tenancyOcid, name, apiKeys: [{ publicKey }] };
    const { fingerprints } = await call("PUT", `${origins.oci}/_emulator/users/${userOcid}`, user);
    keys.set(profile, { fingerprint: fingerprints[0], privateKey, userOcid });
  }
  const keyOf = (profile: Profile) => {
    const key = keys.get(profile);
    if (key === undefined) throw new Error(`there is no user ${profile}`);
    return key;
  };

  const organizationId = await organization(admin);
  await registerTenancy(admin, organizationId, keyOf("reader"));
  const ids = await addIdentities(admin, organizationId);

  const logIn = async (identityId: string, signer: Profile, key: Profile = signer) => {
    const { userOcid, fingerprint } = keyOf(signer);
    const { privateKey } = keyOf(key);
    const headers = await signGetUser({ tenancyOcid, userOcid, fingerprint, privateKey });
    const login = { identityId, userOcid, headers };
    const response = await fetch(`${origins.worker}/api/v1/auth/oci-auth/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(login),
    });
    await response.arrayBuffer();
  };
  const { payments = "", reports = "" } = ids;
  await logIn(payments, "alice");
  await logIn(reports, "bob");
  // Refused: a name that is not allowed, and a signature of another key.
  await logIn(payments, "bob");
  await logIn(payments, "alice", "bob");

  const config = files.config(
    tenancyOcid,
    region,
    users.map((user) => ({ ...user, fingerprint: keyOf(user.profile).fingerprint })),
  );
  const env = files.env({
    OCI_AUTH_URL: origins.worker,
    OCI_AUTH_IDENTITY_ID: payments,
    OCI_AUTH_ADMIN_TOKEN: adminToken,
    OCI_CLI_CONFIG_FILE: config,
    OCI_CLI_PROFILE: "alice",
  });
  return `Seeded the organization Acme with the identities ${identities.map(({ name }) => name).join(", ")},
and the tenancy ${tenancyOcid} with ${users.map(({ name }) => name).join(", ")}.
Their API keys and an OCI configuration file are in ${files.folder}

Log in as payments, from the project's folder:
  npx -- oci-auth login --url ${origins.worker} --identity-id ${payments} --config-file ${quoted(config)} --profile alice

With these variables it is \`npx -- oci-auth login\`, and doctor, probe and admin work too:
  . ${quoted(env)}
`;
}

type Admin = (method: string, path: string, body?: unknown) => ReturnType<typeof call>;

/** All pages of a list. */
async function all(
  admin: Admin,
  path: string,
  name: string,
): Promise<{ id: string; [field: string]: unknown }[]> {
  const found = [];
  let cursor: string | null = "";
  do {
    const query: string = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page = await admin("GET", `${path}limit=100${query}`);
    found.push(...page[name]);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return found;
}

async function organization(admin: Admin): Promise<string> {
  const roots = await all(admin, "/api/v1/organizations?", "organizations");
  const known = roots.find(({ slug, parentId }) => slug === "acme" && parentId === null);
  if (known !== undefined) return known.id;
  return (await admin("POST", "/api/v1/organizations", { name: "Acme", slug: "acme" })).organization.id;
}

/** Registers the tenancy for Acme, and for the organizations that have it already. */
async function registerTenancy(
  admin: Admin,
  organizationId: string,
  reader: { userOcid: string; fingerprint: string; privateKey: string },
): Promise<void> {
  const { tenancies } = await admin("GET", "/api/v1/oci/tenancies?limit=100");
  const known: { organizationIds: string[] } | undefined = tenancies.find(
    (tenancy: { tenancyOcid: string }) => tenancy.tenancyOcid === tenancyOcid,
  );
  const organizationIds = [...new Set([...(known?.organizationIds ?? []), organizationId])];
  const { userOcid, fingerprint, privateKey } = reader;
  const body = { region, organizationIds, userOcid, fingerprint, privateKey };
  await admin("PUT", `/api/v1/oci/tenancies/${tenancyOcid}`, body);
}

/** Returns their ids by name. An identity that somebody changed since stays as it is. */
async function addIdentities(admin: Admin, organizationId: string): Promise<Record<string, string>> {
  const known = await all(admin, `/api/v1/identities?organizationId=${organizationId}&`, "identities");
  const ids: Record<string, string> = {};
  for (const { name, role, settings } of identities) {
    const there = known.find((identity) => identity.name === name);
    const id =
      there?.id ?? (await admin("POST", "/api/v1/identities", { name, organizationId, role })).identity.id;
    ids[name] = id;
    const path = `/api/v1/auth/oci-auth/identities/${id}`;
    const attached = there !== undefined && (await admin("GET", path).catch(() => undefined)) !== undefined;
    if (!attached) await admin("POST", path, { tenancyOcid, ...settings });
  }
  return ids;
}
