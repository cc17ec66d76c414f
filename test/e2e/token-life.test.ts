/** Renewal, revocation and introspection, and the tokens of this Worker's own API. */
import { createPrivateKey } from "node:crypto";
import { decodeJwt, decodeProtectedHeader, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sendRaw } from "./attack.ts";
import { addIdentity, addOrganization, addTenancy, addUser, type OciUser } from "./oci-users.ts";
import { newRsaKey } from "./rsa-keys.ts";
import { signAsGo } from "./signers.ts";
import { type Answer, issuer, startWorker, type Worker } from "./worker.ts";

let worker: Worker;
let organizationId: string;
let tenancyOcid: string;

beforeAll(async () => {
  // Entries are never fresh, so that what happens in OCI counts at once.
  worker = await startWorker({ vars: { DIRECTORY_TTL_SECONDS: "0" } });
  organizationId = await addOrganization(worker, "tokens");
  ({ tenancyOcid } = await addTenancy(worker, [organizationId]));
});
afterAll(() => worker.close());

interface Session {
  user: OciUser;
  identityId: string;
  token: string;
  login(organizationSlug?: string): Promise<string>;
}

async function newSession(
  about: {
    settings?: Record<string, unknown>;
    role?: string;
    home?: string;
    slug?: string;
    name?: string;
  } = {},
): Promise<Session> {
  const { settings = {}, role = "member", home = organizationId, slug, name } = about;
  const user = await addUser(worker, tenancyOcid, name === undefined ? {} : { name });
  const identityId = await addIdentity(worker, home, tenancyOcid, { role, settings });
  const login = async (organizationSlug = slug) => {
    const headers = signAsGo(user);
    const { body } = await worker.login({ identityId, userOcid: user.userOcid, headers, organizationSlug });
    return body.accessToken as string;
  };
  return { user, identityId, token: await login(), login };
}

const renew = (accessToken: string, ip?: string) => post("renew", accessToken, ip);
const revoke = (accessToken: string) => post("revoke", accessToken);
const post = (what: string, accessToken: string, ip?: string): Promise<Answer> =>
  worker.send(`/api/v1/auth/token/${what}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(ip === undefined ? {} : { "cf-connecting-ip": ip }) },
    body: JSON.stringify({ accessToken }),
  });
const isActive = async (token: string, more?: Record<string, string>, bearer?: string) => {
  const { status, body } = await worker.introspect(token, more, bearer);
  expect([status, typeof body.active]).toEqual([200, "boolean"]);
  return body.active as boolean;
};

function expectRefusal(answer: Answer, status: number, error: string, message?: RegExp): void {
  expect(answer.body).toEqual({
    reqId: expect.stringMatching(/^req-[\w-]{14}$/),
    statusCode: status,
    message: message === undefined ? expect.any(String) : expect.stringMatching(message),
    error,
  });
  expect(answer.status).toBe(status);
}

describe("introspection", () => {
  it("of an active token tells its claims (RFC 7662)", async () => {
    const { token, identityId, user } = await newSession();
    const { status, headers, body } = await worker.introspect(token);
    expect([status, headers.get("cache-control")]).toEqual([200, "no-store"]);
    expect(body).toEqual({
      active: true,
      token_type: "Bearer",
      client_id: identityId,
      username: user.name,
      ...decodeJwt(token),
    });
  });

  it("takes the longest token that there is: of 512 characters that JSON writes as six bytes each", async () => {
    const name = "\u0001".repeat(512);
    const longest = "字".repeat(255);
    const session = await newSession({ name, settings: { accessTokenAudience: longest } });
    const path = `/api/v1/identities/${session.identityId}`;
    expect(await worker.admin("PATCH", path, { name: longest })).toMatchObject({ status: 200 });
    const token = await session.login();
    expect(token.length).toBeGreaterThan(6 * 512);
    expect(await worker.introspect(token)).toMatchObject({
      status: 200,
      body: { active: true, username: name },
    });
    expect(await renew(token)).toMatchObject({ status: 200 });

    const longer = await addUser(worker, tenancyOcid, { name: `${name}a` });
    const { identityId } = session;
    const answer = await worker.login({ identityId, userOcid: longer.userOcid, headers: signAsGo(longer) });
    expectRefusal(answer, 503, "ServiceUnavailable", /OCI cannot be asked about this user/);
  });

  it("is named by the discovery document", async () => {
    const { body } = await worker.send("/.well-known/openid-configuration");
    expect(body.introspection_endpoint).toBe(`${issuer}/oauth2/introspect`);
  });

  it("is for introspectors and admins within their own subtree", async () => {
    const rootId = await addOrganization(worker, "introspecting");
    const teamId = await addOrganization(worker, "team", rootId);
    await worker.admin("PUT", `/api/v1/oci/tenancies/${tenancyOcid}`, await reader([organizationId, rootId]));
    const ofRoot = await newSession({ role: "introspector", home: rootId });
    const ofTeam = await newSession({ role: "admin", home: teamId });
    const inRoot = await newSession({ home: rootId });
    const inTeam = await newSession({ home: teamId });
    const elsewhere = await newSession();
    for (const [asker, token, active] of [
      [ofRoot, inRoot, true],
      [ofRoot, inTeam, true],
      [ofRoot, elsewhere, false],
      [ofTeam, inTeam, true],
      [ofTeam, inRoot, false],
      [ofTeam, elsewhere, false],
    ] as const) {
      expect(await isActive(token.token, {}, asker.token)).toBe(active);
    }
    expectRefusal(await worker.introspect(inRoot.token, {}, inRoot.token), 403, "PermissionDenied");
    expectRefusal(await worker.introspect(inRoot.token, {}, "nonsense"), 401, "UnauthorizedError");
  });

  it("refuses a question that is none", async () => {
    const headers = { authorization: `Bearer ${worker.secrets.ADMIN_TOKEN}` };
    const ask = (body: BodyInit, more: Record<string, string> = {}) =>
      worker.send("/oauth2/introspect", { method: "POST", headers: { ...headers, ...more }, body });
    expect(await ask(new URLSearchParams({}))).toMatchObject({ status: 422 });
    expect(await ask(new URLSearchParams({ token: "x", client_ip: "nonsense" }))).toMatchObject({
      status: 422,
    });
    expect(
      await ask(
        new URLSearchParams([
          ["token", "x"],
          ["token", "y"],
        ]),
      ),
    ).toMatchObject({ status: 422 });
    expect(await ask("{}", { "content-type": "application/json" })).toMatchObject({
      status: 415,
      body: { message: expect.stringContaining("application/x-www-form-urlencoded") },
    });
    expect(await worker.introspect("x", { token_type_hint: "access_token", other: "ignored" })).toMatchObject(
      {
        status: 200,
        body: { active: false },
      },
    );
  });

  it.each([
    [
      [{ ipAddress: "10.0.0.0/8" }],
      { "10.1.2.3": true, "::ffff:10.1.2.3": true, "11.0.0.1": false, "2001:db8::1": false },
    ],
    [
      [{ ipAddress: "2001:db8::/32" }, { ipAddress: "192.0.2.7" }],
      { "2001:db8:1::1": true, "192.0.2.7": true, "192.0.2.8": false },
    ],
    [[{ ipAddress: "::ffff:10.0.0.0/104" }], { "10.9.9.9": true, "11.0.0.1": false }],
    [[{ ipAddress: "0.0.0.0/0" }], { "10.1.2.3": true, "2001:db8::1": false }],
  ])("of a token with trusted IPs %j asks where it is used from", async (accessTokenTrustedIps, expected) => {
    const { token } = await newSession({ settings: { accessTokenTrustedIps } });
    expect(await isActive(token)).toBe(false);
    for (const [client_ip, active] of Object.entries(expected)) {
      expect([client_ip, await isActive(token, { client_ip })]).toEqual([client_ip, active]);
    }
  });
});

describe("introspection of a token", () => {
  const ociAuth = ({ identityId }: Session) => `/api/v1/auth/oci-auth/identities/${identityId}`;
  const identity = ({ identityId }: Session) => `/api/v1/identities/${identityId}`;
  it.each<[what: string, end: (session: Session) => Promise<unknown>]>([
    ["suspended", (session) => worker.admin("PATCH", identity(session), { suspended: true })],
    ["deleted", (session) => worker.admin("DELETE", identity(session))],
    ["detached", (session) => worker.admin("DELETE", ociAuth(session))],
  ])("finds none active of an identity that was %s", async (_, end) => {
    const session = await newSession();
    expect(await isActive(session.token)).toBe(true);
    await end(session);
    expect(await isActive(session.token)).toBe(false);
  });
});

it("introspection finds no token active while its organization, its identity's own, or their root is suspended", async () => {
  const [homeId, teamId] = [
    await addOrganization(worker, "at-home", organizationId),
    await addOrganization(worker, "elsewhere", organizationId),
  ];
  const session = await newSession({ home: homeId });
  await worker.admin("PUT", `/api/v1/organizations/${teamId}/identities/${session.identityId}`);
  const token = await session.login("elsewhere");
  for (const id of [teamId, homeId, organizationId]) {
    expect(await isActive(token)).toBe(true);
    await worker.admin("PATCH", `/api/v1/organizations/${id}`, { suspended: true });
    expect([id, await isActive(token)]).toEqual([id, false]);
    await worker.admin("PATCH", `/api/v1/organizations/${id}`, { suspended: false });
  }
  expect(await isActive(token)).toBe(true);
});

async function reader(organizationIds: string[]) {
  const user = await addUser(worker, tenancyOcid);
  return {
    region: "us-ashburn-1",
    organizationIds,
    userOcid: user.userOcid,
    fingerprint: user.fingerprint,
    privateKey: user.privateKey,
  };
}

describe("renewal", () => {
  it("gives a new copy with the same id and login time", async () => {
    const { token, identityId } = await newSession();
    const { status, body } = await renew(token);
    expect([status, body]).toEqual([
      200,
      { accessToken: expect.any(String), expiresIn: 3600, accessTokenMaxTTL: 2592000, tokenType: "Bearer" },
    ]);
    const [before, after] = [decodeJwt(token), decodeJwt(body.accessToken)];
    expect(after).toEqual({ ...before, iat: after.iat, exp: after.exp });
    expect(after.sub).toBe(identityId);
    expect(await isActive(body.accessToken)).toBe(true);
    expect(await isActive(token)).toBe(true);
  });

  it("never passes the max TTL, and is refused once it has passed", async () => {
    const { token } = await newSession({ settings: { accessTokenTTL: 3, accessTokenMaxTTL: 4 } });
    const { creationEpoch } = decodeJwt(token) as { creationEpoch: number };
    // A second later, three are left.
    await expect.poll(() => Date.now() / 1000, { timeout: 5000 }).toBeGreaterThan(creationEpoch + 2);
    const { body } = await renew(token);
    expect(decodeJwt(body.accessToken).exp).toBeLessThanOrEqual(creationEpoch + 4);
    expect(body.expiresIn).toBeLessThanOrEqual(2);
    await expect.poll(() => Date.now() / 1000, { timeout: 5000 }).toBeGreaterThan(creationEpoch + 4);
    expectRefusal(await renew(body.accessToken), 403, "TokenError", /expired/);
  });

  it("of a periodic token knows no max TTL", async () => {
    const { token } = await newSession({
      settings: { accessTokenPeriod: 5, accessTokenTTL: 1, accessTokenMaxTTL: 1 },
    });
    const { creationEpoch } = decodeJwt(token) as { creationEpoch: number };
    await expect.poll(() => Date.now() / 1000, { timeout: 5000 }).toBeGreaterThan(creationEpoch + 2);
    const { status, body } = await renew(token);
    expect([status, body.expiresIn]).toEqual([200, 5]);
  });

  const changes: [
    what: string,
    change: (session: Session) => Promise<unknown>,
    status: number,
    error: string,
    message?: RegExp,
  ][] = [
    [
      "whose key is gone from OCI",
      ({ user }) =>
        worker.emulator("PUT", `users/${user.userOcid}`, {
          tenancyOcid,
          name: user.name,
          apiKeys: [{ publicKey: newRsaKey().publicKey }],
        }),
      401,
      "UnauthorizedError",
    ],
    [
      "whose user is gone from OCI",
      ({ user }) => worker.emulator("DELETE", `users/${user.userOcid}`),
      401,
      "UnauthorizedError",
    ],
    [
      "whose user is inactive in OCI",
      ({ user }) =>
        worker.emulator("PUT", `users/${user.userOcid}`, {
          tenancyOcid,
          name: user.name,
          lifecycleState: "INACTIVE",
          apiKeys: [{ publicKey: user.publicKey }],
        }),
      401,
      "UnauthorizedError",
    ],
    [
      "whose username is no longer allowed",
      ({ identityId }) =>
        worker.admin("PATCH", `/api/v1/auth/oci-auth/identities/${identityId}`, { allowedUsernames: "x" }),
      401,
      "UnauthorizedError",
    ],
    [
      "of a suspended identity",
      ({ identityId }) => worker.admin("PATCH", `/api/v1/identities/${identityId}`, { suspended: true }),
      403,
      "ForbiddenError",
    ],
    [
      "of a deleted identity",
      ({ identityId }) => worker.admin("DELETE", `/api/v1/identities/${identityId}`),
      401,
      "UnauthorizedError",
    ],
    [
      "of an identity without OCI Auth",
      ({ identityId }) => worker.admin("DELETE", `/api/v1/auth/oci-auth/identities/${identityId}`),
      401,
      "UnauthorizedError",
    ],
    [
      "of an identity that was detached and attached again",
      async ({ identityId }) => {
        const path = `/api/v1/auth/oci-auth/identities/${identityId}`;
        await worker.admin("DELETE", path);
        await worker.admin("POST", path, { tenancyOcid });
      },
      401,
      "UnauthorizedError",
    ],
    [
      "of an identity whose tokens were revoked",
      ({ identityId }) => worker.admin("POST", `/api/v1/identities/${identityId}/revoke-tokens`),
      401,
      "UnauthorizedError",
    ],
    [
      "of an identity whose tokens are for another audience now",
      ({ identityId }) =>
        worker.admin("PATCH", `/api/v1/auth/oci-auth/identities/${identityId}`, {
          accessTokenAudience: "other",
        }),
      401,
      "UnauthorizedError",
    ],
    [
      "of an identity that logs in from another tenancy now",
      async ({ identityId }) => {
        const other = await addTenancy(worker, [organizationId]);
        await worker.admin("PATCH", `/api/v1/auth/oci-auth/identities/${identityId}`, {
          tenancyOcid: other.tenancyOcid,
        });
      },
      401,
      "UnauthorizedError",
      /isn't part of tenancy/,
    ],
    ["that was revoked", ({ token }) => revoke(token), 401, "UnauthorizedError"],
  ];
  it.each(changes)("is refused for a token %s", async (_, change, status, error, message) => {
    const session = await newSession();
    expect(await renew(session.token)).toMatchObject({ status: 200 });
    await change(session);
    expectRefusal(await renew(session.token), status, error, message);
  });

  it("is refused once the membership is taken away, or the sub-organization suspended", async () => {
    const teamId = await addOrganization(worker, "renewing", organizationId);
    const session = await newSession();
    const membership = `/api/v1/organizations/${teamId}/identities/${session.identityId}`;
    await worker.admin("PUT", membership);
    const token = await session.login("renewing");
    const renewed = await renew(token);
    expect([renewed.status, decodeJwt(renewed.body.accessToken).orgId]).toEqual([200, teamId]);
    await worker.admin("PATCH", `/api/v1/organizations/${teamId}`, { suspended: true });
    expectRefusal(await renew(token), 403, "ForbiddenError");
    expect(await isActive(token)).toBe(false);
    await worker.admin("PATCH", `/api/v1/organizations/${teamId}`, { suspended: false });
    await worker.admin("DELETE", membership);
    expectRefusal(await renew(token), 401, "UnauthorizedError");
    expect(await isActive(token)).toBe(false);
  });

  it("is refused in another organization too once the identity's own is suspended, and none is active", async () => {
    const homeId = await addOrganization(worker, "home", organizationId);
    const teamId = await addOrganization(worker, "inviting", organizationId);
    const session = await newSession({ home: homeId });
    await worker.admin("PUT", `/api/v1/organizations/${teamId}/identities/${session.identityId}`);
    const token = await session.login("inviting");
    expect(await isActive(token)).toBe(true);
    await worker.admin("PATCH", `/api/v1/organizations/${homeId}`, { suspended: true });
    expectRefusal(await renew(token), 403, "ForbiddenError");
    expect(await isActive(token)).toBe(false);
    await worker.admin("PATCH", `/api/v1/organizations/${homeId}`, { suspended: false });
    expect(await isActive(token)).toBe(true);
  });

  it("is refused from an IP that is not trusted", async () => {
    const { token } = await newSession({
      settings: { accessTokenTrustedIps: [{ ipAddress: "10.0.0.0/8" }] },
    });
    expect(await renew(token, "10.1.1.1")).toMatchObject({ status: 200 });
    expect(await renew(token, "::ffff:10.1.1.1")).toMatchObject({ status: 200 });
    expectRefusal(await renew(token, "11.0.0.1"), 403, "ForbiddenError");
  });

  it("is 503 while OCI cannot be asked and nothing usable is cached", async () => {
    const session = await newSession();
    await worker.admin("DELETE", `/api/v1/oci/tenancies/${tenancyOcid}/users/${session.user.userOcid}/cache`);
    await worker.emulator("PUT", "faults", { status: 500 });
    const answer = await renew(session.token);
    await worker.emulator("DELETE", "faults");
    expectRefusal(answer, 503, "ServiceUnavailable");
    expect(await renew(session.token)).toMatchObject({ status: 200 });
  });

  it.each([[{}], [{ accessToken: 7 }], [{ accessToken: "x", extra: 1 }], [null]])(
    "is 422 for %j",
    async (body) => {
      for (const what of ["renew", "revoke"]) {
        expect(await worker.json("POST", `/api/v1/auth/token/${what}`, body)).toMatchObject({ status: 422 });
      }
    },
  );
});

describe("revocation", () => {
  it("ends every copy of a token, older and renewed, once and for all", async () => {
    const { token } = await newSession();
    const first = (await renew(token)).body.accessToken;
    const second = (await renew(first)).body.accessToken;
    expect(await revoke(first)).toMatchObject({
      status: 200,
      body: { message: "Successfully revoked access token" },
    });
    for (const copy of [token, first, second]) {
      expect(await isActive(copy)).toBe(false);
      expectRefusal(await renew(copy), 401, "UnauthorizedError", /revoked/);
    }
    expect(await revoke(second)).toMatchObject({ status: 200 });
  });

  it("is not outlived by a renewal that began before the token expired and is recorded after it", async () => {
    const { token } = await newSession({ settings: { accessTokenTTL: 4 } });
    const { exp = 0 } = decodeJwt(token);
    const until = (seconds: number) =>
      new Promise((resolve) => setTimeout(resolve, (exp + seconds) * 1000 - Date.now()));
    // The ledger's alarm, a second after the revocation, comes after the token's end.
    await until(-0.8);
    expect(await revoke(token)).toMatchObject({ status: 200 });
    await worker.emulator("PUT", "faults", { delayMs: 2000 });
    await until(-0.4);
    const answer = await renew(token);
    await worker.emulator("DELETE", "faults");
    expect(Date.now()).toBeGreaterThan((exp + 1) * 1000);
    expectRefusal(answer, 401, "UnauthorizedError", /revoked/);
  });

  it("of an identity's tokens ends them all, and it may log in again", async () => {
    const session = await newSession();
    const other = await session.login();
    const path = `/api/v1/identities/${session.identityId}/revoke-tokens`;
    expect(await worker.admin("POST", path)).toMatchObject({
      status: 200,
      body: { identity: { id: session.identityId } },
    });
    for (const token of [session.token, other]) expect(await isActive(token)).toBe(false);
    expect(await isActive(await session.login())).toBe(true);
  });
});

describe("white space around a token", () => {
  it.each(["\n", "\r\n", " \t", "\u00a0", "\ufeff"])("%j is taken away", async (space) => {
    const { token } = await newSession();
    const padded = `${space}${token}${space}`;
    expect(decodeJwt((await renew(padded)).body.accessToken).jti).toBe(decodeJwt(token).jti);
    expect(await isActive(padded)).toBe(true);
    expect(await revoke(padded)).toMatchObject({ status: 200 });
    // It is this token that is revoked, whatever it is sent with.
    expect([await isActive(token), await isActive(padded)]).toEqual([false, false]);
    expectRefusal(await renew(padded), 401, "UnauthorizedError", /revoked/);
  });

  it("makes no second token of it: its uses are counted together", async () => {
    const { token } = await newSession({ settings: { accessTokenNumUsesLimit: 2 } });
    const active = [await isActive(`${token}\n`), await isActive(token), await isActive(` ${token}`)];
    expect(active).toEqual([true, true, false]);
  });

  it("of a bearer is HTTP's own", async () => {
    const { token } = await newSession({ role: "admin" });
    const headers = [["authorization", `\t Bearer ${token} \t`]] as const;
    expect(await sendRaw(worker, { path: "/api/v1/organizations", headers })).toMatchObject({ status: 200 });
  });
});

describe("a forged token", () => {
  it("is inactive, and refused by renewal, revocation and the admin API", async () => {
    const { token } = await newSession({ role: "admin" });
    const claims = decodeJwt(token);
    const header = decodeProtectedHeader(token) as { alg: string; kid: string; typ: string };
    const [head = "", payload = "", signature = ""] = token.split(".");
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const jwk = JSON.parse(worker.secrets.TOKEN_SIGNING_KEYS ?? "").keys[0];
    const ours = createPrivateKey({ key: jwk, format: "jwk" });
    const theirs = (await generateKeyPair("ES256")).privateKey;
    const sign = (changed: object, key: Parameters<SignJWT["sign"]>[0] = ours) =>
      new SignJWT({ ...claims, ...changed }).setProtectedHeader(header).sign(key);

    const forgeries: Record<string, string> = {
      "of another key": await sign({}, theirs),
      "of alg none": `${encode({ ...header, alg: "none" })}.${payload}.`,
      "with a swapped header": `${encode({ ...header, alg: "HS256" })}.${payload}.${signature}`,
      "with a changed payload": `${head}.${encode({ ...claims, orgId: "other" })}.${signature}`,
      truncated: token.slice(0, -4),
      "without a signature": `${head}.${payload}.`,
      "of someone else's issuer": await sign({ iss: "https://evil.example.com" }),
      "for someone else": await sign({ aud: "https://evil.example.com" }),
      "of another token type": await sign({ authTokenType: "refreshToken" }),
      expired: await sign({ exp: Math.floor(Date.now() / 1000) - 1 }),
      "of another generation": await sign({ tokenGeneration: 7 }),
      "of no identity": await sign({ identityId: "00000000-0000-4000-8000-000000000000" }),
      nonsense: "nonsense",
      empty: "",
    };
    for (const [what, forged] of Object.entries(forgeries)) {
      expect([what, await isActive(forged)]).toEqual([what, false]);
      const renewal = await renew(forged);
      expect([what, renewal.status]).toEqual([
        what,
        expect.toSatisfy((status) => status >= 400 && status < 500),
      ]);
      expect([what, Object.keys(renewal.body).sort()]).toEqual([
        what,
        ["error", "message", "reqId", "statusCode"],
      ]);
      const call = await worker.json("GET", "/api/v1/organizations", undefined, forged === "" ? " " : forged);
      expect([what, call.status]).toEqual([
        what,
        expect.toSatisfy((status) => status === 401 || status === 403),
      ]);
    }
    expect(await isActive(token)).toBe(true);
  });
});

it("a user whose name has a comma is refused everywhere once a list is made of the name, which lets in two others", async () => {
  const message = /username has a comma, so allowedUsernames cannot name it/;
  const { user, identityId, token } = await newSession({ role: "admin", name: "smith,john" });
  const loginOf = (who: OciUser) =>
    worker.login({ identityId, userOcid: who.userOcid, headers: signAsGo(who) });
  const list = (bearer: string) => worker.json("GET", "/api/v1/organizations", undefined, bearer);
  expect(await renew(token)).toMatchObject({ status: 200 });
  expect([await isActive(token), (await list(token)).status]).toEqual([true, 200]);

  await worker.admin("PATCH", `/api/v1/auth/oci-auth/identities/${identityId}`, {
    allowedUsernames: "smith,john",
  });
  expectRefusal(await loginOf(user), 401, "UnauthorizedError", message);
  expectRefusal(await renew(token), 401, "UnauthorizedError", message);
  expectRefusal(await list(token), 401, "UnauthorizedError", /may not log in as this identity any more/);
  expect(await isActive(token)).toBe(false);
  for (const name of ["smith", "john"]) {
    expect(await loginOf(await addUser(worker, tenancyOcid, { name }))).toMatchObject({ status: 200 });
  }
});

describe("a token of this Worker's own API", () => {
  const get = (token: string, ip?: string) =>
    worker.send("/api/v1/organizations", {
      headers: { authorization: `Bearer ${token}`, ...(ip === undefined ? {} : { "cf-connecting-ip": ip }) },
    });

  it("is refused once revoked, used up, expired, or its role taken away", async () => {
    const revoked = await newSession({ role: "admin" });
    expect(await get(revoked.token)).toMatchObject({ status: 200 });
    await revoke(revoked.token);
    expectRefusal(await get(revoked.token), 401, "UnauthorizedError");

    const limited = await newSession({ role: "admin", settings: { accessTokenNumUsesLimit: 2 } });
    // A call that is refused is no use.
    expectRefusal(
      await worker.json("GET", "/api/v1/oci/tenancies", undefined, limited.token),
      403,
      "PermissionDenied",
    );
    for (let use = 0; use < 2; use++) expect(await get(limited.token)).toMatchObject({ status: 200 });
    expectRefusal(await get(limited.token), 401, "UnauthorizedError");

    const brief = await newSession({ role: "admin", settings: { accessTokenTTL: 1 } });
    await expect.poll(async () => (await get(brief.token)).status, { timeout: 5000 }).toBe(403);

    const demoted = await newSession({ role: "admin" });
    await worker.admin("PATCH", `/api/v1/identities/${demoted.identityId}`, { role: "member" });
    expectRefusal(await get(demoted.token), 403, "PermissionDenied");
    expect(await isActive(demoted.token)).toBe(false);
  });

  it.each<[what: string, change: () => Promise<object>]>([
    ["its user is no longer allowed", async () => ({ allowedUsernames: "another, one" })],
    [
      "its identity logs in from another tenancy",
      async () => ({ tenancyOcid: (await addTenancy(worker, [organizationId])).tenancyOcid }),
    ],
  ])("is refused once %s, and cannot undo that", async (_, change) => {
    const { identityId, token, user } = await newSession({ role: "admin" });
    expect(await get(token)).toMatchObject({ status: 200 });
    const path = `/api/v1/auth/oci-auth/identities/${identityId}`;
    await worker.admin("PATCH", path, { allowedUsernames: `another, ${user.name}` });
    expect(await get(token)).toMatchObject({ status: 200 });
    await worker.admin("PATCH", path, await change());
    const undone = await worker.json("PATCH", path, { tenancyOcid, allowedUsernames: null }, token);
    expectRefusal(undone, 401, "UnauthorizedError", /may not log in as this identity any more/);
    expect(await isActive(token)).toBe(false);
  });

  it("is refused from an IP that is not trusted", async () => {
    const { token } = await newSession({
      role: "admin",
      settings: { accessTokenTrustedIps: [{ ipAddress: "10.1.2.3" }] },
    });
    expect(await get(token, "10.1.2.3")).toMatchObject({ status: 200 });
    expectRefusal(await get(token, "203.0.113.9"), 403, "ForbiddenError");
    expectRefusal(await get(token), 403, "ForbiddenError");
  });
});
