/** Rate limits and budgets: what a caller can cost, and that nobody else pays for it. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { addIdentity, addOrganization, addTenancy, addUser, newOcid, type OciUser } from "./oci-users.ts";
import { newRsaKey } from "./rsa-keys.ts";
import { type SigningOptions, signAsGo } from "./signers.ts";
import { type Answer, startWorker, type Worker } from "./worker.ts";

// Reaching a limit may take two of its windows, of a minute each.
vi.setConfig({ testTimeout: 150_000 });

let worker: Worker;
let organizationId: string;
let tenancyOcid: string;
let identityId: string;
let user: OciUser;

beforeAll(async () => {
  worker = await startWorker();
  organizationId = await addOrganization(worker, "abuse");
  ({ tenancyOcid } = await addTenancy(worker, [organizationId]));
  identityId = await addIdentity(worker, organizationId, tenancyOcid);
  user = await addUser(worker, tenancyOcid);
});
afterAll(() => worker.close());

function from(ip: string, path: string, body: unknown, more: Record<string, string> = {}): Promise<Answer> {
  return worker.send(path, {
    method: "POST",
    headers: { "content-type": "application/json", "cf-connecting-ip": ip, ...more },
    body: JSON.stringify(body),
  });
}

const login = (ip: string, who: OciUser = user, options?: SigningOptions, id = identityId) =>
  from(ip, "/api/v1/auth/oci-auth/login", {
    identityId: id,
    userOcid: who.userOcid,
    headers: signAsGo(who, options),
  });

const newIdentity = (role: string) => addIdentity(worker, organizationId, tenancyOcid, { role });

/** Of a login from an address that no limit has seen. */
async function tokenOf(id: string): Promise<string> {
  logins += 1;
  const { status, body } = await login(`10.3.0.${logins}`, user, {}, id);
  expect(status).toBe(200);
  return body.accessToken;
}
let logins = 0;

/** Cheap to make and to refuse, but it counts. */
const wrongLogin = (ip: string) =>
  from(ip, "/api/v1/auth/oci-auth/login", {
    identityId,
    userOcid: "x",
    headers: { authorization: "x", host: "x", date: "x" },
  });

/** Asks until the answer is refused for its rate. Windows follow the wall clock, so that the first may end too soon. */
async function untilLimited(limit: number, ask: (index: number) => Promise<Answer>): Promise<Answer> {
  for (let index = 0; index < 2 * limit + 100; index += 20) {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, each) => ask(index + each)));
    const limited = answers.find(({ status }) => status === 429 || status === 503);
    if (limited !== undefined) {
      expect(index + 20).toBeGreaterThanOrEqual(limit);
      return limited;
    }
  }
  throw new Error(`not limited after ${2 * limit} requests`);
}

function expectLimited(answer: Answer, message: RegExp): void {
  expect(answer.body).toEqual({
    reqId: expect.stringMatching(/^req-[\w-]{14}$/),
    statusCode: 429,
    message: expect.stringMatching(message),
    error: "RateLimitExceeded",
  });
  const seconds = Number(answer.headers.get("retry-after"));
  expect([seconds >= 1, seconds <= 60]).toEqual([true, true]);
}

describe("logins", () => {
  it("are limited to 1000 a minute for an address, and nobody else's", async () => {
    expectLimited(await untilLimited(1000, () => wrongLogin("192.0.2.1")), /logins from this address/);
    expect(await login("192.0.2.2")).toMatchObject({ status: 200 });
  });

  it("count an IPv6 /64 as one address, and the next /64 as another", async () => {
    const neighbour = (index: number) => `2001:db8:0:1:${(index % 65_536).toString(16)}::1`;
    expectLimited(
      await untilLimited(1000, (index) => wrongLogin(neighbour(index))),
      /logins from this address/,
    );
    expect(await login("2001:db8:0:2::1")).toMatchObject({ status: 200 });
  });

  it("that are wrong, however many, do not decide the answer to a right one", async () => {
    const forged = { keyId: `${tenancyOcid}/${user.userOcid}/${user.fingerprint}` };
    const mallory = { ...newRsaKey(), tenancyOcid, userOcid: user.userOcid, name: "mallory" };
    for (let count = 0; count < 200; count++) {
      expect((await login("192.0.2.3", mallory, forged)).status).toBe(401);
    }
    expect(await login("192.0.2.3")).toMatchObject({ status: 200 });
  });
});

describe("other routes", () => {
  it("limit renewals and revocations to 1000 a minute for an address", async () => {
    const renew = (index: number) =>
      from("192.0.2.4", `/api/v1/auth/token/${index % 2 === 0 ? "renew" : "revoke"}`, { accessToken: "x" });
    expectLimited(await untilLimited(1000, renew), /requests from this address/);
  });

  it("limit failed authentications, and not whoever authenticates from the same address", async () => {
    const introspect = (bearer: string) =>
      worker.send("/oauth2/introspect", {
        method: "POST",
        headers: { authorization: `Bearer ${bearer}`, "cf-connecting-ip": "192.0.2.5" },
        body: new URLSearchParams({ token: "x" }),
      });
    const introspector = await tokenOf(await newIdentity("introspector"));
    expectLimited(await untilLimited(1000, () => introspect("guess")), /failed authentications/);
    for (let count = 0; count < 20; count += 1) {
      expect(await introspect(introspector)).toMatchObject({ status: 200 });
    }
    for (let count = 0; count < 1100; count += 20) {
      const gateway = () => introspect(worker.secrets.ADMIN_TOKEN ?? "");
      const answers = await Promise.all(Array.from({ length: 20 }, gateway));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    }
  });
});

describe("an identity's calls of this Worker's own API", () => {
  const list = (bearer: string, ip: string) =>
    worker.send("/api/v1/organizations", {
      headers: { authorization: `Bearer ${bearer}`, "cf-connecting-ip": ip },
    });
  const introspect = (bearer: string, ip: string) =>
    worker.send("/oauth2/introspect", {
      method: "POST",
      headers: { authorization: `Bearer ${bearer}`, "cf-connecting-ip": ip },
      body: new URLSearchParams({ token: "x" }),
    });

  it("are 600 a minute from however many addresses; other identities and ADMIN_TOKEN are not held back", async () => {
    const busy = await tokenOf(await newIdentity("admin"));
    const other = await tokenOf(await newIdentity("admin"));
    const address = (index: number) => `10.2.${index >> 8}.${index & 255}`;
    const call = (index: number) => (index % 2 === 0 ? list : introspect)(busy, address(index));
    expectLimited(await untilLimited(600, call), /calls of this identity/);
    expect(await list(other, address(0))).toMatchObject({ status: 200 });
    expect(await list(worker.secrets.ADMIN_TOKEN ?? "", address(0))).toMatchObject({ status: 200 });
  });
});

describe("questions to OCI about unknown users", () => {
  const unknownUser = (tenancy: string): OciUser => ({
    ...key,
    tenancyOcid: tenancy,
    userOcid: newOcid("user"),
    name: "unknown",
  });
  const key = newRsaKey();

  it("are 60 a minute for an address and tenancy; known users and other addresses are not held back", async () => {
    const tenancy = await addTenancy(worker, [organizationId]);
    const id = await addIdentity(worker, organizationId, tenancy.tenancyOcid);
    const known = await addUser(worker, tenancy.tenancyOcid);
    expect(await login("192.0.2.6", known, {}, id)).toMatchObject({ status: 200 });

    const ask = () => login("192.0.2.6", unknownUser(tenancy.tenancyOcid), {}, id);
    const limited = await untilLimited(60, ask);
    expect(limited).toMatchObject({ status: 503, body: { error: "ServiceUnavailable" } });
    expect(Number(limited.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await login("192.0.2.6", known, {}, id)).toMatchObject({ status: 200 });
    const newcomer = await addUser(worker, tenancy.tenancyOcid);
    expect(await login("192.0.2.7", newcomer, {}, id)).toMatchObject({ status: 200 });
  });

  it("are 600 a minute for a tenancy, from however many addresses; other tenancies are not held back", async () => {
    const tenancy = await addTenancy(worker, [organizationId]);
    const id = await addIdentity(worker, organizationId, tenancy.tenancyOcid);
    const ask = (index: number) =>
      login(`10.1.${index >> 8}.${index & 255}`, unknownUser(tenancy.tenancyOcid), {}, id);
    expect(await untilLimited(600, ask)).toMatchObject({ status: 503 });
    expect(await login("192.0.2.8")).toMatchObject({ status: 200 });
  });
});

describe("one isolate asks OCI at most four times", () => {
  const callsOf = async () => (await worker.emulator("GET", "requests")).body.requests.length;

  it("in a flood of unknown fingerprints for a known user", async () => {
    const known = await addUser(worker, tenancyOcid);
    await worker.emulator("DELETE", "requests");
    expect(await login("192.0.2.9", known)).toMatchObject({ status: 200 });
    const hex = (index: number) => index.toString(16).padStart(2, "0");
    for (let count = 0; count < 200; count += 20) {
      await Promise.all(
        Array.from({ length: 20 }, (_, each) => {
          const fingerprint = known.fingerprint.replace(/^../, hex((count + each) % 256));
          const keyId = `${tenancyOcid}/${known.userOcid}/${fingerprint}`;
          return login("192.0.2.9", known, { keyId });
        }),
      );
    }
    expect(await callsOf()).toBeLessThanOrEqual(4);
  });

  it("in a stampede of first logins", async () => {
    const newcomer = await addUser(worker, tenancyOcid);
    await worker.emulator("DELETE", "requests");
    const answers = await Promise.all(Array.from({ length: 60 }, () => login("192.0.2.10", newcomer)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(await callsOf()).toBeLessThanOrEqual(4);
  });
});
