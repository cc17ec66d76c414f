import { Buffer } from "node:buffer";
import { createHash, generateKeyPairSync } from "node:crypto";
import { decodeJwt } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import type { OutgoingEvent } from "../../src/audit/event.ts";
import type { Refused } from "../../src/audit/refusals.ts";
import type { Resolution } from "../../src/directory/vouched-cache.ts";
import type { InstanceSettings } from "../../src/identities/instance-permission.ts";
import type { LoginConfiguration } from "../../src/identities/login-configuration.ts";
import { importSigningKeys, signingKeySet } from "../../src/keys/signing-keys.ts";
import type { LoginOutcome, LoginRecord } from "../../src/ledger/ledger.ts";
import { instanceMethod, instanceRenewal, type Roots } from "../../src/login/instance/method.ts";
import { type LoginDependencies, logIn } from "../../src/login/login.ts";
import { renewToken } from "../../src/login/renew.ts";
import { parseRoot, type TrustedRoot, trustRoot } from "../../src/oci/certificate-authority.ts";
import { Refusal } from "../../src/refusal.ts";
import type { Organization } from "../../src/storage/tables.ts";
import type { ProvenBy } from "../../src/tokens/claims.ts";
import { type IssuedToken, type Issuer, issueToken } from "../../src/tokens/issue.ts";
import {
  type Chain,
  chainOf,
  type Difference,
  instance,
  type Keys,
  newKeys,
  now,
} from "../oci/instance-chains.ts";
import { newTenancyOcid, newUserOcid } from "../oci/ocids.ts";
import { accepted } from "../oci/parsed-values.ts";

const seconds = now / 1000;
const identityId = "0b9c6d8e-1f2a-4b3c-8d4e-5f6071829304";
const client = { reqId: "req-uV1PNuuRpSBs1f", ip: "192.0.2.1", userAgent: "curl/8" };
const region = "us-phoenix-1";
/** The leaf's end: it was minted ten minutes before. */
const certificateEnd = seconds - 600 + 121 * 60;

let keys: Keys;
let issuer: Issuer;
let root: TrustedRoot;
const chains = new Map<Difference, Promise<Chain>>();
const today: Difference = {};
const chainFor = (difference: Difference) => {
  const known = chains.get(difference) ?? chainOf(keys, difference);
  chains.set(difference, known);
  return known;
};

beforeAll(async () => {
  keys = await newKeys();
  const trusted = await trustRoot(
    accepted(parseRoot((await chainFor(today)).roots[0] as Uint8Array<ArrayBuffer>)),
  );
  if (trusted === undefined) throw new Error("the root did not sign itself");
  root = trusted;
  const jwk = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
  issuer = {
    issuer: "https://auth.example.com",
    defaultAudience: "api",
    maxTokenTtlSeconds: 86_400,
    signingKeys: await importSigningKeys(signingKeySet().parse({ keys: [jwk] })),
  };
}, 120_000);

const times = { createdAt: "2026-01-01T00:00:00.000Z", updatedAt: "2026-01-01T00:00:00.000Z" };
const home: Organization = {
  ...times,
  ...{ id: "root", rootId: "root", parentId: null, name: "Root", slug: "root", suspended: false },
};
const settings: LoginConfiguration<InstanceSettings>["config"] = {
  tenancyOcid: instance.tenancyOcid,
  ...{ allowedCompartmentOcids: null, allowedInstanceOcids: null, allowedRegions: null },
  ...{ accessTokenTTL: 3600, accessTokenMaxTTL: 86_400, accessTokenNumUsesLimit: 0, accessTokenPeriod: 0 },
  accessTokenTrustedIps: [
    { ipAddress: "0.0.0.0", type: "ipv4", prefix: 0 },
    { ipAddress: "::", type: "ipv6", prefix: 0 },
  ],
  accessTokenAudience: null,
};
const configuration: LoginConfiguration<InstanceSettings> = {
  identity: {
    ...{ id: identityId, name: "ci", organizationId: "root", role: "member" },
    ...{ suspended: false, tokenGeneration: 0 },
  },
  config: settings,
  home,
  suspended: false,
  tenancy: {
    ...{ tenancyOcid: instance.tenancyOcid, region: "us-ashburn-1", userOcid: newUserOcid() },
    ...{ fingerprint: "", encryptedPrivateKey: "v1.one.nonce.ciphertext" },
  },
  named: null,
};
const configured = (about: Partial<typeof configuration>) => ({
  configuration: { ...configuration, ...about },
});
const withSettings = (about: Partial<typeof settings>) => configured({ config: { ...settings, ...about } });

/** What was configured, shown, cached and answered: a login that succeeds, until something in it is changed. */
interface Scene {
  overRate: boolean;
  identityId: string;
  chain: Difference;
  alg: "RS256" | "PS256";
  /** By which the statement is signed. */
  signer: keyof Keys;
  header: Record<string, unknown>;
  claims: Record<string, unknown>;
  rewrite: (jwt: string) => string;
  at: number;
  organizationSlug: string | undefined;
  configuration: LoginConfiguration<InstanceSettings> | undefined;
  roots: Resolution<TrustedRoot, never> | undefined;
  /** The entry is stale: whatever vouches in it has to be proved before OCI is called. */
  stale: boolean;
  ledger: () => Promise<LoginOutcome>;
}

const success: Scene = {
  ...{ overRate: false, identityId, chain: today, alg: "RS256", signer: "leaf", header: {}, claims: {} },
  rewrite: (jwt) => jwt,
  ...{ at: now, organizationSlug: undefined, configuration, roots: undefined, stale: false },
  ledger: async () => ({ recorded: true, presentations: { count: 1 } }),
};

const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

async function statementOf(scene: Scene): Promise<{ jwt: string; signature: Buffer }> {
  const { leaf, intermediate } = await chainFor(scene.chain);
  const header = {
    ...{ alg: scene.alg, typ: "oci-instance+jwt" },
    x5c: [leaf, intermediate].map((der) => Buffer.from(der).toString("base64")),
    ...scene.header,
  };
  const claims = {
    ...{ aud: issuer.issuer, sub: scene.identityId, iat: seconds, exp: seconds + 300 },
    jti: "0123456789abcdef",
    ...scene.claims,
  };
  const input = `${encoded(header)}.${encoded(claims)}`;
  const { privateKey } = keys[scene.signer];
  const algorithm = { name: scene.alg === "PS256" ? "RSA-PSS" : "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", privateKey);
  const key = await crypto.subtle.importKey("pkcs8", pkcs8 as ArrayBuffer, algorithm, false, ["sign"]);
  const signature = Buffer.from(
    await crypto.subtle.sign({ ...algorithm, saltLength: 32 }, key, new TextEncoder().encode(input)),
  );
  return { jwt: scene.rewrite(`${input}.${signature.toString("base64url")}`), signature };
}

type Dependency = "loadConfiguration" | "readRoots" | "resolveRoots" | "recordLogin";

async function attempt(changed: Partial<Scene> = {}) {
  const scene = { ...success, ...changed };
  const { jwt, signature } = await statementOf(scene);
  const calls: [Dependency, ...unknown[]][] = [];
  const records: LoginRecord[] = [];
  const refusals: OutgoingEvent[] = [];
  const refused: Refused[] = [];
  const roots: Roots = {
    async read(query) {
      calls.push(["readRoots", query]);
      return "absent";
    },
    async resolve(query, _chain, cached, prove, tenancy) {
      calls.push(["resolveRoots", query, cached, tenancy]);
      if (scene.stale) await prove();
      return scene.roots ?? { kind: "found", found: root, source: "cache" };
    },
  };
  const dependencies: LoginDependencies<InstanceSettings> = {
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
  const { organizationSlug } = scene;
  const request = {
    ...{ identityId: scene.identityId, jwt },
    ...(organizationSlug === undefined ? {} : { organizationSlug }),
  };
  const login = logIn(instanceMethod(issuer.issuer, roots), request, dependencies, scene.at);
  const [outcome] = await Promise.allSettled([login]);
  return { jwt, signature, calls, asked: calls.map(([name]) => name), records, refusals, refused, outcome };
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

/** Another text where one was expected: of a leaf's subject. */
const leafOf = (about: Partial<typeof instance>): Difference => ({
  leaf: async ({ issuer: signedBy }) => {
    const { leafShape } = await import("../../dev/emulator/instance-certificates.ts");
    if (signedBy === undefined) throw new Error("a leaf has an issuer");
    return leafShape(signedBy, { ...instance, ...about }, keys.leaf, new Date(now - 600_000));
  },
});
const ofOtherRealm = leafOf({ instanceOcid: `ocid1.instance.oc2.us-luke-1.${"a".repeat(60)}` });
const ofNoRegion = leafOf({ instanceOcid: `ocid1.instance.oc1.nowhere.${"a".repeat(60)}` });
const ofRegionOfOtherRealm = leafOf({ instanceOcid: `ocid1.instance.oc1.us-luke-1.${"a".repeat(60)}` });
const withoutUsage: Difference = { leaf: () => ({ extensions: [] }) };

const askedNobody: Dependency[] = [];
const askedBoth: Dependency[] = ["loadConfiguration", "readRoots"];
const askedRoots: Dependency[] = [...askedBoth, "resolveRoots"];
const askedLedger: Dependency[] = [...askedRoots, "recordLogin"];

type Case = [what: string, changed: Partial<Scene>, reason: string];
const steps: { step: string; asked: Dependency[]; event: false | Refused; cases: Case[] }[] = [
  {
    step: "3, the statement and its certificates",
    ...{ asked: askedNobody, event: false },
    cases: [
      ["a jwt that is none", { rewrite: () => "jwt" }, "malformed-request"],
      ["a certificate outside the profile", { chain: withoutUsage }, "malformed-request"],
      ["one certificate", { header: { x5c: ["AAAA"] } }, "malformed-request"],
      ["a payload with an nbf", { claims: { nbf: seconds } }, "malformed-request"],
    ],
  },
  {
    step: "4, its kind and addressee",
    ...{ asked: askedNobody, event: false },
    cases: [
      ["another typ", { header: { typ: "JWT" } }, "statement-header"],
      ["another alg", { header: { alg: "ES256" } }, "statement-header"],
      ["no signature's alg", { header: { alg: "none" } }, "statement-header"],
      ["another audience", { claims: { aud: "https://auth.example.org" } }, "another-audience"],
      ["another identity", { claims: { sub: crypto.randomUUID() } }, "another-identity"],
    ],
  },
  {
    step: "5, the dates",
    ...{ asked: askedNobody, event: false },
    cases: [
      ["an iat 301 s ago", { claims: { iat: seconds - 301, exp: seconds - 1 } }, "statement-out-of-date"],
      ["an iat in 301 s", { claims: { iat: seconds + 301, exp: seconds + 400 } }, "statement-out-of-date"],
      ["an exp that is past", { claims: { iat: seconds - 299, exp: seconds } }, "statement-out-of-date"],
      ["an exp more than 300 s after iat", { claims: { exp: seconds + 301 } }, "statement-out-of-date"],
      [
        "a certificate that has ended",
        {
          at: (certificateEnd + 1) * 1000,
          claims: { iat: certificateEnd, exp: certificateEnd + 300 },
        },
        "certificate-out-of-date",
      ],
      [
        "a certificate that begins in 301 s",
        {
          at: (seconds - 901) * 1000,
          claims: { iat: seconds - 901, exp: seconds - 601 },
        },
        "certificate-out-of-date",
      ],
      [
        "a certificate that ends within the second",
        { at: certificateEnd * 1000, claims: { iat: certificateEnd, exp: certificateEnd + 300 } },
        "certificate-out-of-date",
      ],
    ],
  },
  {
    step: "6, what cannot be an identity",
    ...{ asked: askedNobody, event: false },
    cases: [["an identityId that is no id", { identityId: "ci" }, "no-oci-instance-auth"]],
  },
  {
    step: "6, the configuration",
    ...{ asked: askedBoth, event: false },
    cases: [
      ["an identity without the method", { configuration: undefined }, "no-oci-instance-auth"],
      ["a suspended identity", configured({ suspended: true }), "suspended"],
    ],
  },
  {
    step: "7, the tenancy, realm and region",
    ...{ asked: askedBoth, event: "stranger" },
    cases: [
      ["another tenancy", withSettings({ tenancyOcid: newTenancyOcid() }), "another-tenancy"],
      [
        "a region that is not allowed",
        withSettings({ allowedRegions: "us-ashburn-1, phx" }),
        "region-not-allowed",
      ],
    ],
  },
  {
    step: "8, the roots",
    ...{ asked: askedRoots, event: "stranger" },
    cases: [
      ["no root that vouches", { roots: { kind: "unknown" } }, "chain-invalid"],
      ["roots that cannot be had", { roots: { kind: "unavailable" } }, "roots-unavailable"],
      ["lookups beyond the budget", { roots: { kind: "over-budget" } }, "over-budget"],
    ],
  },
  {
    step: "9, the signature",
    ...{ asked: askedRoots, event: "stranger" },
    cases: [
      ["another key's signature", { signer: "other" }, "signature-invalid"],
      ["another key's signature, of a stale entry", { signer: "other", stale: true }, "signature-invalid"],
      [
        "another payload than was signed",
        {
          rewrite: (jwt) => {
            const [header, payload = "", signature] = jwt.split(".");
            const claims = JSON.parse(Buffer.from(payload, "base64url").toString());
            return `${header}.${encoded({ ...claims, jti: "fedcba9876543210" })}.${signature}`;
          },
        },
        "signature-invalid",
      ],
      ["RS256's signature said to be PS256's", { header: { alg: "PS256" } }, "signature-invalid"],
    ],
  },
  {
    step: "10, the compartment and instance",
    ...{ asked: askedRoots, event: "holder" },
    cases: [
      [
        "a compartment that is not allowed",
        withSettings({ allowedCompartmentOcids: instance.tenancyOcid }),
        "compartment-not-allowed",
      ],
      [
        "an instance that is not allowed",
        withSettings({ allowedInstanceOcids: `${instance.instanceOcid}a` }),
        "instance-not-allowed",
      ],
    ],
  },
  {
    step: "11, the organization",
    ...{ asked: askedRoots, event: "holder" },
    cases: [["an unknown slug", { organizationSlug: "none" }, "sub-organization-not-found"]],
  },
  {
    step: "12, the ledger",
    ...{ asked: askedLedger, event: "holder" },
    cases: [
      [
        "a statement that was shown before",
        { ledger: async () => ({ recorded: false, presentations: { count: 2 } }) },
        "signature-reused",
      ],
      [
        "a ledger that does not answer",
        { ledger: () => Promise.reject(new Refusal("ledger-unavailable")) },
        "ledger-unavailable",
      ],
    ],
  },
];

describe.each(steps)("step $step, refuses", ({ asked, event, cases }) => {
  it.each(cases)("%s, having called no more than it needs", async (_, changed, reason) => {
    const login = await attempt(changed);
    const refusal = refusalOf(login);
    expect(refusal.reason).toBe(reason);
    expect(login.asked).toEqual(asked);
    expect(login.refusals.map((each) => each.reason)).toEqual(event ? [reason] : []);
    expect(login.refused).toEqual(event ? [event] : []);
    // Nothing of what was sent is repeated, and no event has a signature or a certificate.
    expect(refusal.message).not.toMatch(/secret/i);
    for (const part of login.jwt.split(".").filter((text) => text.length > 20)) {
      expect(JSON.stringify([login.refusals, refusal.message])).not.toContain(part.slice(0, 24));
    }
  });
});

it.each<[string, Difference, string]>([
  ["an instance of another realm", ofOtherRealm, "another-realm"],
  ["a region of another realm", ofRegionOfOtherRealm, "another-realm"],
  ["a region that is none", ofNoRegion, "region-unknown"],
])("step 7 refuses %s, and reads no roots for it", async (_, chain, reason) => {
  const login = await attempt({ chain });
  expect([refusalOf(login).reason, login.asked]).toEqual([reason, ["loadConfiguration"]]);
  expect(login.refused).toEqual(["stranger"]);
});

it.each(
  // The first case of each step, and with it those of all the steps after it that can be joined to it.
  steps.map(({ step, cases }, index) => {
    const [first] = cases as [Case, ...Case[]];
    const later = steps.slice(index + 1).flatMap((other) => other.cases.slice(0, 1));
    const faults = [...later].reverse().map(([, changed]) => changed);
    return [step, Object.assign({}, ...faults, first[1]) as Partial<Scene>, first[2]] as const;
  }),
)("step %s, refuses before any step after it", async (_, changed, reason) => {
  expect(refusalOf(await attempt(changed)).reason).toBe(reason);
});

it("step 2 refuses a caller over its rate before anything is parsed", async () => {
  const login = await attempt({ overRate: true, rewrite: () => "" });
  expect([refusalOf(login).reason, login.asked, login.refusals]).toEqual(["too-many-logins", [], []]);
});

describe("a login that succeeds", () => {
  it.each(["RS256", "PS256"] as const)(
    "by %s calls D1 and KV, then the roots, then the ledger",
    async (alg) => {
      const login = await attempt({ alg });
      tokenOf(login);
      const query = { tenancyOcid: instance.tenancyOcid, region };
      expect(login.calls).toEqual([
        ["loadConfiguration", identityId, undefined],
        ["readRoots", query],
        ["resolveRoots", query, "absent", configuration.tenancy],
        ["recordLogin", { authority: instance.tenancyOcid, subject: instance.instanceOcid }],
      ]);
    },
  );

  it("has one event, which says which instance, from where, and which token", async () => {
    const login = await attempt();
    const { jti } = decodeJwt(tokenOf(login).accessToken);
    const [record] = login.records;
    expect(record?.event).toMatchObject({
      ...{ type: "login", outcome: "success", actor: `oci/${instance.instanceOcid}`, identityId, ...client },
      details: { authMethod: "oci-instance-auth", ...instance, rootSource: "cache", tokenId: jti },
    });
    expect(record?.signatureDigest).toBe(createHash("sha256").update(login.signature).digest("hex"));
    expect(login.refusals).toEqual([]);
  });

  it("is remembered until the statement ends and a minute more, and only once, whatever is configured", async () => {
    const { records } = await attempt({ claims: { exp: seconds + 120 } });
    expect(records).toMatchObject([{ rememberUntil: now + 180_000, signatureReuse: "reject" }]);
  });

  it("gives a token that says which instance, and until when its certificate lives", async () => {
    const { accessToken, expiresIn } = tokenOf(await attempt());
    const claims = decodeJwt(accessToken);
    expect(claims).toMatchObject({
      authMethod: "oci-instance-auth",
      oci: { ...instance, region },
      proofExpiresAt: certificateEnd,
    });
    expect([expiresIn, claims.exp]).toEqual([3600, seconds + 3600]);
  });

  it.each([
    ["TTL", { accessTokenTTL: 86_400 }],
    ["period", { accessTokenPeriod: 86_400 }],
    ["max TTL", { accessTokenTTL: 0 }],
  ])("gives a token that ends with the certificate, whatever its %s", async (_, about) => {
    const { accessToken, expiresIn } = tokenOf(await attempt(withSettings(about)));
    expect([decodeJwt(accessToken).exp, expiresIn]).toEqual([certificateEnd, certificateEnd - seconds]);
  });

  it.each([
    ["299 s ago", { iat: seconds - 299, exp: seconds + 1 }],
    ["in 299 s", { iat: seconds + 299, exp: seconds + 599 }],
  ])("may have been stated %s", async (_, claims) => {
    tokenOf(await attempt({ claims }));
  });

  it("is of one who is on every list", async () => {
    const lists = {
      allowedCompartmentOcids: `ocid1.compartment.oc1..other, ${instance.compartmentOcid}`,
      allowedInstanceOcids: `${instance.instanceOcid},ocid1.instance.oc1.phx.other`,
      allowedRegions: `us-ashburn-1, ${region}`,
    };
    tokenOf(await attempt(withSettings(lists)));
  });
});

describe("a renewal", () => {
  const proven: ProvenBy<"oci-instance-auth"> = {
    authMethod: "oci-instance-auth",
    oci: { ...instance, region },
    proofExpiresAt: certificateEnd,
  };

  async function renewed(about: Partial<typeof configuration>, at = now) {
    const found = { ...configuration, ...about };
    const login = {
      ...{ tokenId: crypto.randomUUID(), loggedInAt: seconds, identity: configuration.identity },
      ...{ organization: home, policy: { ...settings, accessTokenPeriod: 7200 }, proven },
    };
    const { accessToken } = await issueToken(issuer, login, seconds);
    const refusals: OutgoingEvent[] = [];
    const renewal = renewToken(
      accessToken,
      {
        ...{ issuer, client },
        methods: {
          "oci-auth": undefined as never,
          "oci-instance-auth": instanceRenewal(async () => found),
        },
        recordRenewal: async () => "active",
        reportRefusal: (event) => refusals.push(event),
      },
      at,
    );
    const [outcome] = await Promise.allSettled([renewal]);
    return { outcome, refusals };
  }

  it("ends with the certificate, as the token that was renewed does", async () => {
    const at = now + 3_600_000;
    const { outcome } = await renewed({ config: { ...settings, accessTokenPeriod: 7200 } }, at);
    if (outcome.status === "rejected") throw outcome.reason;
    const claims = decodeJwt(outcome.value.accessToken);
    expect(claims).toMatchObject({ exp: certificateEnd, ...proven });
    expect(outcome.value.expiresIn).toBe(certificateEnd - at / 1000);
  });

  it.each<[string, Partial<typeof configuration>, string]>([
    ["another tenancy", withSettings({ tenancyOcid: newTenancyOcid() }).configuration, "another-tenancy"],
    [
      "a region that is not allowed any more",
      withSettings({ allowedRegions: "eu-zurich-1" }).configuration,
      "region-not-allowed",
    ],
    [
      "a compartment that is not",
      withSettings({ allowedCompartmentOcids: "other" }).configuration,
      "compartment-not-allowed",
    ],
    [
      "an instance that is not",
      withSettings({ allowedInstanceOcids: "other" }).configuration,
      "instance-not-allowed",
    ],
    ["a suspended identity", { suspended: true }, "suspended"],
  ])("refuses %s", async (_, about, reason) => {
    const { outcome, refusals } = await renewed(about);
    expect(outcome).toMatchObject({ status: "rejected", reason: { reason } });
    expect(refusals).toMatchObject([{ type: "token.renew", reason }]);
  });
});
