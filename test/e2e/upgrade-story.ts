/**
 * What callers do while one version of the Worker follows another and goes again: the last release alone, then the
 * roll-out of a new version, then the rollback. Each stage ends with a SIGKILL, and all share one state.
 */
import { cpSync } from "node:fs";
import { decodeJwt } from "jose";
import { addIdentity, addOrganization, addTenancy, addUser } from "./oci-users.ts";
import {
  type Account,
  type Client,
  checkLog,
  checkState,
  type Differ,
  decided,
  freshHeaders,
  keep,
  logIn,
  repeat,
  said,
  tokenRequest,
} from "./upgrade-account.ts";
import { type Deployment, deploy } from "./upgrade-deployment.ts";
import type { Answer, controlOf } from "./worker.ts";

type Emulator = ReturnType<typeof controlOf>;

export interface Surroundings {
  readonly emulator: Emulator;
  readonly vars: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
}

/** Uses of a limited token: it is used up in the fourth act after it was issued, whichever versions counted. */
const usesLimit = 3;

/** Through one Worker: everything that was answered still holds, and more is done. */
async function act(account: Account, client: Client, emulator: Emulator, differ: Differ): Promise<void> {
  await checkState(account, client, differ);
  const [user] = account.users;
  if (user === undefined) throw new Error("the account has no user");
  const { identities } = account;

  // Users whom either version put into KV, and one whom this one will.
  for (const known of [user, ...account.users.slice(-2)]) {
    await logIn(account, client, "plain", known, differ);
  }
  // All have one key: to make another takes long.
  const { privateKey, publicKey, fingerprint } = user;
  const key = { privateKey, publicKey, fingerprint };
  const newcomer = await addUser({ admin: client.admin, emulator }, user.tenancyOcid, { key });
  await logIn(account, client, "plain", newcomer, differ);
  account.users.push(newcomer);

  await repeat(account, client, user, differ);
  const once = await logIn(account, client, "once", user, differ);
  if (once !== undefined) account.usedSignatures.push({ userOcid: user.userOcid, headers: once.headers });

  const limited = await logIn(account, client, "limited", user, differ);
  if (limited !== undefined) account.limitedTokens.push({ token: limited.token, usesLeft: usesLimit });
  const admin = await logIn(account, client, "admin", user, differ);
  if (admin !== undefined) account.adminTokens.push(admin.token);

  // The oldest of the tokens that live is renewed, and ended: it is of the other version, after a first act.
  for (let issued = 0; issued < 2; issued++) {
    const plain = await logIn(account, client, "plain", user, differ);
    if (plain !== undefined) account.liveTokens.push(plain.token);
  }
  const [oldest] = account.liveTokens;
  if (oldest !== undefined) {
    const actor = `identity/${identities.plain}`;
    const about = { identityId: identities.plain, actor, details: { tokenId: decodeJwt(oldest).jti } };
    const renewal = await tokenRequest(account, client, "renew", oldest);
    keep(account, renewal, { of: "a renewal", type: "token.renew", ...about }, differ);
    const revocation = await tokenRequest(account, client, "revoke", oldest);
    if (keep(account, revocation, { of: "a revocation", type: "token.revoke", ...about }, differ)) {
      account.liveTokens.shift();
      account.revokedTokens.push(oldest);
      if (renewal.status === 200) account.revokedTokens.push(renewal.body.accessToken);
    }
  }

  const change = async (of: string, type: string, identityId: string, send: () => Promise<Answer>) => {
    const event = { of, type, identityId, actor: "operator", details: {} };
    return keep(account, await decided(account, send), event, differ);
  };
  const ended = await logIn(account, client, "ended", user, differ);
  const revokeTokens = () => client.admin("POST", `/api/v1/identities/${identities.ended}/revoke-tokens`);
  if (await change("revoke-tokens", "identity.revoke-tokens", identities.ended, revokeTokens)) {
    if (ended !== undefined) account.endedTokens.push(ended.token);
  }
  const name = `plain ${account.events.length}`;
  const rename = () => client.admin("PATCH", `/api/v1/identities/${identities.plain}`, { name });
  if (await change("a change of a name", "identity.update", identities.plain, rename)) account.name = name;
}

/** What the acts are about, made by a Worker whose answers are all noted. */
async function setUp(client: Client, emulator: Emulator): Promise<Account> {
  const events: Account["events"] = [];
  const admin: Client["admin"] = async (method, path, body) => {
    const answer = await client.admin(method, path, body);
    if (answer.status !== 200) throw new Error(`${method} ${path} was answered ${said(answer)}`);
    const type = setUpTypes.find(([pattern]) => pattern.test(path))?.[1] ?? "";
    const identityId = answer.body.identity?.id ?? answer.body.identityOciAuth?.identityId ?? null;
    const reqId = answer.headers.get("x-request-id") ?? "";
    const event = { of: `${method} ${path}`, type, identityId, actor: "operator", details: {} };
    events.push({ ...event, reqId, undecided: [] });
    return answer;
  };
  const worker = { admin, emulator };
  const organizationId = await addOrganization(worker, "upgraded");
  const { tenancyOcid } = await addTenancy(worker, [organizationId]);
  const identity = (about: Parameters<typeof addIdentity>[3]) =>
    addIdentity(worker, organizationId, tenancyOcid, about);
  const user = await addUser(worker, tenancyOcid);
  const signatures = { signed: new Map<string, number>(), began: Date.now() };
  const account: Account = {
    events,
    undecided: new Set(),
    inVain: false,
    identities: {
      plain: await identity({}),
      once: await identity({ settings: { signatureReuse: "reject", allowedUsernames: user.name } }),
      limited: await identity({ settings: { accessTokenNumUsesLimit: usesLimit } }),
      admin: await identity({ role: "admin" }),
      ended: await identity({}),
    },
    users: [user],
    gone: [],
    liveTokens: [],
    revokedTokens: [],
    endedTokens: [],
    adminTokens: [],
    limitedTokens: [],
    usedSignatures: [],
    repeated: { headers: freshHeaders(signatures, user), presentations: 0 },
    name: "workload",
    ...signatures,
  };
  return account;
}

const setUpTypes = [
  [/^\/api\/v1\/organizations$/, "organization.create"],
  [/^\/api\/v1\/oci\/tenancies\//, "tenancy.put"],
  [/^\/api\/v1\/identities$/, "identity.create"],
  [/^\/api\/v1\/auth\/oci-auth\//, "oci-auth.attach"],
] as const;

export interface Beginning {
  readonly account: Account;
  /** Of the state: only copies of it are ever run. */
  readonly folder: string;
  readonly release: string;
}

/** The last release alone, with AUDIT_DB refusing: every event waits where it was committed, ledgers' alarms with it. */
export async function begin(release: string, folder: string, around: Surroundings): Promise<Beginning> {
  const deployed = await deploy({
    ...around,
    state: folder,
    versions: { old: release },
    ledgers: "old",
    auditDb: "refuses",
  });
  try {
    await deployed.migrate("old");
    const client = await deployed.client("old");
    const account = await setUp(client, around.emulator);
    const differences: string[] = [];
    await act(account, client, around.emulator, (what) => differences.push(what));
    if (differences.length > 0) throw new Error(`the last release by itself: ${differences.join("; ")}`);
    return { account, folder, release };
  } finally {
    await deployed.kill();
  }
}

type Version = "old" | "new";

interface Stage {
  readonly name: string;
  readonly ledgers: Version;
  readonly auditDb: Deployment["auditDb"];
  readonly vars?: Record<string, string>;
  readonly migrates?: boolean;
  /** Whether OCI has forgotten those whom the stage before let in first. */
  readonly forgets?: boolean;
}

const stages: readonly Stage[] = [
  {
    name: "roll-out, ledgers still old, AUDIT_DB refusing",
    ledgers: "old",
    auditDb: "refuses",
    migrates: true,
  },
  { name: "new version", ledgers: "new", auditDb: "works" },
  {
    name: "new version, AUDIT_DB refusing, cached entries stale",
    ledgers: "new",
    auditDb: "refuses",
    vars: { DIRECTORY_TTL_SECONDS: "0", DIRECTORY_STALE_SECONDS: "0" },
    forgets: true,
  },
  { name: "rollback", ledgers: "old", auditDb: "works" },
];

/**
 * Goes through the stages on a copy of the beginning's state, and ends with the first that does not go well. What was
 * not as it had been answered: nothing, if the versions get along.
 */
export async function upgrade(
  { account: before, folder, release }: Beginning,
  next: string,
  state: string,
  around: Surroundings,
  patienceMilliseconds: number,
): Promise<string[]> {
  cpSync(folder, state, { recursive: true });
  const account = structuredClone(before);
  const differences = new Set<string>();
  let newcomersFrom = account.users.length;
  for (const { name, ledgers, auditDb, vars, migrates, forgets } of stages) {
    const by = (version: Version | undefined) => (what: string) => {
      differences.add(`${name}${version === undefined ? "" : `, the ${version} Worker`}: ${what}`);
    };
    if (forgets) {
      for (const user of account.users.splice(newcomersFrom)) {
        await around.emulator("DELETE", `users/${user.userOcid}`);
        account.gone.push(user);
      }
    }
    newcomersFrom = account.users.length;
    const deployed = await deploy({
      state,
      versions: { old: release, new: next },
      ledgers,
      auditDb,
      vars: { ...around.vars, ...vars },
      secrets: around.secrets,
    });
    try {
      if (migrates) await deployed.migrate("new");
      const client = await deployed.client(ledgers);
      // The version that follows delivers alone what the other left, before that one does anything more.
      const settle = () =>
        checkLog(account, client, () => deployed.runScheduled(ledgers), patienceMilliseconds, by(undefined));
      if (auditDb === "works") await settle();
      for (const version of [ledgers, ledgers === "old" ? "new" : "old"] as const) {
        await act(account, await deployed.client(version), around.emulator, by(version));
      }
      if (auditDb === "works" && differences.size === 0) await settle();
    } catch (error) {
      by(undefined)(String(error));
    } finally {
      await deployed.kill();
    }
    if (differences.size > 0) {
      for (const error of deployed.errors) differences.add(`${name}, logged: ${error}`);
      break;
    }
  }
  return [...differences];
}
