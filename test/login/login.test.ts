import { Buffer } from "node:buffer";
import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { decodeJwt } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import type { OutgoingEvent } from "../../src/audit/event.ts";
import type { Refused } from "../../src/audit/refusals.ts";
import type { UserEntry } from "../../src/directory/user-entry.ts";
import type { KeyProof, Resolution } from "../../src/directory/users.ts";
import type { LoginConfiguration } from "../../src/identities/login-configuration.ts";
import type { UserSettings } from "../../src/identities/user-permission.ts";
import { importSigningKeys, signingKeySet } from "../../src/keys/signing-keys.ts";
import type { LoginOutcome, LoginRecord } from "../../src/ledger/ledger.ts";
import type { LoginBody } from "../../src/login/contract.ts";
import { type LoginDependencies, logIn } from "../../src/login/login.ts";
import { type Users, userMethod } from "../../src/login/user/method.ts";
import { formatApiKeyId } from "../../src/oci/key-id.ts";
import { Refusal } from "../../src/refusal.ts";
import type { Organization } from "../../src/storage/tables.ts";
import type { IssuedToken, Issuer } from "../../src/tokens/issue.ts";
import { base64, newEcKeyPair, newRsaKeyPair } from "../oci/key-pairs.ts";
import { newTenancyOcid, newUserOcid } from "../oci/ocids.ts";

const now = Date.parse("2026-11-24T03:04:57Z");
const key = newRsaKeyPair();
const otherKey = newRsaKeyPair();
const ecKey = newEcKeyPair();
const [tenancyOcid, userOcid] = [newTenancyOcid(), newUserOcid()];
const signer = { tenancyOcid, userOcid, fingerprint: key.fingerprint };
const identityId = "0b9c6d8e-1f2a-4b3c-8d4e-5f6071829304";
const client = { reqId: "req-uV1PNuuRpSBs1f", ip: "192.0.2.1", userAgent: "oci-go-sdk" };

let issuer: Issuer;
beforeAll(async () => {
  const jwk = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
  issuer = {
    issuer: "https://auth.example.com",
    defaultAudience: "api",
    maxTokenTtlSeconds: 3600,
    signingKeys: await importSigningKeys(signingKeySet().parse({ keys: [jwk] })),
  };
});

const times = { createdAt: "2026-01-01T00:00:00.000Z", updatedAt: "2026-01-01T00:00:00.000Z" };
const root: Organization = {
  ...times,
  ...{ id: "root", rootId: "root", parentId: null, name: "Root", slug: "root", suspended: false },
};
const sub: Organization = { ...root, id: "sub", parentId: "root", name: "Sub", slug: "sub" };

/** What was configured, cached, signed and answered: a login that succeeds, until something in it is changed. */
interface Scene {
  overRate: boolean;
  identityId: string;
  userOcid: string;
  keyId: string;
  privateKey: KeyObject;
  host: string;
  date: string;
  /** Of what is sent, what was signed otherwise. */
  signed: Record<string, string>;
  signedHeaders: string;
  organizationSlug: string | undefined;
  /** Changes the header once it is signed. */
  rewrite: (authorization: string) => string;
  configuration: LoginConfiguration | undefined;
  user: Resolution;
  /** What the directory has proved before it answers. */
  proves: UserEntry["keys"][number] | undefined;
  ledger: () => Promise<LoginOutcome>;
}

const policy: LoginConfiguration["config"] = {
  ...times,
  ...{ id: "config", identityId, tenancyOcid, rootOrganizationId: "root", allowedUsernames: null },
  ...{ accessTokenTTL: 600, accessTokenMaxTTL: 7200, accessTokenNumUsesLimit: 0, accessTokenPeriod: 0 },
  ...{ accessTokenTrustedIps: [], accessTokenAudience: null, signatureReuse: "allow" },
};
const configuration: LoginConfiguration = {
  identity: {
    ...times,
    ...{ id: identityId, name: "ci", organizationId: "root", role: "member" },
    ...{ suspended: false, tokenGeneration: 0 },
  },
  config: policy,
  home: root,
  suspended: false,
  tenancy: {
    ...times,
    ...{ tenancyOcid, region: "us-ashburn-1", userOcid: newUserOcid(), fingerprint: otherKey.fingerprint },
    encryptedPrivateKey: "v1.one.nonce.ciphertext",
  },
  named: null,
};
const configured = (about: Partial<LoginConfiguration>) => ({
  configuration: { ...configuration, ...about },
});
const withPolicy = (about: Partial<typeof policy>) => configured({ config: { ...policy, ...about } });

const userKey = {
  userId: userOcid,
  fingerprint: key.fingerprint,
  lifecycleState: "ACTIVE",
  publicKey: base64(key.spki),
};
const otherUserKey = {
  ...userKey,
  fingerprint: otherKey.fingerprint,
  publicKey: base64(otherKey.spki),
};
const found: Resolution = { kind: "found", username: "alice", key: userKey, source: "cache" };
const cachedEntry: UserEntry = {
  ...{ version: 1, tenancyOcid, userOcid, name: "alice", lifecycleState: "ACTIVE" },
  ...{ keys: [userKey], fetchedAt: now },
};

const presentations = (count: number) => ({
  count,
  firstAt: "2026-11-24T03:04:01.000Z",
  firstIp: "192.0.2.9",
});
const httpDate = (time: number) => new Date(time).toUTCString();

const success: Scene = {
  overRate: false,
  identityId,
  userOcid,
  keyId: formatApiKeyId(signer),
  privateKey: key.privateKey,
  host: "identity.us-ashburn-1.oci.oraclecloud.com",
  date: httpDate(now - 100_000),
  signed: {},
  signedHeaders: "date (request-target) host",
  organizationSlug: undefined,
  rewrite: (authorization) => authorization,
  configuration,
  user: found,
  proves: undefined,
  ledger: async () => ({ recorded: true, presentations: presentations(1) }),
};

function bodyOf(scene: Scene): LoginBody & { signature: string } {
  const values: Record<string, string> = {
    date: scene.date,
    "(request-target)": `get /20160918/users/${scene.userOcid}`,
    host: scene.host,
    ...scene.signed,
  };
  const lines = scene.signedHeaders.split(" ").map((name) => `${name}: ${values[name]}`);
  const signature = sign("sha256", Buffer.from(lines.join("\n")), scene.privateKey).toString("base64");
  const authorization = `Signature version="1",headers="${scene.signedHeaders}",keyId="${scene.keyId}",algorithm="rsa-sha256",signature="${signature}"`;
  const { organizationSlug } = scene;
  return {
    identityId: scene.identityId,
    userOcid: scene.userOcid,
    headers: { authorization: scene.rewrite(authorization), host: scene.host, date: scene.date },
    ...(organizationSlug === undefined ? {} : { organizationSlug }),
    signature,
  };
}

type Dependency = "loadConfiguration" | "readDirectory" | "resolveUser" | "recordLogin";

/** One login, and all that it asked and told. */
async function attempt(changed: Partial<Scene> = {}) {
  const scene = { ...success, ...changed };
  const { signature, ...body } = bodyOf(scene);
  const calls: [Dependency, ...unknown[]][] = [];
  const records: LoginRecord[] = [];
  const refusals: OutgoingEvent[] = [];
  const refused: Refused[] = [];
  const users: Users = {
    async read(...asked) {
      calls.push(["readDirectory", ...asked]);
      return cachedEntry;
    },
    async resolve(keyId, cached, prove: KeyProof, tenancy) {
      calls.push(["resolveUser", keyId, cached, tenancy]);
      if (scene.proves !== undefined) await prove(scene.proves);
      return scene.user;
    },
  };
  const dependencies: LoginDependencies<UserSettings> = {
    issuer,
    client,
    async checkRate() {
      if (scene.overRate) throw new Refusal("too-many-logins");
    },
    async loadConfiguration(...asked) {
      calls.push(["loadConfiguration", ...asked]);
      return scene.configuration;
    },
    async recordLogin(principal, login) {
      calls.push(["recordLogin", principal]);
      records.push(login);
      return scene.ledger();
    },
    reportRefusal(event, caller) {
      refusals.push(event);
      refused.push(caller);
    },
  };
  const [outcome] = await Promise.allSettled([logIn(userMethod(users), body, dependencies, now)]);
  return { body, signature, calls, asked: calls.map(([name]) => name), records, refusals, refused, outcome };
}
type Attempt = Awaited<ReturnType<typeof attempt>>;

function tokenOf({ outcome }: Attempt): IssuedToken {
  if (outcome.status === "rejected") throw outcome.reason;
  return outcome.value;
}

function refusalOf({ outcome }: Attempt): Refusal {
  if (outcome.status === "fulfilled") throw new Error("the login was accepted");
  expect(outcome.reason).toBeInstanceOf(Refusal);
  return outcome.reason;
}

function recordOf({ records }: Attempt): LoginRecord {
  expect(records).toHaveLength(1);
  return records[0] as LoginRecord;
}

/** No event holds a token, a signature or a key, nor the digest that a signature is known by. */
function expectNoMaterial(event: OutgoingEvent, { signature, records, outcome }: Attempt): void {
  const json = JSON.stringify(event);
  const bytes = Buffer.from(signature, "base64");
  const token = outcome.status === "fulfilled" ? outcome.value.accessToken.split(".") : [];
  const material = [
    ...[
      signature,
      bytes.toString("base64url"),
      bytes.toString("hex"),
      ...records.map((one) => one.signatureDigest),
    ],
    ...[base64(key.spki), base64(key.pkcs8), configuration.tenancy.encryptedPrivateKey],
    ...token,
  ];
  for (const text of material) expect(json).not.toContain(text.slice(0, 24));
  expect(json).not.toContain("Signature ");
  expect(json).not.toContain("BEGIN ");
}

const replaced = (from: string | RegExp, to: string) => ({
  rewrite(authorization: string) {
    const text = authorization.replace(from, () => to);
    if (text === authorization) throw new Error(`${from} is not in the header`);
    return text;
  },
});

const askedNobody: Dependency[] = [];
const askedBoth: Dependency[] = ["loadConfiguration", "readDirectory"];
const askedUser: Dependency[] = [...askedBoth, "resolveUser"];
const askedLedger: Dependency[] = [...askedUser, "recordLogin"];

const otherRealmUser = newUserOcid("oc2");
const ledgerDown = () => Promise.reject(new Refusal("ledger-unavailable"));

type Case = [what: string, changed: Partial<Scene>, reason: string];
/** Design's table, in its order: what is asked by the time of each refusal, and of whom its event is, if it has one. */
const steps: { step: string; asked: Dependency[]; event: false | Refused; cases: Case[] }[] = [
  {
    step: "3, grammar",
    ...{ asked: askedNobody, event: false },
    cases: [
      ["a userOcid that is none", { userOcid: "alice" }, "malformed-request"],
      ["an authorization that is none", replaced("Signature ", "Bearer "), "malformed-request"],
      [
        "a signature that is cut short",
        replaced(/signature="[^"]*"/, 'signature="AAAA"'),
        "malformed-request",
      ],
      ["a host that is not OCI's", { host: "identity.us-ashburn-1.oci.example.com" }, "malformed-request"],
      ["a host that hides a line", { host: `${success.host}\nx: y` }, "malformed-request"],
      ["a date that is none", { date: "yesterday" }, "malformed-request"],
      ["a keyId that is none", { keyId: "alice" }, "malformed-request"],
    ],
  },
  {
    step: "4, the signer",
    ...{ asked: askedNobody, event: false },
    cases: [
      ["a security token", { keyId: "ST$eyJhbGciOiJSUzI1NiJ9.e30.c2ln" }, "security-token"],
      [
        "another user's key",
        { keyId: formatApiKeyId({ ...signer, userOcid: newUserOcid() }) },
        "another-user",
      ],
    ],
  },
  {
    step: "5, the date",
    ...{ asked: askedNobody, event: false },
    cases: [
      ["a date that is not signed", { signedHeaders: "(request-target) host" }, "date-not-signed"],
      ["a date 301 s ago", { date: httpDate(now - 301_000) }, "date-out-of-range"],
      ["a date in 301 s", { date: httpDate(now + 301_000) }, "date-out-of-range"],
    ],
  },
  {
    step: "6, what cannot be an identity",
    ...{ asked: askedNobody, event: false },
    cases: [
      ["an identityId that is no id", { identityId: "ci" }, "no-oci-auth"],
      ["an identityId with a slash", { identityId: `../${identityId}` }, "no-oci-auth"],
    ],
  },
  {
    step: "6, the configuration",
    ...{ asked: askedBoth, event: false },
    cases: [
      ["an identity without OCI Auth", { configuration: undefined }, "no-oci-auth"],
      ["a suspended identity", configured({ suspended: true }), "suspended"],
    ],
  },
  {
    step: "7, the tenancy and realm",
    ...{ asked: askedBoth, event: "stranger" },
    cases: [
      ["another tenancy", withPolicy({ tenancyOcid: newTenancyOcid() }), "another-tenancy"],
      ["a host of another realm", { host: "identity.us-gov-ashburn-1.oraclegovcloud.com" }, "another-realm"],
      [
        "a user of another realm",
        { userOcid: otherRealmUser, keyId: formatApiKeyId({ ...signer, userOcid: otherRealmUser }) },
        "another-realm",
      ],
    ],
  },
  {
    step: "8, the directory",
    ...{ asked: askedUser, event: "stranger" },
    cases: [
      ["an unknown key", { user: { kind: "refused", reason: "key-unknown" } }, "key-unknown"],
      ["an unknown user", { user: { kind: "refused", reason: "user-unknown" } }, "user-unknown"],
      ["an inactive user", { user: { kind: "refused", reason: "user-inactive" } }, "user-inactive"],
      ["OCI out of reach", { user: { kind: "unavailable" } }, "oci-unavailable"],
      [
        "a user whom OCI no longer knows, though the stale entry's key made the signature",
        { proves: userKey, user: { kind: "refused", reason: "user-unknown" } },
        "user-unknown",
      ],
    ],
  },
  {
    step: "9, the signature",
    ...{ asked: askedUser, event: "stranger" },
    cases: [
      ["another key's signature", { privateKey: otherKey.privateKey }, "signature-invalid"],
      [
        "another host than was signed",
        { signed: { host: "identity.eu-frankfurt-1.oci.oraclecloud.com" } },
        "signature-invalid",
      ],
      ["another date than was signed", { signed: { date: httpDate(now - 900_000) } }, "signature-invalid"],
      [
        "a signature over another user's request",
        { signed: { "(request-target)": `get /20160918/users/${newUserOcid()}` } },
        "signature-invalid",
      ],
      [
        "a key that cannot verify",
        { user: { ...found, key: { ...userKey, publicKey: base64(ecKey.spki) } } },
        "key-unknown",
      ],
      [
        "a signature that the key of a stale entry did not make, whatever OCI would say",
        {
          proves: userKey,
          privateKey: otherKey.privateKey,
          user: { kind: "refused", reason: "user-unknown" },
        },
        "signature-invalid",
      ],
      [
        "a stale entry's key that cannot verify",
        { proves: { ...userKey, publicKey: base64(ecKey.spki) } },
        "key-unknown",
      ],
      [
        "a signature that the key of a stale entry made, and not the one that OCI has now",
        { proves: userKey, user: { ...found, source: "oci", key: otherUserKey } },
        "signature-invalid",
      ],
    ],
  },
  {
    step: "10, the username",
    ...{ asked: askedUser, event: "holder" },
    cases: [
      ["a name that is not allowed", withPolicy({ allowedUsernames: "bob,carol" }), "username-not-allowed"],
      ["a name in another case", withPolicy({ allowedUsernames: "Alice" }), "username-not-allowed"],
      [
        "a part of an allowed name",
        withPolicy({ allowedUsernames: "alice@example.com" }),
        "username-not-allowed",
      ],
      [
        "a name with a comma, though a list is made of it",
        { ...withPolicy({ allowedUsernames: "smith,john" }), user: { ...found, username: "smith,john" } },
        "username-has-comma",
      ],
    ],
  },
  {
    step: "11, the organization",
    ...{ asked: askedUser, event: "holder" },
    cases: [
      ["an unknown slug", { organizationSlug: "none" }, "sub-organization-not-found"],
      [
        "a sub-organization that it is no member of",
        { organizationSlug: "sub", ...configured({ named: { organization: sub, isMember: false } }) },
        "sub-organization-not-authorized",
      ],
      [
        "a suspended sub-organization",
        {
          organizationSlug: "sub",
          ...configured({ named: { organization: { ...sub, suspended: true }, isMember: true } }),
        },
        "suspended",
      ],
      [
        "the root of an identity that was created below it",
        {
          organizationSlug: "root",
          ...configured({ home: sub, named: { organization: root, isMember: false } }),
        },
        "sub-organization-not-found",
      ],
    ],
  },
  {
    step: "12, the ledger",
    ...{ asked: askedLedger, event: "holder" },
    cases: [
      [
        "a signature that was used before",
        { ledger: async () => ({ recorded: false, presentations: presentations(2) }) },
        "signature-reused",
      ],
      ["a ledger that does not answer", { ledger: ledgerDown }, "ledger-unavailable"],
    ],
  },
];

describe.each(steps)("step $step, refuses", ({ asked, event, cases }) => {
  it.each(cases)("%s, having asked no more than it needs", async (_, changed, reason) => {
    const login = await attempt(changed);
    expect(refusalOf(login).reason).toBe(reason);
    expect(login.asked).toEqual(asked);
    expect(login.refusals.map((refusal) => refusal.reason)).toEqual(event ? [reason] : []);
    expect(login.refused).toEqual(event ? [event] : []);
    for (const refusal of login.refusals) expectNoMaterial(refusal, login);
  });
});

it.each(
  // The first case of each step, and with it those of all the steps after it.
  steps.map(({ step, cases }, index) => {
    const [first] = cases as [Case, ...Case[]];
    const later = steps.slice(index + 1).flatMap((other) => other.cases.slice(0, 1));
    const faults = [...later].reverse().map(([, changed]) => changed);
    return [step, Object.assign({}, ...faults, first[1]) as Partial<Scene>, first[2]] as const;
  }),
)("step %s, refuses before any step after it", async (_, changed, reason) => {
  expect(refusalOf(await attempt(changed)).reason).toBe(reason);
});

describe("step 2", () => {
  it("refuses a caller over its rate before anything is parsed or asked", async () => {
    const login = await attempt({ overRate: true, userOcid: "nonsense" });
    expect([refusalOf(login).reason, login.asked, login.refusals]).toEqual(["too-many-logins", [], []]);
  });
});

describe("a login that succeeds", () => {
  it("asks D1 and KV side by side, then the directory with what both said, then the ledger", async () => {
    const login = await attempt();
    tokenOf(login);
    expect(login.calls).toEqual([
      ["loadConfiguration", identityId, undefined],
      ["readDirectory", signer],
      ["resolveUser", signer, cachedEntry, configuration.tenancy],
      ["recordLogin", { authority: tenancyOcid, subject: userOcid }],
    ]);

    const order: string[] = [];
    const answered = async <T>(name: string, value: T) => {
      order.push(`${name} asked`);
      await new Promise((resolve) => setTimeout(resolve, 1));
      order.push(`${name} answered`);
      return value;
    };
    const { signature: _, ...body } = bodyOf(success);
    await logIn(
      userMethod({
        read: () => answered("KV", cachedEntry),
        resolve: () => answered("directory", found),
      }),
      body,
      {
        ...{ issuer, client, reportRefusal: () => {}, checkRate: async () => {} },
        loadConfiguration: () => answered("D1", configuration),
        recordLogin: () => answered("ledger", { recorded: true, presentations: presentations(1) }),
      },
      now,
    );
    expect(order).toEqual([
      ...["D1 asked", "KV asked", "D1 answered", "KV answered"],
      ...["directory asked", "directory answered", "ledger asked", "ledger answered"],
    ]);
  });

  it.each(["cache", "oci", "stale"] as const)(
    "by a key from %s has one event, which says who, from where, and which token",
    async (source) => {
      const login = await attempt({ user: { ...found, username: "domain/alice", source } });
      const { event } = recordOf(login);
      const { jti } = decodeJwt(tokenOf(login).accessToken);
      expect(event).toEqual({
        ...{
          id: expect.any(String),
          at: expect.any(String),
          type: "login",
          outcome: "success",
          reason: null,
        },
        ...{ organizationId: "root", rootOrganizationId: "root", identityId, actor: `oci/${userOcid}` },
        ...client,
        details: { ...signer, username: "domain/alice", keySource: source, tokenId: jti },
      });
      expectNoMaterial(event, login);
      expect(login.refusals).toEqual([]);
    },
  );

  it("into a sub-organization has an event of it, and a token for it", async () => {
    const login = await attempt({
      organizationSlug: "sub",
      ...configured({ named: { organization: sub, isMember: true } }),
    });
    const place = { organizationId: "sub", rootOrganizationId: "root" };
    expect(recordOf(login).event).toMatchObject(place);
    expect(decodeJwt(tokenOf(login).accessToken)).toMatchObject({ orgId: "sub", rootOrgId: "root" });
    expect(login.calls[0]).toEqual(["loadConfiguration", identityId, "sub"]);
  });

  it("has a token of its own each time, though the signature is the same", async () => {
    const [one, other] = [await attempt(), await attempt()];
    expect(one.signature).toBe(other.signature);
    expect(decodeJwt(tokenOf(one).accessToken).jti).not.toBe(decodeJwt(tokenOf(other).accessToken).jti);
    expect(recordOf(one).event.id).not.toBe(recordOf(other).event.id);
  });

  it.each(["allow", "reject"] as const)(
    "tells the ledger to %s a reuse, as is configured",
    async (signatureReuse) => {
      expect(recordOf(await attempt(withPolicy({ signatureReuse })))).toMatchObject({ signatureReuse });
    },
  );

  it.each([
    ["now", 0],
    ["300 s ago", -300],
    ["in 300 s", 300],
  ])("with a signature of %s has it remembered until 360 s after its date", async (_, seconds) => {
    const date = now + seconds * 1000;
    expect(recordOf(await attempt({ date: httpDate(date) })).rememberUntil).toBe(date + 360_000);
  });
});

describe("a login that is refused", () => {
  it("has an event that says no more than was known by then", async () => {
    const details = async (changed: Partial<Scene>) => (await attempt(changed)).refusals[0]?.details;
    const known = { ...signer, username: "alice", keySource: "cache" };
    expect(await details(withPolicy({ tenancyOcid: newTenancyOcid() }))).toEqual(signer);
    expect(await details({ user: { kind: "unavailable" } })).toEqual(signer);
    expect(await details({ privateKey: otherKey.privateKey })).toEqual(known);
    expect(await details(withPolicy({ allowedUsernames: "bob" }))).toEqual(known);
    expect(await details({ ledger: ledgerDown })).toEqual(known);
    const ledger = async () => ({ recorded: false, presentations: presentations(3) });
    expect(await details({ ledger })).toEqual({ ...known, signatureReused: presentations(3) });
  });

  it("for a reuse tells the identity's own organization nothing of a presentation to another", async () => {
    const { refusals } = await attempt({
      organizationSlug: "sub",
      ...configured({ named: { organization: sub, isMember: true } }),
      ledger: async () => ({ recorded: false, presentations: presentations(3) }),
    });
    expect(refusals).toMatchObject([{ reason: "signature-reused", organizationId: "root" }]);
    expect(refusals[0]?.details.signatureReused).toEqual({ count: 3 });
  });

  it("has an event of the identity's own organization, with who and from where", async () => {
    const { refusals } = await attempt({ organizationSlug: "none", ...configured({ home: sub }) });
    expect(refusals).toMatchObject([
      {
        ...{ type: "login", outcome: "failure", reason: "sub-organization-not-found", identityId, ...client },
        ...{ organizationId: "sub", rootOrganizationId: "root", actor: `oci/${userOcid}` },
      },
    ]);
  });

  it("by a fault that is no refusal ends as that fault, without a token", async () => {
    const fault = new Error("a slip of ours");
    const { outcome } = await attempt({ ledger: () => Promise.reject(fault) });
    expect(outcome).toEqual({ status: "rejected", reason: fault });
  });
});

describe("a signature is known by its decoded bytes", () => {
  const digestOf = async (rewrite: Scene["rewrite"]) => recordOf(await attempt({ rewrite })).signatureDigest;
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

  it.each<[string, Scene["rewrite"]]>([
    ["as it is", (text) => text],
    ["without padding", replaced(/=+"$/, '"').rewrite],
    [
      "with other bits after the last byte",
      (text) =>
        text.replace(/(.)(==)"$/, (_, last, padding) => `${alphabet[alphabet.indexOf(last) ^ 1]}${padding}"`),
    ],
    ["with names in upper case", (text) => text.replace(/\w+(?==")/g, (name) => name.toUpperCase())],
    [
      "with its parameters in another order",
      (text) => text.replace(/^(Signature )(.*),(signature=.*)$/, "$1$3,$2"),
    ],
    ["with spaces", (text) => text.replaceAll('",', '" , ')],
  ])("%s", async (_, rewrite) => {
    const { signature } = bodyOf(success);
    const digest = createHash("sha256").update(Buffer.from(signature, "base64")).digest("hex");
    expect(await digestOf(rewrite)).toBe(digest);
  });

  it("and so two signatures are two", async () => {
    const other = recordOf(await attempt({ date: httpDate(now - 99_000) })).signatureDigest;
    expect(await digestOf((text) => text)).not.toBe(other);
  });
});
