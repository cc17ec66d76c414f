import { env as bindings } from "cloudflare:workers";
import { Buffer } from "node:buffer";
import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { configOf, type Env, Misconfigured } from "../src/env.ts";
import { testSecrets } from "./secrets.ts";

const secrets = testSecrets();
const issuer = "https://auth.example.com";

const rateLimits = [
  "REFUSAL_EVENTS",
  "STRANGER_EVENTS",
  "LOGINS",
  "TOKEN_REQUESTS",
  "FAILED_AUTHENTICATIONS",
  "IDENTITY_CALLS",
  "ADDRESS_QUESTIONS",
  "TENANCY_QUESTIONS",
] as const;
const bindingNames = ["DB", "AUDIT_DB", "DIRECTORY", "LEDGER", ...rateLimits] as const;

function envWith(changed: Record<string, unknown> = {}): Env {
  const bound = Object.fromEntries(bindingNames.map((name) => [name, bindings[name]]));
  return { ...bound, ISSUER_URL: issuer, ...secrets, ...changed } as unknown as Env;
}

async function problemWith(changed: Record<string, unknown>): Promise<string> {
  const error = await configOf(envWith(changed)).then(
    () => expect.unreachable("the configuration was taken"),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Misconfigured);
  return (error as Misconfigured).message;
}

describe("a complete configuration", () => {
  it("has defaults for what may be left out", async () => {
    expect(await configOf(envWith())).toMatchObject({
      adminToken: secrets.ADMIN_TOKEN,
      tokens: {
        issuer,
        defaultAudience: "api",
        maxTokenTtlSeconds: 3600,
        signingKeys: [{ alg: "ES256" }],
      },
      oci: { ociIdentityOrigin: undefined, ociAuthOrigin: undefined, encryptionKeys: { first: "one" } },
      directory: { directoryTtlSeconds: 300, directoryStaleSeconds: 3600 },
      auditRetentionDays: 90,
    });
  });

  it("takes what is set", async () => {
    const set = {
      TOKEN_AUDIENCE: "https://vault.example.com",
      MAX_TOKEN_TTL_SECONDS: "86400",
      DIRECTORY_TTL_SECONDS: "0",
      DIRECTORY_STALE_SECONDS: "0",
      AUDIT_RETENTION_DAYS: "1",
      OCI_IDENTITY_ORIGIN: "http://127.0.0.1:8788",
      OCI_AUTH_ORIGIN: "http://127.0.0.1:8788/{region}",
    };
    expect(await configOf(envWith(set))).toMatchObject({
      tokens: { defaultAudience: "https://vault.example.com", maxTokenTtlSeconds: 86_400 },
      oci: {
        ociIdentityOrigin: "http://127.0.0.1:8788",
        ociAuthOrigin: "http://127.0.0.1:8788/{region}",
      },
      directory: { directoryTtlSeconds: 0, directoryStaleSeconds: 0 },
      auditRetentionDays: 1,
    });
  });

  it("is checked once for an isolate", async () => {
    const env = envWith();
    expect(await configOf(env)).toBe(await configOf(env));
  });

  it.each([
    "https://auth.example.com",
    "https://auth.example.com:8443",
    "https://127.0.0.1:8787",
    "http://127.0.0.1:8787",
    "http://localhost:8787",
    "http://[::1]:8787",
  ])("may have the issuer %s", async (ISSUER_URL) => {
    expect((await configOf(envWith({ ISSUER_URL }))).tokens.issuer).toBe(ISSUER_URL);
  });

  it.each(["http://127.0.0.1:8788", "http://localhost:8788", "http://[::1]:8788", "https://localhost"])(
    "may have OCI's stand-in at %s",
    async (OCI_IDENTITY_ORIGIN) => {
      expect((await configOf(envWith({ OCI_IDENTITY_ORIGIN }))).oci.ociIdentityOrigin).toBe(
        OCI_IDENTITY_ORIGIN,
      );
    },
  );

  it.each([
    "http://127.0.0.1:8788/{region}",
    "http://localhost:8788/{region}",
    "http://[::1]:8788/{region}",
    "https://localhost/oci-auth/{region}/roots",
  ])("may have a stand-in for where roots of instances are at %s", async (OCI_AUTH_ORIGIN) => {
    expect((await configOf(envWith({ OCI_AUTH_ORIGIN }))).oci.ociAuthOrigin).toBe(OCI_AUTH_ORIGIN);
  });
});

describe("a configuration that lacks something names it and says how to make it", () => {
  it.each([
    ["DB", "the binding of a D1 database is missing from wrangler.toml"],
    ["AUDIT_DB", "the binding of a D1 database is missing from wrangler.toml"],
    ["DIRECTORY", "the binding of a KV namespace is missing from wrangler.toml"],
    ["LEDGER", "the binding of the Durable Object Ledger is missing from wrangler.toml"],
    ...rateLimits.map((name) => [name, "the binding of a rate limit is missing from wrangler.toml"]),
    ["ADMIN_TOKEN", "is missing; make one with `oci-auth secrets new`"],
    ["TOKEN_SIGNING_KEYS", "is missing; make one with `oci-auth secrets new`"],
    ["ENCRYPTION_KEYS", "is missing; make one with `oci-auth secrets new`"],
    ["ISSUER_URL", "is missing; set it in the vars of the environment in wrangler.toml"],
  ])("%s", async (name, problem) => {
    expect(await problemWith({ [name]: undefined })).toMatch(new RegExp(`^${name}: `));
    expect(await problemWith({ [name]: undefined })).toContain(problem);
  });

  it("all at once, where several are missing", async () => {
    const names = [
      ...bindingNames,
      ...["ADMIN_TOKEN", "TOKEN_SIGNING_KEYS", "ENCRYPTION_KEYS", "ISSUER_URL"],
    ];
    const problem = await problemWith(Object.fromEntries(names.map((name) => [name, undefined])));
    expect(
      problem.split("; ").flatMap((part) => names.filter((name) => part.startsWith(`${name}:`))),
    ).toEqual(names);
  });

  it.each(bindingNames)("%s, where a variable has the binding's name", async (name) => {
    expect(await problemWith({ [name]: "text" })).toContain(`${name}: the binding`);
  });
});

describe("a malformed variable is named", () => {
  const cases: Record<string, string[]> = {
    ISSUER_URL: [
      "",
      "auth.example.com",
      "https://",
      "https://auth.example.com/",
      "https://auth.example.com/issuer",
      "https://auth.example.com?a",
      "https://auth.example.com#a",
      "https://auth.example.com:443",
      "https://user@auth.example.com",
      "https://Auth.example.com",
      " https://auth.example.com",
      "https://auth.example.com\n",
      "http://auth.example.com",
      "http://127.0.0.1.evil.com",
      "http://localhost.evil.com",
      "ftp://localhost",
      "ws://localhost",
      "null",
      "javascript:alert(1)",
    ],
    OCI_IDENTITY_ORIGIN: [
      "",
      "127.0.0.1:8788",
      "https://identity.us-ashburn-1.oci.oraclecloud.com",
      "https://identity.example.com",
      "http://127.0.0.1.evil.com",
      "http://localhost.evil.com",
      "http://localhost@evil.com",
      "http://localhost:8788@evil.com",
      "http://evil.com#localhost",
      "http://evil.com/localhost",
      "http://evil.com?localhost",
      "http://evil.com\\@localhost",
      "http://127.0.0.1:8788/",
      "http://127.0.0.1:8788/20160918",
      "http://127.0.0.2:8788",
      "http://0.0.0.0:8788",
      "http://10.0.0.1:8788",
      "http://169.254.169.254",
      "http://[::ffff:127.0.0.1]:8788",
      "http://user@127.0.0.1:8788",
      "http://LOCALHOST:8788",
      "http://localhost.:8788",
      "http://localhost:8788\n",
      "null",
    ],
    OCI_AUTH_ORIGIN: [
      "",
      "{region}",
      "/{region}",
      "127.0.0.1:8788/{region}",
      "http://127.0.0.1:8788",
      "http://127.0.0.1:8788/",
      "http://127.0.0.1:8788/region",
      "http://127.0.0.1:8788/{realm}",
      "http://127.0.0.1:8788/{region}/",
      "http://127.0.0.1:8788//{region}",
      "http://127.0.0.1:8788/{region}/{region}",
      "http://127.0.0.1:8788/../{region}",
      "http://127.0.0.1:8788/roots-of-{region}",
      "http://127.0.0.1:8788?{region}",
      "http://127.0.0.1:8788/?/{region}",
      "http://127.0.0.1:8788/#/{region}",
      "http://127.0.0.1:8788/{region}?",
      "http://127.0.0.1:8788/{region}\n",
      "http://127.0.0.1:{region}",
      "http://{region}.localhost",
      "https://auth.{region}.oraclecloud.com",
      "https://auth.us-ashburn-1.oraclecloud.com/{region}",
      "http://127.0.0.1.evil.com/{region}",
      "http://localhost@evil.com/{region}",
      "http://user@127.0.0.1:8788/{region}",
      "http://evil.com/localhost/{region}",
      "http://evil.com#localhost/{region}",
      "http://evil.com\\@localhost/{region}",
      "http://evil.com/http://127.0.0.1:8788/{region}",
      "http://127.0.0.2:8788/{region}",
      "http://0.0.0.0:8788/{region}",
      "http://169.254.169.254/{region}",
      "http://[::ffff:127.0.0.1]:8788/{region}",
      "http://LOCALHOST:8788/{region}",
    ],
    TOKEN_AUDIENCE: ["", issuer, "a".repeat(256)],
    MAX_TOKEN_TTL_SECONDS: [
      "",
      "0",
      "-1",
      "1.5",
      "1e3",
      "0x10",
      "3600s",
      " 3600",
      "3600\n",
      "1234567890",
      "never",
    ],
    DIRECTORY_TTL_SECONDS: ["", "-1", "0.5", "5m", "never"],
    DIRECTORY_STALE_SECONDS: ["", "-1", "0.5", "1h", "never"],
    // 0 would purge each event with the next run.
    AUDIT_RETENTION_DAYS: ["", "0", "-1", "0.5", "90d", "never"],
  };
  describe.each(Object.entries(cases))("%s", (name, values) => {
    it.each(values)("%j", async (value) => {
      expect(await problemWith({ [name]: value })).toMatch(new RegExp(`^${name}: .`));
    });
  });

  it("TOKEN_AUDIENCE as the issuer, whose tokens this Worker's own API accepts", async () => {
    expect(await problemWith({ TOKEN_AUDIENCE: issuer })).toContain("may not be the issuer");
  });
});

describe("a malformed secret is named, with how to make one and without a word of it", () => {
  const [signingJwk] = JSON.parse(secrets.TOKEN_SIGNING_KEYS).keys;
  const [encryptionJwk] = JSON.parse(secrets.ENCRYPTION_KEYS).keys;
  const otherSigningJwk = JSON.parse(testSecrets().TOKEN_SIGNING_KEYS).keys[0];
  const shortRsa = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey.export({ format: "jwk" });
  const set = (...keys: unknown[]) => JSON.stringify({ keys });
  const bytes = (length: number) => Buffer.alloc(length, 7).toString("base64url");

  const cases: [string, string, string][] = [
    ["ADMIN_TOKEN", "of 31 bytes", "correct-horse-battery-staple-31"],
    ["ADMIN_TOKEN", "that is empty", ""],
    ["TOKEN_SIGNING_KEYS", "that is no JSON", `${secrets.TOKEN_SIGNING_KEYS}}`],
    ["TOKEN_SIGNING_KEYS", "that is cut short", secrets.TOKEN_SIGNING_KEYS.slice(0, -1)],
    ["TOKEN_SIGNING_KEYS", "that is a bare key", JSON.stringify(signingJwk)],
    ["TOKEN_SIGNING_KEYS", "that is a list", JSON.stringify([signingJwk])],
    ["TOKEN_SIGNING_KEYS", "that is JSON text", JSON.stringify(secrets.TOKEN_SIGNING_KEYS)],
    ["TOKEN_SIGNING_KEYS", "without a key", set()],
    ["TOKEN_SIGNING_KEYS", "without a private half", set({ ...signingJwk, d: undefined })],
    ["TOKEN_SIGNING_KEYS", "with another key's private half", set({ ...signingJwk, d: otherSigningJwk.d })],
    [
      "TOKEN_SIGNING_KEYS",
      "with a private half that is no number",
      set({ ...signingJwk, d: { d: signingJwk.d } }),
    ],
    [
      "TOKEN_SIGNING_KEYS",
      "with a private half that is cut short",
      set({ ...signingJwk, d: signingJwk.d.slice(5) }),
    ],
    ["TOKEN_SIGNING_KEYS", "with a secret for a type", set({ ...signingJwk, kty: signingJwk.d })],
    ["TOKEN_SIGNING_KEYS", "with a secret for an algorithm", set({ ...signingJwk, alg: signingJwk.d })],
    ["TOKEN_SIGNING_KEYS", "with a secret for a name", JSON.stringify({ [signingJwk.d]: [signingJwk] })],
    ["TOKEN_SIGNING_KEYS", "with a bad second key", set(signingJwk, { ...otherSigningJwk, crv: "P-384" })],
    ["TOKEN_SIGNING_KEYS", "with an RSA key of 1024 bits", set(shortRsa)],
    ["TOKEN_SIGNING_KEYS", "with an encryption key", secrets.ENCRYPTION_KEYS],
    ["ENCRYPTION_KEYS", "that is no JSON", encryptionJwk.k],
    ["ENCRYPTION_KEYS", "without a key", set()],
    ["ENCRYPTION_KEYS", "with a key of 128 bits", set({ ...encryptionJwk, k: bytes(16) })],
    ["ENCRYPTION_KEYS", "with a key without an id", set({ ...encryptionJwk, kid: undefined })],
    ["ENCRYPTION_KEYS", "with two keys of one id", set(encryptionJwk, { ...encryptionJwk, k: bytes(32) })],
    ["ENCRYPTION_KEYS", "with a signing key", secrets.TOKEN_SIGNING_KEYS],
  ];

  /** Every text in a secret that is long enough to be one. */
  const confidential = (value: string) => value.match(/[A-Za-z0-9_-]{20,}/g) ?? [];

  it.each(cases)("%s %s", async (name, _, value) => {
    const problem = await problemWith({ [name]: value });
    expect(problem).toMatch(new RegExp(`^${name}: .*; make one with \`oci-auth secrets new\``));
    for (const text of [...confidential(value), ...Object.values(secrets).flatMap(confidential)]) {
      expect(problem).not.toContain(text);
    }
  });
});
