/**
 * Attacks on this Worker's own API by whoever has no right to it, or not to that part of it. The routes are those of
 * /openapi.json, so that a new one is attacked as soon as it is there.
 */
import { decodeJwt, decodeProtectedHeader, generateKeyPair, importJWK, SignJWT } from "jose";
import { afterAll, describe, expect, it } from "vitest";
import { expectRefusal, sendRaw } from "./attack.ts";
import { as, nowhere, type Operation, startAttackedApi } from "./attacked-api.ts";
import { addOrganization, newOcid } from "./oci-users.ts";
import type { Answer } from "./worker.ts";

// The routes name the tests, so the Worker runs before they are collected.
const api = await startAttackedApi();
const { worker, watch, protectedOperations, operator, newIdentity, tokenOf } = api;
afterAll(() => worker.close());

const secret = worker.secrets.ADMIN_TOKEN ?? "";

/** A token that was used once: its use is recorded from then on, where it was not before. */
async function usedToken(identityId: string, organizationSlug?: string): Promise<string> {
  const token = await tokenOf(identityId, organizationSlug);
  expect(await worker.introspect("x", {}, token)).toMatchObject({ status: 200 });
  return token;
}

it("every route asks who calls, but for these", () => {
  const open = api.operations.filter(({ isProtected }) => !isProtected);
  expect(open.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([
    "GET /.well-known/jwks.json",
    "GET /.well-known/openid-configuration",
    "GET /health",
    "POST /api/v1/auth/oci-auth/login",
    "POST /api/v1/auth/oci-instance-auth/login",
    "POST /api/v1/auth/token/renew",
    "POST /api/v1/auth/token/revoke",
  ]);
});

describe("whoever calls", async () => {
  const change = (path: string, body: object) => worker.admin("PATCH", `/api/v1/${path}`, body);
  const newAdmin = async (settings: Record<string, unknown> = {}, home = api.victim) => {
    const identityId = await newIdentity(home, { role: "admin", settings });
    return { identityId, token: await tokenOf(identityId) };
  };

  const member = await tokenOf(await newIdentity(api.victim));
  const introspector = await usedToken(await newIdentity(api.victim, { role: "introspector" }));
  const promotedId = await newIdentity(api.victim);
  const promoted = await tokenOf(promotedId);
  await change(`identities/${promotedId}`, { role: "admin" });
  const demoted = await newAdmin();
  await change(`identities/${demoted.identityId}`, { role: "member" });
  const revoked = await newAdmin();
  await worker.json("POST", "/api/v1/auth/token/revoke", { accessToken: revoked.token });
  const ended = await newAdmin();
  await worker.admin("POST", `/api/v1/identities/${ended.identityId}/revoke-tokens`);
  const usedUp = await newAdmin({ accessTokenNumUsesLimit: 1 });
  await worker.json("GET", "/api/v1/organizations", undefined, usedUp.token);
  const suspended = await newAdmin();
  await change(`identities/${suspended.identityId}`, { suspended: true });
  const asleepId = await addOrganization(worker, "asleep", api.victim);
  const asleep = await newAdmin({}, asleepId);
  await change(`organizations/${asleepId}`, { suspended: true });
  const deleted = await newAdmin();
  await worker.admin("DELETE", `/api/v1/identities/${deleted.identityId}`);
  const detached = await newAdmin();
  await worker.admin("DELETE", `/api/v1/auth/oci-auth/identities/${detached.identityId}`);
  const elsewhere = await newAdmin({ accessTokenTrustedIps: [{ ipAddress: "10.1.2.3" }] });

  const { kid = "", alg = "" } = decodeProtectedHeader(ended.token);
  const admin = await newAdmin();
  const forge = async (claims: object, key: Parameters<SignJWT["sign"]>[0]) =>
    new SignJWT({ ...decodeJwt(admin.token), ...claims })
      .setProtectedHeader({ kid, alg, typ: "JWT" })
      .sign(key);
  const ours = await importJWK(JSON.parse(worker.secrets.TOKEN_SIGNING_KEYS ?? "").keys[0], alg);
  const expired = await forge({ exp: Math.floor(Date.now() / 1000) - 1 }, ours);
  const forged = await forge({}, (await generateKeyPair("ES256")).privateKey);

  const fromElsewhere = { "x-forwarded-for": "10.1.2.3", forwarded: "for=10.1.2.3", "x-real-ip": "10.1.2.3" };
  type Caller = [who: string, headers: Record<string, string>, status: 401 | 403, error?: string];
  const callers: Caller[] = [
    ["nobody", {}, 401],
    ["an unknown bearer", as("nonsense"), 401],
    ["all but the last character of ADMIN_TOKEN", as(secret.slice(0, -1)), 401],
    ["ADMIN_TOKEN as a password", { authorization: `Basic ${btoa(`admin:${secret}`)}` }, 401],
    ["an admin's token, signed by another key", as(forged), 401],
    ["an admin's token, expired", as(expired), 403, "TokenError"],
    ["an admin's token, revoked", as(revoked.token), 401],
    ["an admin's token, used up", as(usedUp.token), 401],
    ["an admin's token from before revoke-tokens", as(ended.token), 401],
    ["an admin's token from before OCI Auth was detached", as(detached.token), 401],
    ["a deleted admin's token", as(deleted.token), 401],
    ["a suspended admin's token", as(suspended.token), 403, "ForbiddenError"],
    ["an admin's token of a suspended organization", as(asleep.token), 403, "ForbiddenError"],
    [
      "an admin's token from another address",
      { ...as(elsewhere.token), ...fromElsewhere },
      403,
      "ForbiddenError",
    ],
    ["an admin's token for other services", as(promoted), 403, "PermissionDenied"],
    ["a former admin's token", as(demoted.token), 403, "PermissionDenied"],
    ["a member's token", as(member), 403, "PermissionDenied"],
    ["an introspector's token", as(introspector), 403, "PermissionDenied"],
  ];

  const forOperators = new Set<string>();
  it.each(protectedOperations)("$method $path is refused without a right to it", async (operation) => {
    await watch.unchanged(async () => {
      for (const [who, headers, status, error] of callers) {
        const answer = await api.call(operation, headers);
        if (operation.id === "introspectToken" && headers.authorization === `Bearer ${introspector}`) {
          expect(answer).toMatchObject({ status: 200, body: { active: false } });
        } else if (answer.body.message === "Only the holder of ADMIN_TOKEN may do this.") {
          // Said to every token that is not dead by itself, before it is looked at how often and where it is used.
          expectRefusal(answer, 403, /./, "PermissionDenied");
          forOperators.add(operation.id);
        } else {
          expect([who, answer.status]).toEqual([who, status]);
          expectRefusal(answer, status, /./, error);
        }
      }
    });
  });

  it("tenancies are for operators alone", () => {
    const ofTenancies = protectedOperations.filter(({ path }) => path.startsWith("/api/v1/oci/tenancies"));
    expect([...forOperators]).toEqual(expect.arrayContaining(ofTenancies.map(({ id }) => id)));
  });

  it.each(protectedOperations)("$method $path/ is refused alike, with the slash", async (operation) => {
    const path = `${operation.path.replace(/\{\w+\}/g, nowhere)}/`;
    await watch.unchanged(async () => {
      expectRefusal(await api.call(operation, {}, { path }), 401, "A bearer token is required.");
      expectRefusal(await api.call(operation, as("nonsense"), { path }), 401, /not known/);
      expectRefusal(await api.call(operation, as(member), { path }), 403, /./, "PermissionDenied");
    });
  });

  const places: [what: string, query: string, ...headers: [string, string][]][] = [
    ["the query", `?access_token=${secret}&authorization=Bearer%20${secret}`],
    ["a cookie", "", ["cookie", `authorization=Bearer ${secret}; access_token=${secret}`]],
    ["X-Api-Key", "", ["x-api-key", secret]],
    ["Proxy-Authorization", "", ["proxy-authorization", `Bearer ${secret}`]],
    ["X-Forwarded-Authorization", "", ["x-forwarded-authorization", `Bearer ${secret}`]],
    ["no scheme", "", ["authorization", secret]],
    ["another scheme", "", ["authorization", `Token ${secret}`]],
    ["a list", "", ["authorization", `Bearer ${secret}, Bearer x`]],
    ["two headers", "", ["authorization", `Bearer ${secret}`], ["authorization", "Bearer x"]],
    ["two equal headers", "", ["authorization", `Bearer ${secret}`], ["authorization", `Bearer ${secret}`]],
    ["quotes", "", ["authorization", `Bearer "${secret}"`]],
    ["a tab's distance", "", ["authorization", `Bearer\t${secret}`]],
    ["no header but those of another path", "", ["x-original-url", "/health"], ["x-rewrite-url", "/health"]],
  ];
  it.each(places)("is nobody with ADMIN_TOKEN in %s", async (_, query, ...headers) => {
    await watch.unchanged(async () => {
      const answer = await sendRaw(worker, { path: `/api/v1/organizations${query}`, headers });
      expectRefusal(answer, 401, /^A bearer token is required/);
    });
  });

  const path = "/api/v1/organizations";
  it.each([
    `/health/..${path}`,
    `/health/%2e%2e${path}`,
    `/.well-known/..${path}`,
    "/api/v1/./organizations",
    "/api/v1/x/../organizations",
    "/api/v1/%6frganizations",
    "/%61pi/v1/organizations",
    "/api\\v1\\organizations",
    `${path}/`,
    `${path}/?x=/health`,
    `${path}?x=/health`,
    `${path}#/health`,
    `http://evil.example.com${path}`,
  ])("is nobody without a bearer, on the way %s too", async (tried) => {
    await watch.unchanged(async () => {
      expectRefusal(await sendRaw(worker, { path: tried }), 401, "A bearer token is required.");
    });
  });

  it.each(["OPTIONS", "TRACE", "PROPFIND", "PUT", "DELETE", "PATCH"])(
    "from another page with %s is told nothing",
    async (method) => {
      const headers = [
        ["origin", "https://evil.example.com"],
        ["access-control-request-method", "GET"],
      ] as const;
      await watch.unchanged(async () => {
        const answer = await sendRaw(worker, { method, path, headers });
        expectRefusal(answer, 405, `${method} is not allowed here; POST, GET, HEAD is`);
        expect([...answer.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
      });
    },
  );
});

describe("an admin", async () => {
  const { victim, team, sibling, stranger, inVictim, inTeam, inSibling, inStranger } = api;
  const guest = await newIdentity(victim, { role: "admin" });
  await worker.admin("PUT", `/api/v1/organizations/${team}/identities/${guest}`);

  const ofTeam = {
    own: { organizationId: team, identityId: inTeam, bare: api.bareInTeam },
    outside: { organizationId: [victim, sibling, stranger], identityId: [inVictim, inSibling, inStranger] },
    outsideTenancy: api.strangeTenancy,
    // Its parent is named by the sub-organization itself.
    hidden: [sibling, stranger, inVictim, inSibling, inStranger, api.strangeTenancy],
  };
  const attackers = [
    {
      who: "of another root",
      token: await usedToken(await newIdentity(stranger, { role: "admin" })),
      own: { organizationId: stranger, identityId: inStranger, bare: api.bareInStranger },
      outside: { organizationId: [victim, team], identityId: [inVictim, inTeam] },
      outsideTenancy: api.tenancyOcid,
      hidden: [victim, team, sibling, inVictim, inTeam, inSibling, api.tenancyOcid],
    },
    {
      who: "of a sub-organization",
      token: await usedToken(await newIdentity(team, { role: "admin" })),
      ...ofTeam,
    },
    { who: "of the root, inside a sub-organization", token: await usedToken(guest, "team"), ...ofTeam },
  ];

  /** What lies outside is answered like what is nowhere. */
  async function expectLikeNowhere(
    ask: (id: string) => Promise<Answer>,
    outside: string,
    none = nowhere,
  ): Promise<Answer> {
    const [answer, unknown] = [await ask(outside), await ask(none)];
    const told = ({ status, body }: Answer, id: string) =>
      JSON.stringify([status, { ...body, reqId: "" }]).replaceAll(id, "ID");
    expect(told(answer, outside)).toBe(told(unknown, none));
    return answer;
  }

  type Reference = "organizationId" | "identityId";
  const isReference = (name: string): name is Reference => name === "organizationId" || name === "identityId";
  /** Each attacker with each route that names an organization or an identity there. */
  const cases = (place: "path" | "query") =>
    attackers.flatMap((attacker) =>
      protectedOperations.flatMap((operation) => {
        const names = operation.parameters
          .filter((parameter) => parameter.in === place)
          .map(({ name }) => name)
          .filter(isReference);
        const { method, path } = operation;
        return names.map((name) => ({ ...attacker, operation, method, path, name }));
      }),
    );

  it.each(cases("path"))("$who is told nothing by $method $path, $name", async (attack) => {
    const { token, own, outside, operation, name } = attack;
    await watch.unchanged(async () => {
      for (const id of outside[name]) {
        const ask = (other: string) =>
          api.call(operation, as(token), { path: api.pathOf(operation, { ...own, [name]: other }) });
        expectRefusal(await expectLikeNowhere(ask, id), 404, /^(Organization|Identity) not found$/);
      }
    });
  });

  it.each(cases("query"))("$who is told nothing by $method $path?$name", async (attack) => {
    const { token, outside, operation, name } = attack;
    await watch.unchanged(async () => {
      for (const id of outside[name]) {
        const ask = (other: string) =>
          api.call(operation, as(token), { path: `${operation.path}?${name}=${other}` });
        const answer = await expectLikeNowhere(ask, id);
        if (name === "organizationId") expectRefusal(answer, 404, "Organization not found");
        else expect([answer.status, Object.values(answer.body)]).toEqual([200, [[], null]]);
      }
    });
  });

  it.each(attackers)("$who finds nobody else's in a list", async ({ token, own, hidden }) => {
    const cursor = (...position: string[]) => Buffer.from(JSON.stringify(position)).toString("base64url");
    const lists = protectedOperations.filter(({ method, path }) => method === "GET" && !path.includes("{"));
    const found: unknown[] = [];
    for (const operation of lists) {
      for (const query of ["", `&cursor=${cursor("0", "")}`, `&cursor=${cursor("9", "")}`]) {
        const path = `${operation.path}?limit=100${query}`;
        found.push((await api.call(operation, as(token), { path })).body);
      }
    }
    const text = JSON.stringify(found);
    expect(text).toContain(own.identityId);
    expect(hidden.filter((id) => text.includes(id))).toEqual([]);
  });

  const references: [operationId: string, name: string][] = [
    ["createOrganization", "parentId"],
    ["createIdentity", "organizationId"],
    ["attachOciAuth", "tenancyOcid"],
    ["updateOciAuth", "tenancyOcid"],
    ["attachOciInstanceAuth", "tenancyOcid"],
    ["updateOciInstanceAuth", "tenancyOcid"],
  ];
  it.each(attackers)("$who refers to nobody else's in a body", async (attacker) => {
    const { token, own, outside, outsideTenancy } = attacker;
    await watch.unchanged(async () => {
      for (const [id, name] of references) {
        const operation = protectedOperations.find((candidate) => candidate.id === id) as Operation;
        const identityId = id.startsWith("attach") ? own.bare : own.identityId;
        const ask = (other: string) =>
          api.call(operation, as(token), {
            path: api.pathOf(operation, { ...own, identityId }),
            body: JSON.stringify({ ...api.bodies[id], [name]: other }),
          });
        const isTenancy = name === "tenancyOcid";
        for (const other of isTenancy ? [outsideTenancy] : outside.organizationId) {
          const answer = await expectLikeNowhere(ask, other, isTenancy ? newOcid("tenancy") : nowhere);
          const message =
            /^There is no organization '|^The tenancy '.*' is not registered for this organization$/;
          expectRefusal(answer, 400, message);
        }
      }
    });
  });

  it("or introspector learns nothing of a token from elsewhere, and uses up none of it", async () => {
    const limited = await tokenOf(inVictim);
    const introspectors = [
      await usedToken(await newIdentity(team, { role: "introspector" })),
      await usedToken(await newIdentity(stranger, { role: "introspector" })),
    ];
    const ofSibling = await tokenOf(inSibling);
    watch.forget();
    await watch.unchanged(async () => {
      for (const asker of [...attackers.map(({ token }) => token), ...introspectors]) {
        for (const token of [limited, ofSibling]) {
          const { status, body } = await worker.introspect(token, {}, asker);
          expect([status, body]).toEqual([200, { active: false }]);
        }
      }
    });
    const uses = [await worker.introspect(limited), await worker.introspect(limited)];
    expect(uses.map(({ body }) => body.active)).toEqual([true, false]);
    watch.forget();
  });

  it.each([
    `${inStranger}/../${inTeam}`,
    `${inStranger}/%2e%2e/${inTeam}`,
    `${inStranger}/.%2E/${inTeam}`,
    `${inStranger}\\..\\${inTeam}`,
    `../identities/${inTeam}`,
    `${inStranger}%2f..%2f${inTeam}`,
    `${inStranger}%252f..%252f${inTeam}`,
    `${inStranger}%5c..%5c${inTeam}`,
    `${inStranger}/${inTeam}`,
    `${inStranger},${inTeam}`,
    `${inStranger};${inTeam}`,
    `${inStranger}%00${inTeam}`,
    `${inStranger}%0a${inTeam}`,
    `${inStranger}%0a`,
    `${inStranger}%00`,
    `${inStranger}%20`,
    `%20${inStranger}`,
    `${inStranger}//`,
    `${inTeam}/`,
    inTeam.toUpperCase(),
    `${inTeam.toUpperCase()}/`,
    `/${inStranger}`,
    `${inStranger}.json`,
    `%7B${inStranger}%7D`,
    `urn:uuid:${inStranger}`,
    inStranger.replaceAll("-", ""),
    inStranger.replace("-", "%E2%80%90"),
    `${inStranger.slice(0, 35)}%25`,
    "*",
    ":identityId",
    "{identityId}",
    "__proto__",
    "constructor",
    "%ff%fe",
    "%ED%A0%80",
    "%E2%80%A8",
    stranger,
    "x".repeat(300),
  ])("reaches nothing by the id %s", async (id) => {
    const headers = Object.entries(as(attackers[0]?.token ?? ""));
    await watch.unchanged(async () => {
      for (const [method, path] of [
        ["GET", `/api/v1/identities/${id}`],
        ["DELETE", `/api/v1/identities/${id}`],
        ["DELETE", `/api/v1/auth/oci-auth/identities/${id}`],
      ] as const) {
        expectRefusal(await sendRaw(worker, { method, path, headers }), 404, /not found$/s);
      }
    });
  });

  it.each(["x-http-method-override", "x-http-method", "x-method-override"])(
    "does no more with a GET or a POST by %s",
    async (name) => {
      const path = `/api/v1/identities/${inTeam}?_method=DELETE`;
      const headers = [...Object.entries(operator), [name, "DELETE"]] as [string, string][];
      await watch.unchanged(async () => {
        expect(await sendRaw(worker, { path, headers })).toMatchObject({ status: 200 });
        const answer = await sendRaw(worker, { method: "POST", path, headers });
        expectRefusal(answer, 405, "POST is not allowed here; GET, HEAD, PATCH, DELETE is");
      });
    },
  );
});
