/** What calls of this Worker's own API cost, and whom they count for; each limit is a small one, whose window does not end. */
import { createExecutionContext } from "cloudflare:test";
import { env as bindings } from "cloudflare:workers";
import { generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { app } from "../../src/app.ts";
import { configOf, type Env } from "../../src/env.ts";
import { issueToken } from "../../src/tokens/issue.ts";
import { migrateDatabases } from "../databases.ts";
import { newTenancyOcid, newUserOcid } from "../oci/ocids.ts";

const tenancyOcid = newTenancyOcid();
const organizationId = crypto.randomUUID();
const anywhere = JSON.stringify([{ ipAddress: "0.0.0.0", type: "ipv4", prefix: 0 }]);
const time = "2026-11-24T03:04:57.000Z";

/** Calls of D1 and of ledgers since the last {@link beforeEach}. */
let calls: string[];
let env: Env;

function limitOf(limit: number): RateLimit {
  const counts = new Map<string, number>();
  return {
    limit: async ({ key }) => {
      counts.set(key, (counts.get(key) ?? 0) + 1);
      return { success: (counts.get(key) ?? 0) <= limit };
    },
  };
}

/** Tells {@link calls} of each call of a method that is named. */
function watched<T extends object>(target: T, what: string, method: string): T {
  return new Proxy(target, {
    get(_, name) {
      const value = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        if (name === method) calls.push(what);
        const result: unknown = value.apply(target, args);
        return name === "withSession" ? watched(result as object, what, method) : result;
      };
    },
  });
}

beforeAll(async () => {
  for (const level of ["info", "warn", "error"] as const) vi.spyOn(console, level).mockReturnValue();
  await migrateDatabases();
  const insert = (table: string, row: Record<string, unknown>) =>
    bindings.DB.prepare(
      `INSERT INTO ${table} (${Object.keys(row)}, created_at, updated_at) VALUES (${Object.keys(row).map(() => "?")}, ?, ?)`,
    )
      .bind(...Object.values(row), time, time)
      .run();
  const organization = { id: organizationId, root_id: organizationId, name: "Acme", slug: "acme" };
  await insert("organizations", organization);
  const credential = { user_ocid: newUserOcid(), fingerprint: "x", encrypted_private_key: "x" };
  await insert("oci_tenancies", { tenancy_ocid: tenancyOcid, region: "us-ashburn-1", ...credential });
  await bindings.DB.prepare("INSERT INTO oci_tenancy_organizations VALUES (?, ?)")
    .bind(tenancyOcid, organizationId)
    .run();
  newIdentity = async (role) => {
    const id = crypto.randomUUID();
    await insert("identities", { id, name: "ops", organization_id: organizationId, role });
    await insert("oci_auth_configs", {
      ...{ id, identity_id: id, tenancy_ocid: tenancyOcid, root_organization_id: organizationId },
      ...{ access_token_ttl: 600, access_token_max_ttl: 600, access_token_period: 0 },
      ...{ access_token_num_uses_limit: 0, access_token_trusted_ips: anywhere, signature_reuse: "allow" },
    });
    return id;
  };
});
let newIdentity: (role: "admin" | "member") => Promise<string>;

beforeEach(() => {
  calls = [];
  env = {
    ...(bindings as unknown as Env),
    DB: watched(bindings.DB, "D1", "prepare") as D1Database,
    LEDGER: watched(bindings.LEDGER, "ledger", "getByName") as Env["LEDGER"],
    FAILED_AUTHENTICATIONS: limitOf(3),
    IDENTITY_CALLS: limitOf(3),
  };
});

/** As a login gives one, to an identity of that role. */
async function tokenOf(identityId: string, role: "admin" | "member" = "admin"): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const policy = { accessTokenTTL: 600, accessTokenMaxTTL: 600, accessTokenPeriod: 0 };
  const login = {
    tokenId: crypto.randomUUID(),
    loggedInAt: now,
    identity: { id: identityId, name: "ops", role, tokenGeneration: 0 },
    organization: { id: organizationId, rootId: organizationId, parentId: null },
    policy: { ...policy, accessTokenNumUsesLimit: 0, accessTokenAudience: null },
    proven: {
      authMethod: "oci-auth" as const,
      oci: { tenancyOcid, userOcid: newUserOcid(), username: "alice", fingerprint: "x" },
    },
  };
  return (await issueToken((await configOf(env)).tokens, login, now)).accessToken;
}

async function forged(token: string, claims: JWTPayload = {}): Promise<string> {
  const [header = "", payload = ""] = token.split(".");
  const decoded = (part: string) =>
    JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(part, { alphabet: "base64url" })));
  return new SignJWT({ ...decoded(payload), ...claims })
    .setProtectedHeader(decoded(header))
    .sign((await generateKeyPair("ES256")).privateKey);
}

async function statusOf(bearer: string, ip = "192.0.2.1", path = "/api/v1/organizations"): Promise<number> {
  const headers = { authorization: `Bearer ${bearer}`, "cf-connecting-ip": ip };
  const form =
    path === "/oauth2/introspect" ? { method: "POST", body: new URLSearchParams({ token: "x" }) } : {};
  const request = new Request(`https://auth.example.com${path}`, { headers, ...form });
  return (await app.fetch(request, env, createExecutionContext())).status;
}

async function statusesOf(count: number, bearer: string, ip?: string, path?: string): Promise<number[]> {
  const statuses: number[] = [];
  for (let call = 0; call < count; call++) statuses.push(await statusOf(bearer, ip, path));
  return statuses;
}

const adminToken = () => bindings.ADMIN_TOKEN ?? "";

describe("an identity's calls", () => {
  it("are limited wherever they come from, introspection with them, and no other identity's nor ADMIN_TOKEN's", async () => {
    const busy = await tokenOf(await newIdentity("admin"));
    expect([
      ...(await statusesOf(2, busy)),
      ...(await statusesOf(1, busy, "192.0.2.2", "/oauth2/introspect")),
    ]).toEqual([200, 200, 200]);
    calls = [];
    expect(await statusesOf(2, busy, "192.0.2.3")).toEqual([429, 429]);
    expect(await statusesOf(1, busy, "192.0.2.3", "/oauth2/introspect")).toEqual([429]);
    expect(calls).toEqual([]);
    expect(await statusOf(await tokenOf(await newIdentity("admin")))).toBe(200);
    expect(await statusesOf(5, adminToken())).toEqual([200, 200, 200, 200, 200]);
  });

  it("are counted for all of its tokens together", async () => {
    const identityId = await newIdentity("admin");
    const statuses: number[] = [];
    for (let login = 0; login < 4; login++) statuses.push(await statusOf(await tokenOf(identityId)));
    expect(statuses).toEqual([200, 200, 200, 429]);
  });

  it("beyond the limit are no failed authentications", async () => {
    const busy = await tokenOf(await newIdentity("admin"));
    expect(await statusesOf(10, busy)).toEqual([200, 200, 200, ...Array(7).fill(429)]);
    expect(await statusesOf(4, "guess")).toEqual([401, 401, 401, 429]);
  });

  it("are used up neither by forged tokens nor by its tokens for other services", async () => {
    const identityId = await newIdentity("admin");
    const right = await tokenOf(identityId);
    const ofService = await tokenOf(identityId, "member");
    for (const bearer of [await forged(right), ofService]) {
      for (let call = 0; call < 5; call++) await statusOf(bearer);
    }
    expect(await statusOf(right)).toBe(200);
  });
});

describe("a bearer that is no token of this Worker's own API", () => {
  it("is refused without a query of D1, a call of a ledger, or more than one verification", async () => {
    env.FAILED_AUTHENTICATIONS = limitOf(100);
    const right = await tokenOf(await newIdentity("admin"));
    const [header, payload, signature] = right.split(".");
    const verify = vi.spyOn(crypto.subtle, "verify");
    for (const [what, bearer, status, verifications] of [
      ["a word", "guess", 401, 0],
      ["two parts", `${header}.${payload}`, 401, 0],
      ["four parts", `${right}.${signature}`, 401, 0],
      ["other characters", `${header}.${payload}.${signature}=`, 401, 0],
      ["no signature", `${header}.${payload}.`, 401, 0],
      ["a header that is none", `x.${payload}.${signature}`, 401, 0],
      ["a changed payload", `${header}.${payload}AA.${signature}`, 401, 1],
      ["another key's signature", await forged(right), 401, 1],
      ["for other services", await tokenOf(await newIdentity("member"), "member"), 403, 1],
    ] as const) {
      calls = [];
      verify.mockClear();
      expect([what, await statusOf(bearer)]).toEqual([what, status]);
      expect([what, calls, verify.mock.calls.length]).toEqual([what, [], verifications]);
    }
    calls = [];
    expect(await statusOf(right)).toBe(200);
    expect(new Set(calls)).toEqual(new Set(["D1", "ledger"]));
    verify.mockRestore();
  });

  it("counts as a failed authentication, which refuses no right one from the same address", async () => {
    const right = await tokenOf(await newIdentity("admin"));
    expect(await statusesOf(4, "guess")).toEqual([401, 401, 401, 429]);
    expect(await statusOf(await forged(right))).toBe(429);
    expect(calls).toEqual([]);
    expect([await statusOf(right), await statusOf(adminToken())]).toEqual([200, 200]);
    expect(await statusOf("guess", "192.0.2.9")).toBe(401);
  });
});
