/** The examples of docs/verify.md, each as it stands there, with the tokens of a running Worker. */
import { createPrivateKey, createPublicKey, type JsonWebKey, sign } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeJwt, decodeProtectedHeader, generateKeyPair, importJWK, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { freePort } from "../../dev/free-port.ts";
import { bin, readExamples, writeExamples } from "./examples.ts";
import { answers, endAll, start, until } from "./processes.ts";
import { servicesOf } from "./services.ts";
import { startWorker } from "./worker.ts";

const folder = mkdtempSync(join(tmpdir(), "oci-auth-verify-"));
const services = servicesOf(folder);

afterAll(() => {
  endAll();
  rmSync(folder, { recursive: true, force: true });
});

/** The services that run, by the example's name. */
const urls = new Map<string, string>();

const ask = async (name: string, authorization?: string) => {
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  const response = await fetch(urls.get(name) ?? "", { headers });
  return { status: response.status, text: await response.text() };
};

let worker: Awaited<ReturnType<typeof startWorker>>;
let identityId: string;
let good: string;
/** What each service must refuse, by what is wrong with it. */
const bad: Record<string, string> = {};

beforeAll(async () => {
  writeExamples(folder);
  worker = await startWorker(join(folder, "state"));
  const short = await worker.logIn({ accessTokenTTL: 1 });
  const login = await worker.logIn();
  identityId = login.identityId;
  good = login.token;

  const claims = decodeJwt(good);
  const header = { ...decodeProtectedHeader(good), alg: "ES256" };
  const [, payload = "", signature = ""] = good.split(".");
  const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = async (key: Parameters<SignJWT["sign"]>[0], more: { kid?: string; iss?: string } = {}) => {
    const { kid = header.kid ?? "", ...changed } = more;
    return new SignJWT({ ...claims, ...changed }).setProtectedHeader({ ...header, kid }).sign(key);
  };
  const { privateKey: foreignKey } = await generateKeyPair("ES256");
  const ownKey = await importJWK(worker.signingKey, "ES256");
  const ownJwk = { key: worker.signingKey as JsonWebKey, format: "jwk" } as const;
  const publicKey = createPublicKey(ownJwk);
  const pem = publicKey.export({ type: "spki", format: "pem" }).toString();

  const disguised = `${encoded({ ...header, alg: "RS256" })}.${payload}`;
  const signES256 = (input: string) =>
    sign("sha256", Buffer.from(input), {
      key: createPrivateKey(ownJwk),
      dsaEncoding: "ieee-p1363",
    }).toString("base64url");

  Object.assign(bad, {
    "for another audience": (await worker.logIn({ accessTokenAudience: "billing" })).token,
    expired: short.token,
    "of another issuer, with a key of its own": await signed(foreignKey, {
      kid: "unknown",
      iss: "https://other.example.com",
    }),
    "signed by another key under the issuer's kid": await signed(foreignKey),
    "signed by another key, which no one published": await signed(foreignKey, { kid: "unknown" }),
    "signed by the issuer's key in another issuer's name": await signed(ownKey, {
      iss: "https://other.example.com",
    }),
    "with a claim changed": good.replace(payload, encoded({ ...claims, sub: "someone-else" })),
    "with alg none": `${encoded({ ...header, alg: "none" })}.${payload}.`,
    "with alg none and a signature": `${encoded({ ...header, alg: "none" })}.${payload}.${signature}`,
    "signed with the public key as an HS256 secret": await new SignJWT(claims)
      .setProtectedHeader({ ...header, alg: "HS256" })
      .sign(new TextEncoder().encode(pem)),
    "that names another algorithm than it is signed with": `${disguised}.${signES256(disguised)}`,
    "that is no JWT": "good",
  });
  // Express's takes a token for 5 seconds after it expired, and says so.
  const expiry = (decodeJwt(short.token).exp ?? 0) + 6;
  await vi.waitUntil(() => Date.now() / 1000 > expiry, { timeout: 10_000 });
});

it("every example of the page is run", () => {
  expect([...readExamples().keys()]).toEqual(Object.keys(services));
});

it("the examples in TypeScript have no type error", async () => {
  const strict = [
    "--noEmit",
    "--strict",
    "--skipLibCheck",
    "--target",
    "es2024",
    "--moduleResolution",
    "bundler",
  ];
  for (const [types, ...names] of [
    ["node", "jose.ts", "express.ts"],
    ["@cloudflare/workers-types", "hono.ts"],
  ] as const) {
    const check = start(bin("tsc"), [...strict, "--module", "esnext", "--types", types, ...names], folder);
    expect([await check.exit, check.output()]).toEqual([0, ""]);
  }
});

describe.each(Object.entries(services))("%s", (name, run) => {
  beforeAll(async () => {
    const PORT = `${await freePort()}`;
    const url = `http://127.0.0.1:${PORT}/`;
    const service = await run({ ISSUER: worker.issuer, AUDIENCE: "api", PORT });
    await until(service, () => answers(url));
    urls.set(name, url);
  });

  it("takes a good token, and knows who it is", async () => {
    expect(await ask(name, `Bearer ${good}`)).toEqual({ status: 200, text: identityId });
  });

  it("refuses a request without a token, or with another scheme", async () => {
    expect((await ask(name)).status).toBe(401);
    // RFC 6750, section 3.1, also has 400, for a request that is malformed.
    expect([400, 401]).toContain((await ask(name, `Basic ${good}`)).status);
  });

  it("refuses every bad token, and still takes the good one", async () => {
    const statuses: Record<string, number> = {};
    for (const [what, token] of Object.entries(bad)) {
      statuses[what] = (await ask(name, `Bearer ${token}`)).status;
    }
    expect(statuses).toEqual(Object.fromEntries(Object.keys(bad).map((what) => [what, 401])));
    expect((await ask(name, `Bearer ${good}`)).status).toBe(200);
  });

  it(name === "hono.ts" ? "asks for the keys each time" : "keeps the keys", async () => {
    const before = await worker.keysAsked();
    for (let asked = 0; asked < 5; asked++) await ask(name, `Bearer ${good}`);
    expect((await worker.keysAsked()) - before).toBe(name === "hono.ts" ? 5 : 0);
  });
});
