import { env } from "cloudflare:workers";
import { Buffer } from "node:buffer";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { mint } from "../../dev/emulator/certificate.ts";
import { rootShape } from "../../dev/emulator/instance-certificates.ts";
import { InstanceRoots, type RootsQuery } from "../../src/directory/instance-roots.ts";
import { rootsBudget } from "../../src/http/rate-limit.ts";
import { type InstanceChain, parseInstanceChain } from "../../src/oci/instance-chain.ts";
import { rootsOrigin } from "../../src/oci/instance-roots-client.ts";
import { Timings } from "../../src/timings.ts";
import { type Chain, chainOf, day, type Keys, newKeys, now as start } from "../oci/instance-chains.ts";
import { newRsaKeyPair } from "../oci/key-pairs.ts";
import { newTenancyOcid, newUserOcid } from "../oci/ocids.ts";
import { accepted } from "../oci/parsed-values.ts";

let keys: Keys;
let today: Chain;
let chain: InstanceChain;
/** Of the same keys and name as today's, a second older. */
let otherRoots: Record<"expired" | "ending" | "short" | "forged" | "unrelated", string>;
const base64 = (der: Uint8Array) => Buffer.from(der).toString("base64");
const read = ({ leaf, intermediate }: Chain) => accepted(parseInstanceChain([leaf, intermediate]));

beforeAll(async () => {
  keys = await newKeys();
  today = await chainOf(keys);
  chain = read(today);
  const rootOf = async (about: object, by = keys.root) => {
    const shape = await rootShape("us-phoenix-1", by, new Date(start - 365 * day));
    return base64((await mint({ ...shape, ...about })).der);
  };
  const forged = Buffer.from(await rootOf({}), "base64");
  forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
  otherRoots = {
    ending: await rootOf({ notAfter: new Date(start + 600_000) }),
    expired: await rootOf({ notAfter: new Date(start - day) }),
    short: await rootOf({}, keys.short),
    forged: base64(forged),
    unrelated: await rootOf({}, keys.long),
  };
}, 120_000);

const credential = {
  keyId: { tenancyOcid: newTenancyOcid(), userOcid: newUserOcid(), fingerprint: "0f" },
  pkcs8: newRsaKeyPair().pkcs8,
};
const proved = async () => {};

let background: Promise<unknown>[];
let fetched: ReturnType<typeof vi.spyOn<typeof globalThis, "fetch">>;
let answer: () => Promise<Response>;
const budget = vi.fn(async (_query: RootsQuery, _cacheIsReadable: boolean) => true);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: start });
  background = [];
  budget.mockClear();
  answer = async () => json([root()]);
  fetched = vi.spyOn(globalThis, "fetch").mockImplementation(() => answer());
  for (const level of ["warn", "error"] as const) vi.spyOn(console, level).mockReturnValue();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const root = () => base64(today.roots[0] as Uint8Array);
const json = (certificates: unknown, more: object = {}) => Response.json({ certificates, ...more });
const wait = (seconds: number) => void vi.setSystemTime(Date.now() + seconds * 1000);

/** A region that no other test has: the cache is the isolate's. */
let regions = 0;
function newRegion(): RootsQuery {
  regions += 1;
  const letters = [...String(regions)].map((digit) => String.fromCharCode(97 + Number(digit))).join("");
  return { tenancyOcid: newTenancyOcid(), region: `us-${letters}-1` };
}

async function resolve(query: RootsQuery, { shown = chain, kv = env.DIRECTORY, prove = proved } = {}) {
  const access = {
    kv,
    background: { waitUntil: (each: Promise<unknown>) => void background.push(each) },
    timings: new Timings(),
  };
  const roots = new InstanceRoots(access, budget);
  const cached = await roots.read(query, Date.now());
  const open = async () => ({ origin: rootsOrigin(query.tenancyOcid, query.region), credential });
  const resolution = await roots.resolve(query, shown, cached, prove, open, Date.now());
  await Promise.all(background);
  return resolution.kind === "found" ? resolution.source : resolution.kind;
}

const calls = () => fetched.mock.calls.map(([url]) => String(url));

describe("a region's roots", () => {
  it("are fetched from its realm's host with a signature, once, and then cached", async () => {
    const query = newRegion();
    expect(await resolve(query)).toBe("oci");
    expect(await resolve(query)).toBe("cache");
    wait(11);
    expect(await resolve(query)).toBe("cache");
    expect(calls()).toEqual([
      `https://auth.${query.region}.oraclecloud.com/v1/instancePrincipalRootCACertificates`,
    ]);
    const [, init] = fetched.mock.calls[0] ?? [];
    expect(init).toMatchObject({ redirect: "manual", headers: { authorization: /^Signature / } });
  });

  it.each([
    ["oc4", "oraclegovcloud.uk"],
    ["oc19", "oraclecloud.eu"],
  ])("of realm %s are at auth.{region}.%s", async (realm, domain) => {
    expect(rootsOrigin(newTenancyOcid(realm), "xx-abc-1")).toBe(`https://auth.xx-abc-1.${domain}`);
  });

  it("are shared by the tenancies of the realm, and by no other realm", async () => {
    const query = newRegion();
    expect(await resolve(query)).toBe("oci");
    expect(await resolve({ ...query, tenancyOcid: newTenancyOcid() })).toBe("cache");
    expect(await resolve({ ...query, tenancyOcid: newTenancyOcid("oc2") })).toBe("oci");
    expect(calls()[1]).toContain("oraclegovcloud.com");
  });

  it("are fetched by one call for many logins at a time", async () => {
    const query = newRegion();
    const all = await Promise.all(Array.from({ length: 20 }, () => resolve(query)));
    expect([new Set(all), calls().length]).toEqual([new Set(["oci"]), 1]);
  });

  it.each([
    ["JSON of base64", async () => json([root()])],
    [
      "JSON of PEM",
      async () => json([`-----BEGIN CERTIFICATE-----\n${root()}\n-----END CERTIFICATE-----\n`]),
    ],
    ["PEM", async () => new Response(`-----BEGIN CERTIFICATE-----\n${root()}\n-----END CERTIFICATE-----\n`)],
    [
      "several, of which others cannot be used",
      async () => json(["AAAA", otherRoots.short, otherRoots.forged, root()]),
    ],
    ["several of one name", async () => json([otherRoots.unrelated, root()])],
  ])("are understood as %s", async (_, says) => {
    answer = says;
    expect(await resolve(newRegion())).toBe("oci");
  });

  it.each<[string, () => Promise<Response>]>([
    ["401", async () => Response.json({ code: "NotAuthenticated", message: "no" }, { status: 401 })],
    ["403", async () => new Response("", { status: 403 })],
    ["404", async () => Response.json({ code: "NotFound", message: "no" }, { status: 404 })],
    ["429", async () => new Response("", { status: 429 })],
    ["500", async () => new Response("oops", { status: 500 })],
    ["503", async () => new Response("", { status: 503 })],
    [
      "a redirect",
      async () => new Response("", { status: 302, headers: { location: "https://example.com" } }),
    ],
    ["no connection", () => Promise.reject(new TypeError("no connection"))],
    ["nothing", async () => new Response("")],
    ["more than 128 KB", async () => json(Array(100).fill("A".repeat(2000)))],
    ["garbage", async () => new Response("<html>")],
    ["no list", async () => Response.json({ certificates: {} })],
    ["an empty list", async () => json([])],
    ["a root of 1024 bits", async () => json([otherRoots.short])],
    ["a root that did not sign itself", async () => json([otherRoots.forged])],
    ["a leaf", async () => json([base64(today.leaf)])],
    ["the intermediate itself", async () => json([base64(today.intermediate)])],
  ])("vouch for nobody where OCI answers with %s", async (_, says) => {
    answer = says;
    expect(await resolve(newRegion())).toBe("unavailable");
    expect(calls()).toHaveLength(1);
  });

  it.each<[string, () => Promise<Response>]>([
    ["a root that has expired", async () => json([otherRoots.expired])],
    ["a root of the same name and another key", async () => json([otherRoots.unrelated])],
  ])("do not vouch for a chain by %s", async (_, says) => {
    answer = says;
    expect(await resolve(newRegion())).toBe("unknown");
  });

  it("do not vouch for a leaf that the intermediate did not sign", async () => {
    const mixed = read(
      await chainOf(keys, {
        leaf: ({ issuer }, all) => (issuer === undefined ? {} : { issuer: { ...issuer, keys: all.long } }),
      }),
    );
    expect(await resolve(newRegion(), { shown: mixed })).toBe("unknown");
  });

  it("vouch for a chain that was verified before no longer than they are there and valid", async () => {
    const query = newRegion();
    expect(await resolve(query)).toBe("oci");
    answer = async () => json([otherRoots.unrelated]);
    wait(3600);
    // The certificate has not changed: it was remembered, and the root is gone.
    expect(await resolve(query)).toBe("unknown");
  });

  it("vouch for a chain that was verified before no longer than they are valid themselves", async () => {
    const query = newRegion();
    answer = async () => json([otherRoots.ending]);
    expect(await resolve(query)).toBe("oci");
    wait(600);
    expect(await resolve(query)).toBe("cache");
    wait(1);
    expect(await resolve(query)).toBe("unknown");
  });
});

describe("how long roots are fresh", () => {
  const at = (seconds: number) => new Date(start + seconds * 1000).toISOString();

  it.each([
    ["is what OCI says", { refreshIn: at(1800) }, 1800],
    ["is at least 5 minutes", { refreshIn: at(1) }, 300],
    ["is at least 5 minutes, though OCI's time is past", { refreshIn: at(-1e6) }, 300],
    ["is at most 24 hours", { refreshIn: at(1e6) }, 86_400],
    ["is an hour where OCI does not say", {}, 3600],
    ["is an hour where OCI says nonsense", { refreshIn: "soon" }, 3600],
  ])("%s", async (_, more, seconds) => {
    const query = newRegion();
    answer = async () => json([root()], more);
    await resolve(query);
    wait(seconds - 1);
    expect(await resolve(query)).toBe("cache");
    wait(1);
    expect(await resolve(query)).toBe("oci");
  });

  it("is followed by 24 hours in which they answer while OCI does not", async () => {
    const query = newRegion();
    await resolve(query);
    answer = async () => new Response("", { status: 503 });
    wait(3600);
    expect(await resolve(query)).toBe("stale");
    wait(86_399);
    expect(await resolve(query)).toBe("stale");
    wait(1);
    expect(await resolve(query)).toBe("unavailable");
  });

  it("is over for nobody who has not proved to hold the certificate: they make no call", async () => {
    const query = newRegion();
    await resolve(query);
    wait(3600);
    const fault = new Error("not the key's");
    await expect(resolve(query, { prove: () => Promise.reject(fault) })).rejects.toBe(fault);
    expect(calls()).toHaveLength(1);
  });
});

describe("a chain that no fresh root vouches for", () => {
  it("has the roots fetched again, once in 30 s for a region", async () => {
    const query = newRegion();
    answer = async () => json([otherRoots.unrelated]);
    expect(await resolve(query)).toBe("unknown");
    wait(29);
    expect(await resolve(query)).toBe("unknown");
    expect(calls()).toHaveLength(1);
    wait(1);
    // The roots were rotated, with the old one still there.
    answer = async () => json([otherRoots.unrelated, root()]);
    expect(await resolve(query)).toBe("oci");
    expect(calls()).toHaveLength(2);
  });

  it("is refused while OCI does not answer, with one call in 30 s for each tenancy", async () => {
    const query = newRegion();
    answer = async () => json([otherRoots.unrelated]);
    await resolve(query);
    wait(30);
    answer = async () => new Response("", { status: 503 });
    const other = { ...query, tenancyOcid: newTenancyOcid() };
    expect(await resolve(query)).toBe("unavailable");
    expect(await resolve(query)).toBe("unavailable");
    expect(calls()).toHaveLength(2);
    expect(await resolve(other)).toBe("unavailable");
    expect(calls()).toHaveLength(3);
  });
});

describe("the budget", () => {
  it("is asked for a region without an entry, and not for one that has it", async () => {
    const query = newRegion();
    await resolve(query);
    await resolve(query);
    expect(budget.mock.calls).toEqual([[query, true]]);
  });

  it("that is used up has nothing fetched", async () => {
    budget.mockResolvedValueOnce(false);
    expect(await resolve(newRegion())).toBe("over-budget");
    expect(calls()).toEqual([]);
  });

  it("is one for all regions of a tenancy that anyone can have made up, and another for each that is known", async () => {
    const counted: string[] = [];
    const limit = { limit: async ({ key }: { key: string }) => ({ success: counted.push(key) > 0 }) };
    const own = rootsBudget(
      { ...env, ADDRESS_QUESTIONS: limit, TENANCY_QUESTIONS: limit } as never,
      "192.0.2.1",
    );
    const tenancyOcid = newTenancyOcid();
    for (const region of ["us-phoenix-1", "us-abc-1", "us-abd-1"]) await own({ tenancyOcid, region }, true);
    expect(counted).toEqual([
      `${tenancyOcid}/us-phoenix-1 192.0.2.1`,
      `${tenancyOcid}/us-phoenix-1`,
      `${tenancyOcid}/other regions 192.0.2.1`,
      `${tenancyOcid}/other regions`,
      `${tenancyOcid}/other regions 192.0.2.1`,
      `${tenancyOcid}/other regions`,
    ]);
  });
});

it("roots are fetched while KV cannot be read, and answer from the isolate's memory after that", async () => {
  const query = newRegion();
  const kv = {
    get: () => Promise.reject(new Error("KV is down")),
    put: () => Promise.reject(new Error("KV is down")),
  } as unknown as KVNamespace;
  expect(await resolve(query, { kv })).toBe("oci");
  expect(await resolve(query, { kv })).toBe("cache");
  wait(20);
  expect(await resolve(query, { kv })).toBe("cache");
  expect(calls()).toHaveLength(1);
});

it.each([
  ["of another region", (entry: object) => ({ ...entry, region: "us-ashburn-1" })],
  ["of another realm", (entry: object) => ({ ...entry, realm: "oc2" })],
  ["of another version", (entry: object) => ({ ...entry, version: 2 })],
  ["without roots", (entry: object) => ({ ...entry, roots: [] })],
  ["from a future", (entry: object) => ({ ...entry, fetchedAt: start + 61_000 })],
])("an entry %s counts as absent", async (_, altered) => {
  const query = newRegion();
  const entry = {
    ...{ version: 1, realm: "oc1", region: query.region, roots: [root()] },
    ...{ fetchedAt: start, freshUntil: start + 3_600_000 },
  };
  const id = `instance-roots/oc1/${query.region}`;
  await env.DIRECTORY.put(id, JSON.stringify(altered(entry)));
  expect(await resolve(query)).toBe("oci");

  const other = newRegion();
  await env.DIRECTORY.put(
    `instance-roots/oc1/${other.region}`,
    JSON.stringify({ ...entry, region: other.region }),
  );
  expect(await resolve(other)).toBe("cache");
});
