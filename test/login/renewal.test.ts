/** Renewal beside a real ledger: what one copy of a token tells it holds for the others. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { generateKeyPairSync } from "node:crypto";
import { decodeJwt } from "jose";
import { afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import type { LoginConfiguration } from "../../src/identities/login-configuration.ts";
import { importSigningKeys, signingKeySet } from "../../src/keys/signing-keys.ts";
import { renewToken } from "../../src/login/renew.ts";
import { userRenewal } from "../../src/login/user/method.ts";
import { tokenEvent } from "../../src/tokens/event.ts";
import { type Issuer, issueToken } from "../../src/tokens/issue.ts";
import { verifyToken } from "../../src/tokens/verify.ts";
import { migrateDatabases } from "../databases.ts";
import { newTenancyOcid, newUserOcid } from "../oci/ocids.ts";

// A clock far ahead of the machine's: an alarm rings when a test rings it and never by itself.
const start = Date.parse("2100-01-01T00:00:00Z") / 1000;
const client = { reqId: "req-uV1PNuuRpSBs1f", ip: "192.0.2.1", userAgent: null };
const [tenancyOcid, userOcid, fingerprint] = [
  newTenancyOcid(),
  newUserOcid(),
  "0f".repeat(16).replace(/..(?!$)/g, "$&:"),
];
const organization = { id: "root", slug: "acme", parentId: null, rootId: "root", suspended: false };

let issuer: Issuer;

beforeAll(async () => {
  await migrateDatabases();
  const jwk = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
  const signingKeys = await importSigningKeys(signingKeySet().parse({ keys: [jwk] }));
  issuer = {
    issuer: "https://auth.example.com",
    defaultAudience: "api",
    maxTokenTtlSeconds: 3600,
    signingKeys,
  };
});
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: start * 1000 });
});
afterEach(() => {
  vi.useRealTimers();
});

function configurationOf(accessTokenTTL: number): LoginConfiguration {
  return {
    identity: {
      ...{ id: "identity-1", name: "ci", organizationId: "root", role: "member" },
      ...{ suspended: false, tokenGeneration: 0 },
    },
    config: {
      ...{ tenancyOcid, allowedUsernames: null, accessTokenTTL, accessTokenMaxTTL: 7200 },
      ...{
        accessTokenNumUsesLimit: 0,
        accessTokenPeriod: 0,
        accessTokenAudience: null,
        signatureReuse: "allow",
      },
      accessTokenTrustedIps: [
        { ipAddress: "0.0.0.0", type: "ipv4", prefix: 0 },
        { ipAddress: "::", type: "ipv6", prefix: 0 },
      ],
    },
    home: organization,
    suspended: false,
    tenancy: { tenancyOcid, region: "us-ashburn-1", userOcid, fingerprint, encryptedPrivateKey: "" },
    named: null,
  };
}

it("keeps a revocation for as long as the copy at hand lives, though the new one is shorter", async () => {
  const ledger = env.LEDGER.getByName(crypto.randomUUID());
  const { identity, config: policy } = configurationOf(3600);
  const oci = { tenancyOcid, userOcid, fingerprint, username: "alice" };
  const proven = { authMethod: "oci-auth" as const, oci };
  const login = { tokenId: crypto.randomUUID(), loggedInAt: start, identity, organization, policy, proven };
  const original = (await issueToken(issuer, login, start)).accessToken;

  // The lifetime was shortened to a minute since.
  const { accessToken: copy } = await renewToken(
    original,
    {
      issuer,
      client,
      methods: {
        "oci-auth": userRenewal(async () => configurationOf(60), {
          read: async () => "absent",
          resolve: async () => ({
            kind: "found",
            username: "alice",
            key: { userId: userOcid, fingerprint, lifecycleState: "ACTIVE", publicKey: "" },
            source: "cache",
          }),
        }),
        "oci-instance-auth": undefined as never,
      },
      recordRenewal: (_, renewal) => ledger.recordRenewal(renewal),
      reportRefusal: () => expect.fail("it is not refused"),
    },
    start * 1000,
  );
  expect(decodeJwt(copy).exp).toBe(start + 60);
  const verified = await verifyToken(copy, issuer.signingKeys, issuer.issuer, new Date());
  if (!verified.ok) expect.fail("the copy verifies");
  const event = tokenEvent("token.revoke", verified.claims, client, null);
  const revocation = { tokenId: login.tokenId, expiresAt: start + 60, usesLimit: 0, event };
  expect(await ledger.recordRevocation(revocation)).toBe(true);

  // Long after the copy has expired, what is over is purged; the original still lives.
  vi.setSystemTime((start + 200) * 1000);
  await runDurableObjectAlarm(ledger);
  expect(await ledger.use({ tokenId: login.tokenId, expiresAt: start + 3600, usesLimit: 0 })).toBe("revoked");
  vi.setSystemTime((start + 3600) * 1000);
  await runDurableObjectAlarm(ledger);
  expect(await ledger.use({ tokenId: login.tokenId, expiresAt: start + 3600, usesLimit: 0 })).toBe("revoked");
});
