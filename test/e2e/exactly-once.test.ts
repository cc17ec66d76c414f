/** What happens exactly once, whatever comes at once: logins with one signature, uses of one token, events. */
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addIdentity, addOrganization, addTenancy, addUser, type OciUser } from "./oci-users.ts";
import { type LoginHeaders, signAsGo, signAsTypeScript } from "./signers.ts";
import { startWorker, type Worker } from "./worker.ts";

let worker: Worker;
let organizationId: string;
let tenancyOcid: string;
let user: OciUser;

beforeAll(async () => {
  worker = await startWorker();
  organizationId = await addOrganization(worker, "ledger");
  ({ tenancyOcid } = await addTenancy(worker, [organizationId]));
  user = await addUser(worker, tenancyOcid);
});
afterAll(() => worker.close());

const newIdentity = (settings: Record<string, unknown>) =>
  addIdentity(worker, organizationId, tenancyOcid, { settings });

const login = (identityId: string, headers: LoginHeaders) =>
  worker.login({ identityId, userOcid: user.userOcid, headers });

/** The login events of an identity, once `count` of them have arrived. */
async function loginEvents(identityId: string, count: number) {
  const read = async () =>
    (
      await worker.admin("GET", `/api/v1/audit-events?identityId=${identityId}&limit=100`)
    ).body.auditEvents.filter(({ type }: { type: string }) => type === "login");
  await expect.poll(async () => (await read()).length, { timeout: 15_000 }).toBe(count);
  return read();
}

describe("one signature", () => {
  it("shown 60 times at once under reject gives one token and 59 refusals", async () => {
    const identityId = await newIdentity({ signatureReuse: "reject" });
    const headers = signAsGo(user);
    const answers = await Promise.all(Array.from({ length: 60 }, () => login(identityId, headers)));
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused).toHaveLength(59);
    expect(new Set(refused.map(({ status, body }) => `${status} ${body.error} ${body.message}`))).toEqual(
      new Set(["401 UnauthorizedError Access denied: this signature was used before. Please sign again."]),
    );
    // Signing again helps.
    expect(await login(identityId, signAsTypeScript(user))).toMatchObject({ status: 200 });

    const events = await loginEvents(identityId, 61);
    const failures = events.filter(({ outcome }: { outcome: string }) => outcome === "failure");
    expect(failures).toHaveLength(59);
    for (const { reason, details } of failures) {
      expect([reason, details.signatureReused]).toEqual([
        "signature-reused",
        { count: expect.any(Number), firstAt: expect.any(String), firstIp: "127.0.0.1" },
      ]);
    }
  });

  it("shown 40 times at once under allow gives 40 tokens with 40 ids, and the log says which were reuses", async () => {
    const identityId = await newIdentity({ signatureReuse: "allow" });
    const headers = signAsGo(user, { date: new Date(Date.now() - 10_000).toUTCString() });
    const answers = await Promise.all(Array.from({ length: 40 }, () => login(identityId, headers)));
    const ids = answers.map(({ body }) => decodeJwt(body.accessToken).jti);
    expect(new Set(ids).size).toBe(40);
    const events = await loginEvents(identityId, 40);
    expect(new Set(events.map(({ details }: { details: { tokenId: string } }) => details.tokenId))).toEqual(
      new Set(ids),
    );
    const counts = events.map(
      ({ details }: { details: { signatureReused?: { count: number } } }) =>
        details.signatureReused?.count ?? 1,
    );
    expect(counts.sort((one: number, other: number) => one - other)).toEqual(
      Array.from({ length: 40 }, (_, index) => index + 1),
    );
  });

  it("in another base64 spelling is the same signature", async () => {
    const identityId = await newIdentity({ signatureReuse: "reject" });
    const headers = signAsGo(user, { date: new Date(Date.now() - 20_000).toUTCString() });
    expect(await login(identityId, headers)).toMatchObject({ status: 200 });
    // 256 bytes leave two unused bits before "==", and the padding itself may be missing.
    const spellings = [
      headers.authorization.replace(
        /(.)=="/,
        (_, last) => `${String.fromCharCode(last.charCodeAt(0) + 1)}=="`,
      ),
      headers.authorization.replace('=="', '"'),
    ];
    for (const authorization of spellings) {
      expect(authorization).not.toBe(headers.authorization);
      // It verifies, and is refused for having been used.
      const { status, body } = await login(identityId, { ...headers, authorization });
      expect([status, body.message]).toEqual([401, expect.stringContaining("was used before")]);
    }
  });

  it("shown to two identities at once under reject gives one token", async () => {
    const identities = [
      await newIdentity({ signatureReuse: "reject" }),
      await newIdentity({ signatureReuse: "reject" }),
    ];
    const headers = signAsGo(user, { date: new Date(Date.now() - 30_000).toUTCString() });
    const answers = await Promise.all(identities.map((identityId) => login(identityId, headers)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401]);
  });

  it("that was refused for another reason has not been used", async () => {
    const [refusing, taking] = [
      await newIdentity({ signatureReuse: "reject", allowedUsernames: "someone-else" }),
      await newIdentity({ signatureReuse: "reject" }),
    ];
    const headers = signAsGo(user, { date: new Date(Date.now() - 40_000).toUTCString() });
    expect(await login(refusing, headers)).toMatchObject({ status: 401 });
    expect(await login(taking, headers)).toMatchObject({ status: 200 });
  });
});

describe("a token limited to 5 uses", () => {
  it("is active 5 times when introspected 25 times at once", async () => {
    const identityId = await newIdentity({ accessTokenNumUsesLimit: 5 });
    const { body } = await login(identityId, signAsGo(user));
    const answers = await Promise.all(Array.from({ length: 25 }, () => worker.introspect(body.accessToken)));
    expect(answers.filter((answer) => answer.body.active === true)).toHaveLength(5);
    expect(answers.filter((answer) => answer.body.active === false)).toHaveLength(20);
    const renewal = await worker.json("POST", "/api/v1/auth/token/renew", { accessToken: body.accessToken });
    expect(renewal).toMatchObject({ status: 401, body: { error: "UnauthorizedError" } });
  });

  it("keeps its count through a renewal", async () => {
    const identityId = await newIdentity({ accessTokenNumUsesLimit: 5 });
    const { body } = await login(identityId, signAsGo(user));
    for (let use = 0; use < 3; use++)
      expect(await worker.introspect(body.accessToken)).toMatchObject({ body: { active: true } });
    const renewed = await worker.json("POST", "/api/v1/auth/token/renew", { accessToken: body.accessToken });
    const copies = [renewed.body.accessToken, body.accessToken, renewed.body.accessToken];
    const active: boolean[] = [];
    for (const copy of copies) active.push((await worker.introspect(copy)).body.active);
    expect(active).toEqual([true, true, false]);
  });
});
