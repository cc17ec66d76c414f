/** Logins of compute instances, from outside: the Worker as it runs, and certificates that the emulated OCI issues. */
import { Buffer } from "node:buffer";
import { X509Certificate } from "node:crypto";
import { createLocalJWKSet, decodeJwt, jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addInstance, type InstanceCredential, logInAs, statementOf } from "./instances.ts";
import { addIdentity, addOrganization, addTenancy, addUser } from "./oci-users.ts";
import { signAsGo } from "./signers.ts";
import { issuer, startWorker, type Worker } from "./worker.ts";

let worker: Worker;
let organizationId: string;
let tenancyOcid: string;
beforeAll(async () => {
  worker = await startWorker();
  organizationId = await addOrganization(worker, "acme");
  ({ tenancyOcid } = await addTenancy(worker, [organizationId]));
});
afterAll(() => worker.close());

const path = (identityId: string) => `/api/v1/auth/oci-instance-auth/identities/${identityId}`;

async function newIdentity(settings: Record<string, unknown> = {}): Promise<string> {
  const { body } = await worker.admin("POST", "/api/v1/identities", { name: "fleet", organizationId });
  const { status } = await worker.admin("POST", path(body.identity.id), { tenancyOcid, ...settings });
  expect(status).toBe(200);
  return body.identity.id;
}

const newInstance = (about = {}) => addInstance(worker, tenancyOcid, about);
const eventsOf = async (identityId: string) =>
  (await worker.admin("GET", `/api/v1/audit-events?identityId=${identityId}`)).body.auditEvents;
const callsToOci = async () => (await worker.emulator("GET", "requests")).body.requests;
const endOf = ({ certificate }: InstanceCredential) =>
  Math.floor(Date.parse(new X509Certificate(certificate).validTo) / 1000);

describe("an instance", () => {
  it.each(["RS256", "PS256"] as const)(
    "logs in by a statement of %s, to a token that anyone can verify",
    async (alg) => {
      const [identityId, instance] = [await newIdentity(), await newInstance()];
      const { status, body } = await logInAs(worker, identityId, statementOf(instance, identityId, { alg }));
      expect([status, body]).toEqual([
        200,
        {
          accessToken: expect.any(String),
          expiresIn: 3600,
          accessTokenMaxTTL: 2_592_000,
          tokenType: "Bearer",
        },
      ]);
      const { keys } = (await worker.send("/.well-known/jwks.json")).body;
      const { payload } = await jwtVerify(body.accessToken, createLocalJWKSet({ keys }), {
        issuer,
        audience: "api",
      });
      const { instanceOcid, compartmentOcid } = instance;
      expect(payload).toMatchObject({
        ...{ sub: identityId, authMethod: "oci-instance-auth", proofExpiresAt: endOf(instance) },
        oci: { tenancyOcid, compartmentOcid, instanceOcid, region: "us-ashburn-1" },
      });
      const introspected = await worker.introspect(body.accessToken);
      expect(introspected.body).toMatchObject({
        active: true,
        username: instanceOcid,
        client_id: identityId,
      });

      await expect.poll(async () => (await eventsOf(identityId))[0]?.type, { timeout: 10_000 }).toBe("login");
      const [event] = await eventsOf(identityId);
      expect(event).toMatchObject({
        ...{ type: "login", outcome: "success", actor: `oci/${instanceOcid}` },
        details: { authMethod: "oci-instance-auth", instanceOcid, compartmentOcid, tenancyOcid },
      });
      expect(JSON.stringify(event)).not.toContain("x5c");
    },
  );

  it.each([
    ["a short code", { region: "phx" }],
    ["a name", { region: "eu-frankfurt-1" }],
  ])("of a region that its OCID has as %s logs in", async (_, about) => {
    const [identityId, instance] = [await newIdentity(), await newInstance(about)];
    expect((await logInAs(worker, identityId, statementOf(instance, identityId))).status).toBe(200);
  });

  it("of the root compartment logs in", async () => {
    const identityId = await newIdentity({ allowedCompartmentOcids: tenancyOcid });
    const instance = await newInstance({ compartmentOcid: tenancyOcid });
    expect((await logInAs(worker, identityId, statementOf(instance, identityId))).status).toBe(200);
  });

  it("makes OCI be called once for a region, and five warm logins make no call", async () => {
    const identityId = await newIdentity();
    const instances = await Promise.all(
      Array.from({ length: 6 }, () => newInstance({ region: "ap-tokyo-1" })),
    );
    await worker.emulator("DELETE", "requests");
    for (const instance of instances) {
      expect((await logInAs(worker, identityId, statementOf(instance, identityId))).status).toBe(200);
    }
    expect((await callsToOci()).map(({ path }: { path: string }) => path)).toEqual([
      "/ap-tokyo-1/v1/instancePrincipalRootCACertificates",
    ]);
  });

  it("gets one token for sixty parallel shows of one statement", async () => {
    const [identityId, instance] = [await newIdentity(), await newInstance()];
    const jwt = statementOf(instance, identityId);
    const answers = await Promise.all(Array.from({ length: 60 }, () => logInAs(worker, identityId, jwt)));
    const granted = answers.filter(({ status }) => status === 200);
    expect(granted).toHaveLength(1);
    for (const { status, body } of answers.filter((each) => !granted.includes(each))) {
      expect([status, body.message]).toEqual([
        401,
        "Access denied: this signature was used before. Please sign again.",
      ]);
    }
  });

  it("and a user may both log in as an identity, and detaching either ends the tokens of both", async () => {
    const user = await addUser(worker, tenancyOcid);
    const identityId = await addIdentity(worker, organizationId, tenancyOcid);
    await worker.admin("POST", path(identityId), { tenancyOcid });
    const instance = await newInstance();
    const login = { identityId, userOcid: user.userOcid, headers: signAsGo(user) };
    const tokens = [
      (await worker.login(login)).body.accessToken,
      (await logInAs(worker, identityId, statementOf(instance, identityId))).body.accessToken,
    ];
    const active = () =>
      Promise.all(tokens.map(async (token) => (await worker.introspect(token)).body.active));
    expect(await active()).toEqual([true, true]);
    await worker.admin("DELETE", path(identityId));
    expect(await active()).toEqual([false, false]);
    expect((await logInAs(worker, identityId, statementOf(instance, identityId))).status).toBe(404);
    expect((await worker.login({ ...login, headers: signAsGo(user) })).status).toBe(200);
  });
});

describe("the end of the certificate", () => {
  it("is the end of the token and of every copy, whatever is configured", async () => {
    const identityId = await newIdentity({ accessTokenPeriod: 86_400 });
    const instance = await newInstance({ lifetimeSeconds: 600 });
    const { body } = await logInAs(worker, identityId, statementOf(instance, identityId));
    expect(decodeJwt(body.accessToken).exp).toBe(endOf(instance));
    const renewed = await worker.json("POST", "/api/v1/auth/token/renew", { accessToken: body.accessToken });
    expect(renewed.status).toBe(200);
    expect(decodeJwt(renewed.body.accessToken)).toMatchObject({
      exp: endOf(instance),
      proofExpiresAt: endOf(instance),
      jti: decodeJwt(body.accessToken).jti,
    });
  });

  it("is told with our clock to whoever comes after it", async () => {
    const identityId = await newIdentity();
    const instance = await newInstance({ lifetimeSeconds: 1 });
    await new Promise((resolve) => setTimeout(resolve, 2100));
    const { status, body } = await logInAs(worker, identityId, statementOf(instance, identityId));
    expect([status, body.message]).toEqual([
      401,
      expect.stringMatching(/^Access denied: the instance's certificate is not valid now\. Our clock says '/),
    ]);
  });
});

describe("a renewal", () => {
  it.each<[string, Record<string, unknown>, RegExp]>([
    [
      "compartments",
      { allowedCompartmentOcids: "ocid1.compartment.oc1..aaaa" },
      /compartment is not allowed/,
    ],
    ["instances", { allowedInstanceOcids: "ocid1.instance.oc1.iad.aaaa" }, /the instance is not allowed/],
    ["regions", { allowedRegions: "eu-zurich-1" }, /region is not allowed/],
  ])(
    "is refused once the instance is not on the list of %s, and the token is inactive",
    async (_, change, message) => {
      const [identityId, instance] = [await newIdentity(), await newInstance()];
      const { accessToken } = (await logInAs(worker, identityId, statementOf(instance, identityId))).body;
      expect((await worker.admin("PATCH", path(identityId), change)).status).toBe(200);
      const { status, body } = await worker.json("POST", "/api/v1/auth/token/renew", { accessToken });
      expect([status, body.message]).toEqual([401, expect.stringMatching(message)]);
      expect((await worker.introspect(accessToken)).body).toEqual({ active: false });
    },
  );

  it("makes no call to OCI, and a revocation ends it", async () => {
    const [identityId, instance] = [await newIdentity(), await newInstance()];
    const { accessToken } = (await logInAs(worker, identityId, statementOf(instance, identityId))).body;
    await worker.emulator("DELETE", "requests");
    const renewed = await worker.json("POST", "/api/v1/auth/token/renew", { accessToken });
    expect([renewed.status, await callsToOci()]).toEqual([200, []]);
    await worker.json("POST", "/api/v1/auth/token/revoke", { accessToken });
    expect((await worker.introspect(renewed.body.accessToken)).body).toEqual({ active: false });
    expect((await worker.json("POST", "/api/v1/auth/token/renew", { accessToken })).status).toBe(401);
  });
});

describe("a login is refused", () => {
  type Refused = [
    what: string,
    attempt: (instance: InstanceCredential, identityId: string) => string,
    status: number,
    message: string | RegExp,
  ];
  it.each<Refused>([
    ["what is no JWS", () => "x.y", 400, /^jwt is not a JWS in compact form/],
    [
      "for another identity",
      (instance) => statementOf(instance, crypto.randomUUID()),
      401,
      "Access denied: sub of jwt is not identityId",
    ],
    [
      "for another audience",
      (instance, identityId) => statementOf(instance, identityId, { claims: { aud: "https://example.com" } }),
      401,
      `Access denied: aud of jwt is not '${issuer}'`,
    ],
    [
      "with another typ",
      (instance, identityId) => statementOf(instance, identityId, { header: { typ: "JWT" } }),
      401,
      "Access denied: typ in the header of jwt is not 'oci-instance+jwt'",
    ],
    [
      "by another instance's key",
      (instance, identityId) => {
        const [header, payload] = statementOf(instance, identityId).split(".");
        return `${header}.${payload}.${Buffer.alloc(256, 1).toString("base64url")}`;
      },
      401,
      "Access denied: the signature does not verify.",
    ],
  ])("%s", async (_, attempt, status, message) => {
    const [identityId, instance] = [await newIdentity(), await newInstance()];
    const jwt = attempt(instance, identityId);
    const answer = await logInAs(worker, identityId, jwt);
    expect([answer.status, answer.body.message]).toEqual([
      status,
      typeof message === "string" ? message : expect.stringMatching(message),
    ]);
    expect(JSON.stringify(answer.body)).not.toContain(jwt.slice(0, 24));
  });

  it.each([
    ["-310", 401],
    // Its exp is 300 s after iat at most: some seconds are left for the request.
    ["-280", 200],
    ["290", 200],
    ["310", 401],
  ])("unless it was stated %s s from now: %s", async (offset, status) => {
    const [identityId, instance] = [await newIdentity(), await newInstance()];
    const iat = Math.floor(Date.now() / 1000) + Number(offset);
    const jwt = statementOf(instance, identityId, { claims: { iat, exp: iat + 300 } });
    expect((await logInAs(worker, identityId, jwt)).status).toBe(status);
  });

  it("of an instance of another tenancy, whose certificate is as good", async () => {
    const other = await addTenancy(worker, [organizationId]);
    const [identityId, instance] = [await newIdentity(), await addInstance(worker, other.tenancyOcid)];
    const { status, body } = await logInAs(worker, identityId, statementOf(instance, identityId));
    expect([status, body.message]).toEqual([401, "Access denied: OCI account isn't part of tenancy."]);
    await expect
      .poll(async () => (await eventsOf(identityId))[0]?.reason, { timeout: 10_000 })
      .toBe("another-tenancy");
  });

  it("whose roots are not the region's", async () => {
    const identityId = await newIdentity();
    const [phoenix, ashburn] = [await newInstance({ region: "phx" }), await newInstance({ region: "iad" })];
    // The intermediate of one region, with the leaf of another.
    const mixed = { ...phoenix, intermediate: ashburn.intermediate };
    expect((await logInAs(worker, identityId, statementOf(mixed, identityId))).status).toBe(400);

    await worker.emulator("PUT", "instance-roots/sa-bogota-1", {
      certificates: (await rootsOf("us-phoenix-1")) as string[],
    });
    const bogota = await newInstance({ region: "sa-bogota-1" });
    const { status, body } = await logInAs(worker, identityId, statementOf(bogota, identityId));
    expect([status, body.message]).toEqual([
      401,
      "Access denied: no root of the instance's region vouches for its certificate.",
    ]);
  });

  it("while roots cannot be had: 503, and it is for an identity that exists alone that OCI is called", async () => {
    const [identityId, instance] = [await newIdentity(), await newInstance({ region: "uk-london-1" })];
    await worker.emulator("PUT", "faults", { status: 500 });
    try {
      const answer = await logInAs(worker, identityId, statementOf(instance, identityId));
      expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "5"]);
    } finally {
      await worker.emulator("DELETE", "faults");
    }
    await worker.emulator("DELETE", "requests");
    const nobody = crypto.randomUUID();
    expect((await logInAs(worker, nobody, statementOf(instance, nobody))).status).toBe(404);
    expect(await callsToOci()).toEqual([]);
  });

  it("whose body is larger than 32 KiB, and one of 20 KiB is read", async () => {
    const identityId = await newIdentity();
    expect((await logInAs(worker, identityId, "x".repeat(33_000))).status).toBe(413);
    expect((await logInAs(worker, identityId, "x".repeat(20_000))).status).toBe(400);
  });
});

it("a rotation of the roots, with and without the old one, is followed within a login", async () => {
  const identityId = await newIdentity();
  const region = "me-dubai-1";
  const before = await newInstance({ region });
  const login = (instance: InstanceCredential) =>
    logInAs(worker, identityId, statementOf(instance, identityId));
  expect((await login(before)).status).toBe(200);

  // The entry is younger than 30 s, so the new root is unknown for as long.
  const { body } = await worker.emulator("POST", `instance-roots/${region}/rotate`);
  const after = await newInstance({ region });
  expect((await login(after)).status).toBe(401);
  const { DIRECTORY } = await worker.env();
  const id = `instance-roots/oc1/${region}`;
  const entry = JSON.parse((await DIRECTORY.get(id)) ?? "");
  await DIRECTORY.put(id, JSON.stringify({ ...entry, roots: body.certificates }));
  await expect.poll(async () => (await login(after)).status, { timeout: 20_000, interval: 1000 }).toBe(200);
  expect((await login(before)).status).toBe(200);
});

async function rootsOf(region: string): Promise<string[]> {
  const { DIRECTORY } = await worker.env();
  return JSON.parse((await DIRECTORY.get(`instance-roots/oc1/${region}`)) ?? "{}").roots;
}
