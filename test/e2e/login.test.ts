import { createRemoteJWKSet, decodeJwt, jwtVerify } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { signGetUser } from "../../dev/oracle-sdk.ts";
import { addIdentity, addOrganization, addTenancy, addUser, type OciUser } from "./oci-users.ts";
import { newRsaKey } from "./rsa-keys.ts";
import { signAsGo, signAsPython, signAsTypeScript } from "./signers.ts";
import { issuer, startWorker, type Worker } from "./worker.ts";

let worker: Worker;
let organizationId: string;
let tenancyOcid: string;

beforeAll(async () => {
  worker = await startWorker();
  organizationId = await addOrganization(worker, "login");
  ({ tenancyOcid } = await addTenancy(worker, [organizationId]));
});
afterAll(() => worker.close());

const requestsToOci = async () => (await worker.emulator("GET", "requests")).body.requests;

function verify(token: string) {
  const keys = createRemoteJWKSet(new URL("/.well-known/jwks.json", worker.url));
  return jwtVerify(token, keys, { issuer, audience: "api" });
}

describe("logs in", () => {
  let user: OciUser;
  let identityId: string;
  beforeAll(async () => {
    user = await addUser(worker, tenancyOcid);
    identityId = await addIdentity(worker, organizationId, tenancyOcid);
  });

  const signers = {
    "Oracle's TypeScript SDK, which leaves an unsigned date beside the signed x-date": signGetUser,
    "the Go SDK's parameter order": async (key: OciUser) => signAsGo(key),
    "the Python SDK's parameter order": async (key: OciUser) => signAsPython(key),
    "the TypeScript SDK's order with rsa-pss-sha256": async (key: OciUser) =>
      signAsTypeScript(key, { algorithm: "rsa-pss-sha256" }),
  };
  it.each(Object.entries(signers))("what was signed with %s", async (_, sign) => {
    const { status, body, headers } = await worker.login({
      identityId,
      userOcid: user.userOcid,
      headers: await sign(user),
    });
    expect([status, body]).toEqual([
      200,
      {
        accessToken: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
        expiresIn: 3600,
        accessTokenMaxTTL: 2592000,
        tokenType: "Bearer",
      },
    ]);
    expect(headers.get("cache-control")).toBe("no-store");
    const { payload } = await verify(body.accessToken);
    expect(payload).toMatchObject({
      sub: identityId,
      identityId,
      authMethod: "oci-auth",
      orgId: organizationId,
      oci: { tenancyOcid, userOcid: user.userOcid, username: user.name, fingerprint: user.fingerprint },
    });
  });

  it.each(["headers in any case, with spaces round the commas", "an unsigned garbage date"])(
    "accepts %s",
    async (what) => {
      const headers = signAsGo(user);
      if (what.startsWith("headers")) {
        headers.authorization = headers.authorization
          .replace("keyId=", "KEYID=")
          .replace("Signature ", "SIGNATURE  ")
          .replace('",algorithm', '" , algorithm');
      } else {
        headers["x-date"] = "not a date\nat all";
      }
      expect(await worker.login({ identityId, userOcid: user.userOcid, headers })).toMatchObject({
        status: 200,
      });
    },
  );

  it("takes a date 299 s off, either way", async () => {
    for (const seconds of [-299, 299]) {
      const date = new Date(Date.now() + seconds * 1000).toUTCString();
      const headers = signAsGo(user, { date });
      expect(await worker.login({ identityId, userOcid: user.userOcid, headers })).toMatchObject({
        status: 200,
      });
    }
  });
});

describe("logs in what was sent with a slip,", () => {
  let teamId: string;
  let identityId: string;
  beforeAll(async () => {
    teamId = await addOrganization(worker, "slip-team", organizationId);
    identityId = await addIdentity(worker, organizationId, tenancyOcid);
    await worker.admin("PUT", `/api/v1/organizations/${teamId}/identities/${identityId}`);
  });

  type Sent = { identityId: string; userOcid: string; organizationSlug: string };
  const path = "/api/v1/auth/oci-auth/login";
  const around = (before: string, after: string) => (sent: Sent) =>
    Object.fromEntries(Object.entries(sent).map(([name, text]) => [name, before + text + after]));
  const slips: [what: string, slip: (sent: Sent) => object, path?: string][] = [
    ["a newline after each value", around("", "\n")],
    ["CR LF after each", around("", "\r\n")],
    ["spaces and tabs around each", around("\t ", " \t")],
    ["a byte order mark before each", around("\ufeff", "")],
    ["a no-break space after each", around("", "\u00a0")],
    ["the id in capitals", (sent) => ({ ...sent, identityId: sent.identityId.toUpperCase() })],
    ["the slug in capitals", (sent) => ({ ...sent, organizationSlug: "Slip-TEAM" })],
    ["a slash after the path", (sent) => sent, `${path}/`],
  ];
  it.each(slips)(
    "%s, and tells the token, the ledger and the log what was meant",
    async (_, slip, at = path) => {
      const user = await addUser(worker, tenancyOcid);
      const meant = { identityId, userOcid: user.userOcid, organizationSlug: "slip-team" };
      const headers = signAsGo(user);
      const first = await worker.json("POST", at, { ...slip(meant), headers });
      const { status, body } = first;
      expect([status, body.message]).toEqual([200, undefined]);
      expect((await verify(body.accessToken)).payload).toMatchObject({
        sub: identityId,
        identityId,
        orgId: teamId,
        oci: { tenancyOcid, userOcid: user.userOcid },
      });
      // Shown again without the slip, the signature is one that was used.
      const second = await worker.login({ ...meant, headers });
      const { AUDIT_DB } = await worker.env();
      const event = async (reqId: string | null) => {
        const statement = AUDIT_DB.prepare("SELECT * FROM audit_events WHERE req_id = ?");
        const row = (await statement.bind(reqId).all()).results[0];
        return row && { ...row, details: JSON.parse(String(row.details)) };
      };
      for (const [answer, more] of [
        [first, {}],
        [second, { signatureReused: { count: 2 } }],
      ] as const) {
        const reqId = answer.headers.get("x-request-id");
        await expect
          .poll(() => event(reqId), { timeout: 20_000 })
          .toMatchObject({
            actor: `oci/${user.userOcid}`,
            identity_id: identityId,
            organization_id: teamId,
            details: { tenancyOcid, userOcid: user.userOcid, ...more },
          });
      }
    },
  );
});

describe("in every realm, over both forms of host", () => {
  const places = [
    ["oc1", "us-ashburn-1", "oraclecloud.com"],
    ["oc2", "us-luke-1", "oraclegovcloud.com"],
    ["oc3", "us-gov-ashburn-1", "oraclegovcloud.com"],
    ["oc4", "uk-gov-london-1", "oraclegovcloud.uk"],
    ["oc14", "eu-dcc-milan-1", "oraclecloud14.com"],
    ["oc19", "eu-frankfurt-2", "oraclecloud.eu"],
    ["oc29", "me-abudhabi-4", "oraclecloud29.com"],
  ] as const;
  it.each(places)("%s, %s", async (realm, region, domain) => {
    const { tenancyOcid } = await addTenancy(worker, [organizationId], { realm, region });
    const user = await addUser(worker, tenancyOcid);
    const identityId = await addIdentity(worker, organizationId, tenancyOcid);
    for (const host of [`identity.${region}.${domain}`, `identity.${region}.oci.${domain}`]) {
      for (const headers of [
        await signGetUser(user, host),
        signAsGo(user, { host }),
        signAsPython(user, { host }),
      ]) {
        const { status, body } = await worker.login({ identityId, userOcid: user.userOcid, headers });
        expect([host, status, body.message]).toEqual([host, 200, undefined]);
      }
    }
  });
});

describe("allowed usernames", () => {
  it.each(["domain/alice@example.com", "a+b@example.com", "plain"])("lets %s in", async (name) => {
    const user = await addUser(worker, tenancyOcid, { name });
    const settings = { allowedUsernames: `someone, ${name},another` };
    const identityId = await addIdentity(worker, organizationId, tenancyOcid, { settings });
    const { status, body } = await worker.login({
      identityId,
      userOcid: user.userOcid,
      headers: signAsGo(user),
    });
    expect(status).toBe(200);
    expect(decodeJwt(body.accessToken)).toMatchObject({ oci: { username: name } });
  });
});

describe("calls to OCI", () => {
  beforeEach(async () => {
    await worker.emulator("DELETE", "requests");
  });

  it("two for a first login, side by side, and none for five warm ones", async () => {
    const user = await addUser(worker, tenancyOcid);
    const identityId = await addIdentity(worker, organizationId, tenancyOcid);
    const login = () => worker.login({ identityId, userOcid: user.userOcid, headers: signAsGo(user) });

    // Both are under way before either is answered.
    await worker.emulator("PUT", "faults", { delayMs: 1000 });
    const first = login();
    const statuses = async () => (await requestsToOci()).map((request: { status: number }) => request.status);
    await expect.poll(statuses, { timeout: 10_000 }).toEqual([0, 0]);
    await worker.emulator("DELETE", "faults");
    expect(await first).toMatchObject({ status: 200 });
    const base = `/20160918/users/${user.userOcid}`;
    expect((await requestsToOci()).map((request: { path: string }) => request.path).sort()).toEqual([
      base,
      `${base}/apiKeys`,
    ]);

    await worker.emulator("DELETE", "requests");
    for (let i = 0; i < 5; i++) expect(await login()).toMatchObject({ status: 200 });
    expect(await requestsToOci()).toEqual([]);
  });

  it("two for twenty first logins at once", async () => {
    const user = await addUser(worker, tenancyOcid);
    const identityId = await addIdentity(worker, organizationId, tenancyOcid);
    const headers = signAsGo(user);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => worker.login({ identityId, userOcid: user.userOcid, headers })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ body }) => decodeJwt(body.accessToken).jti)).size).toBe(20);
    expect(await requestsToOci()).toHaveLength(2);
  });

  it("none while OCI is down and the user is known", async () => {
    const user = await addUser(worker, tenancyOcid);
    const identityId = await addIdentity(worker, organizationId, tenancyOcid);
    const login = () => worker.login({ identityId, userOcid: user.userOcid, headers: signAsGo(user) });
    expect(await login()).toMatchObject({ status: 200 });
    await worker.emulator("PUT", "faults", { status: 503 });
    expect(await login()).toMatchObject({ status: 200 });
    await worker.emulator("DELETE", "faults");
  });

  it("all of ours are signed so that an independent library accepts them", async () => {
    const user = await addUser(worker, tenancyOcid);
    const identityId = await addIdentity(worker, organizationId, tenancyOcid);
    await worker.login({ identityId, userOcid: user.userOcid, headers: signAsGo(user) });
    expect((await requestsToOci()).map((request: { status: number }) => request.status)).toEqual([200, 200]);
  });
});

describe("a purge of a user's cache", () => {
  it("makes the next login ask OCI, which knows by now that the key is gone", async () => {
    const user = await addUser(worker, tenancyOcid);
    const identityId = await addIdentity(worker, organizationId, tenancyOcid);
    const login = () => worker.login({ identityId, userOcid: user.userOcid, headers: signAsGo(user) });
    expect(await login()).toMatchObject({ status: 200 });

    const replaced = { tenancyOcid, name: user.name, apiKeys: [{ publicKey: newRsaKey().publicKey }] };
    await worker.emulator("PUT", `users/${user.userOcid}`, replaced);
    expect(await login()).toMatchObject({ status: 200 });

    const purge = await worker.admin(
      "DELETE",
      `/api/v1/oci/tenancies/${tenancyOcid}/users/${user.userOcid}/cache`,
    );
    expect([purge.status, Object.keys(purge.body)]).toEqual([200, ["purgedAt"]]);
    expect(await login()).toMatchObject({ status: 401 });
  });
});

describe("the token's organization", () => {
  it("is the identity's own, or the sub-organization whose slug was given", async () => {
    const rootId = await addOrganization(worker, "root");
    const teamId = await addOrganization(worker, "team", rootId);
    const { tenancyOcid } = await addTenancy(worker, [rootId]);
    const user = await addUser(worker, tenancyOcid);
    const identityId = await addIdentity(worker, rootId, tenancyOcid);
    await worker.admin("PUT", `/api/v1/organizations/${teamId}/identities/${identityId}`);
    const claims = async (organizationSlug?: string) => {
      const { body } = await worker.login({
        identityId,
        userOcid: user.userOcid,
        headers: signAsGo(user),
        organizationSlug,
      });
      return decodeJwt(body.accessToken);
    };
    const own = { orgId: rootId, rootOrgId: rootId, parentOrgId: rootId };
    expect(await claims()).toMatchObject(own);
    expect(await claims("root")).toMatchObject(own);
    expect(await claims("team")).toMatchObject({ orgId: teamId, rootOrgId: rootId, parentOrgId: rootId });
  });
});
