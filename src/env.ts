/**
 * Bindings, variables and secrets, checked once for each isolate. A Worker that lacks one serves nobody: every
 * request that needs the configuration gets a 500, and the log says what is missing and how to make it.
 */
import type * as z from "zod";
import type { DirectoryLimits } from "./directory/users.ts";
import { encryptionKeySet, importEncryptionKeys } from "./keys/credential-encryption.ts";
import { importSigningKeys, signingKeySet } from "./keys/signing-keys.ts";
import type { Ledger } from "./ledger/ledger.ts";
import { malformed, type Parsed, parsed } from "./oci/parsed.ts";
import type { OciAccess } from "./tenancies/tenancy-client.ts";
import type { Issuer } from "./tokens/issue.ts";

/** The bindings as the runtime passes them, unchecked: see wrangler.toml. */
export interface Env {
  DB: D1Database;
  AUDIT_DB: D1Database;
  DIRECTORY: KVNamespace;
  LEDGER: DurableObjectNamespace<Ledger>;
  /** For `GET /openapi.json` alone, so nothing checks that it is there. */
  ASSETS: Fetcher;
  REFUSAL_EVENTS: RateLimit;
  STRANGER_EVENTS: RateLimit;
  LOGINS: RateLimit;
  TOKEN_REQUESTS: RateLimit;
  FAILED_AUTHENTICATIONS: RateLimit;
  IDENTITY_CALLS: RateLimit;
  ADDRESS_QUESTIONS: RateLimit;
  TENANCY_QUESTIONS: RateLimit;
  /** For `GET /ready` and the log, which do without it. */
  VERSION?: WorkerVersionMetadata;
  ADMIN_TOKEN?: string;
  TOKEN_SIGNING_KEYS?: string;
  ENCRYPTION_KEYS?: string;
  ISSUER_URL?: string;
  TOKEN_AUDIENCE?: string;
  MAX_TOKEN_TTL_SECONDS?: string;
  DIRECTORY_TTL_SECONDS?: string;
  DIRECTORY_STALE_SECONDS?: string;
  AUDIT_RETENTION_DAYS?: string;
  OCI_IDENTITY_ORIGIN?: string;
  OCI_AUTH_ORIGIN?: string;
}

/** Each part has the type of the module that uses it. Only the check of ADMIN_TOKEN sees it. */
export interface Config {
  readonly adminToken: string;
  readonly tokens: Issuer;
  readonly oci: OciAccess & {
    /** Local development only: the URL of the roots of instances, with `{region}` in its path. */
    readonly ociAuthOrigin: string | undefined;
  };
  readonly directory: DirectoryLimits;
  readonly auditRetentionDays: number;
}

/** Names what is missing or malformed and how to fix it. It never holds a value, which may be a secret. */
export class Misconfigured extends Error {
  override readonly name = "Misconfigured";
}

/** What can be sent as a bearer token: printable ASCII without spaces, so a character is a byte. */
const bearerToken = /^[\x21-\x7e]+$/;

const loopback = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** An origin: a URL that consists of a scheme and a host and nothing else. */
function originOf(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url?.origin === text ? url : undefined;
}

const isLoopbackOrigin = (text: string) => loopback.has(originOf(text)?.hostname ?? "");

/** The scheme and host before a path that has `{region}` once, as a whole segment. */
const beforeRegionPath = /^([a-z]+:\/\/[^/]+)(?:\/[\w-]+)*\/\{region\}(?:\/[\w-]+)*$/;

/** Reads the text of a variable. What is wrong is said without a word of the text, which may be a secret. */
type Reader<T> = (text: string) => Parsed<T>;

function adminToken(text: string): Parsed<string> {
  if (text.length < 32) return malformed("has less than 32 bytes");
  return bearerToken.test(text) ? parsed(text) : malformed("has characters that a bearer token cannot have");
}

const jsonOf =
  <S extends z.ZodType>(schema: () => S): Reader<z.output<S>> =>
  (text) => {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      return malformed("is not JSON");
    }
    const { data, error } = schema().safeParse(json);
    if (error === undefined) return parsed(data);
    const problems = error.issues.map(({ path, message }) =>
      path.length > 0 ? `at ${path.join(".")}: ${message}` : message,
    );
    return malformed(problems.join("; "));
  };

const whole =
  (unit: string, min: number): Reader<number> =>
  (text) => {
    if (!/^\d{1,9}$/.test(text)) return malformed(`is not a whole number of ${unit}`);
    return Number(text) < min ? malformed(`is less than ${min}`) : parsed(Number(text));
  };

export function issuerUrl(text: string): Parsed<string> {
  const url = originOf(text);
  return url?.protocol === "https:" || (url?.protocol === "http:" && loopback.has(url.hostname))
    ? parsed(text)
    : malformed("is not an https origin without a path or trailing slash (http is for loopback only)");
}

const audience =
  (issuer: string | undefined): Reader<string> =>
  (text) => {
    if (text === issuer) {
      return malformed("may not be the issuer, whose tokens this Worker's own API accepts");
    }
    return text.length > 0 && text.length <= 255 ? parsed(text) : malformed("is not 1 to 255 characters");
  };

const loopbackOrigin: Reader<string> = (text) =>
  isLoopbackOrigin(text) ? parsed(text) : malformed("is not a loopback origin");

const loopbackPerRegion: Reader<string> = (text) =>
  isLoopbackOrigin(beforeRegionPath.exec(text)?.[1] ?? "")
    ? parsed(text)
    : malformed("is not a loopback origin with {region} in its path");

const bindings = {
  DB: "a D1 database",
  AUDIT_DB: "a D1 database",
  DIRECTORY: "a KV namespace",
  LEDGER: "the Durable Object Ledger",
  REFUSAL_EVENTS: "a rate limit",
  STRANGER_EVENTS: "a rate limit",
  LOGINS: "a rate limit",
  TOKEN_REQUESTS: "a rate limit",
  FAILED_AUTHENTICATIONS: "a rate limit",
  IDENTITY_CALLS: "a rate limit",
  ADDRESS_QUESTIONS: "a rate limit",
  TENANCY_QUESTIONS: "a rate limit",
} as const;

const howToMake: Record<string, string> = {
  ADMIN_TOKEN: "make one with `oci-auth secrets new`",
  TOKEN_SIGNING_KEYS: "make one with `oci-auth secrets new`",
  ENCRYPTION_KEYS: "make one with `oci-auth secrets new`",
  ISSUER_URL:
    'set it in the vars of the environment in wrangler.toml, for example vars = { ISSUER_URL = "https://auth.example.com" }',
};

/** Rejects with {@link Misconfigured}. */
async function load(env: Env): Promise<Config> {
  const problems: string[] = [];
  for (const [name, what] of Object.entries(bindings)) {
    if (typeof env[name as keyof typeof bindings] !== "object") {
      problems.push(`${name}: the binding of ${what} is missing from wrangler.toml`);
    }
  }
  const required = <T>(name: keyof Env, read: Reader<T>): T | undefined => {
    const text: unknown = env[name];
    const value = typeof text === "string" ? read(text) : malformed("is not text");
    if (value.ok) return value.value;
    const problem = text === undefined ? "is missing" : value.problem;
    problems.push(`${name}: ${problem}${name in howToMake ? `; ${howToMake[name]}` : ""}`);
    return undefined;
  };
  const optional = <T, D>(name: keyof Env, read: Reader<T>, otherwise: D): T | D =>
    env[name] === undefined ? otherwise : (required(name, read) ?? otherwise);

  const token = required("ADMIN_TOKEN", adminToken);
  const signing = required("TOKEN_SIGNING_KEYS", jsonOf(signingKeySet));
  const encryption = required("ENCRYPTION_KEYS", jsonOf(encryptionKeySet));
  const issuer = required("ISSUER_URL", issuerUrl);
  const defaultAudience = optional("TOKEN_AUDIENCE", audience(issuer), "api");
  const maxTokenTtlSeconds = optional("MAX_TOKEN_TTL_SECONDS", whole("seconds", 1), 3600);
  const directory = {
    directoryTtlSeconds: optional("DIRECTORY_TTL_SECONDS", whole("seconds", 0), 300),
    directoryStaleSeconds: optional("DIRECTORY_STALE_SECONDS", whole("seconds", 0), 3600),
  };
  const auditRetentionDays = optional("AUDIT_RETENTION_DAYS", whole("days", 1), 90);
  const ociIdentityOrigin = optional("OCI_IDENTITY_ORIGIN", loopbackOrigin, undefined);
  const ociAuthOrigin = optional("OCI_AUTH_ORIGIN", loopbackPerRegion, undefined);
  if (!token || !signing || !encryption || !issuer || problems.length > 0) {
    throw new Misconfigured(problems.join("; "));
  }

  const [signingKeys, encryptionKeys] = await Promise.all([
    keys("TOKEN_SIGNING_KEYS", importSigningKeys(signing)),
    keys("ENCRYPTION_KEYS", importEncryptionKeys(encryption)),
  ]);
  return {
    adminToken: token,
    tokens: { issuer, defaultAudience, maxTokenTtlSeconds, signingKeys },
    oci: { encryptionKeys, ociIdentityOrigin, ociAuthOrigin },
    directory,
    auditRetentionDays,
  };
}

async function keys<T>(name: string, imported: Promise<T>): Promise<T> {
  try {
    return await imported;
  } catch {
    throw new Misconfigured(`${name}: a key cannot be imported; ${howToMake[name]}`);
  }
}

const loaded = new WeakMap<Env, Promise<Config>>();

/** The checked configuration of this isolate. Rejects with {@link Misconfigured}. */
export function configOf(env: Env): Promise<Config> {
  const known = loaded.get(env) ?? load(env);
  loaded.set(env, known);
  return known;
}
