/**
 * Bindings, variables and secrets, checked once for each isolate. A Worker that lacks one serves nobody: every
 * request that needs the configuration gets a 500, and the log names what is missing and how to make it.
 */
import { z } from "zod";
import type { DirectoryLimits } from "./directory/users.ts";
import { encryptionKeySet, importEncryptionKeys } from "./keys/credential-encryption.ts";
import { importSigningKeys, signingKeySet } from "./keys/signing-keys.ts";
import type { Ledger } from "./ledger/ledger.ts";
import type { OciAccess } from "./tenancies/tenancy-client.ts";
import type { Issuer } from "./tokens/issue.ts";

/** What the runtime hands over, unchecked: see wrangler.toml. */
export interface Env {
  DB: D1Database;
  AUDIT_DB: D1Database;
  DIRECTORY: KVNamespace;
  LEDGER: DurableObjectNamespace<Ledger>;
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

/** Each part is for those whose type it has; none but its checks sees ADMIN_TOKEN. */
export interface Config {
  readonly adminToken: string;
  readonly tokens: Issuer;
  readonly oci: OciAccess & {
    /** Local development only: where the roots of instances are, with `{region}` in its path. */
    readonly ociAuthOrigin: string | undefined;
  };
  readonly directory: DirectoryLimits;
  readonly auditRetentionDays: number;
}

/** Names what is missing or malformed and how to mend it. It never holds a value, which may be a secret. */
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

/** What stands before a path that has `{region}` once, as a segment of its own. */
const beforeRegionPath = /^([a-z]+:\/\/[^/]+)(?:\/[\w-]+)*\/\{region\}(?:\/[\w-]+)*$/;

function jsonOf<S extends z.ZodType>(schema: S) {
  return z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        context.addIssue("is not JSON");
        return z.NEVER;
      }
    })
    .pipe(schema);
}

const whole = (unit: string, fallback: number, min: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, `is not a whole number of ${unit}`)
    .transform(Number)
    .pipe(z.number().min(min))
    .default(fallback);

export const issuerUrl = z.string().refine((text) => {
  const url = originOf(text);
  return url?.protocol === "https:" || (url?.protocol === "http:" && loopback.has(url.hostname));
}, "is not an https origin without a path or trailing slash (http is for loopback only)");

const variables = z
  .object({
    ADMIN_TOKEN: z
      .string()
      .min(32, "has less than 32 bytes")
      .regex(bearerToken, "has characters that a bearer token cannot have"),
    TOKEN_SIGNING_KEYS: jsonOf(signingKeySet),
    ENCRYPTION_KEYS: jsonOf(encryptionKeySet),
    ISSUER_URL: issuerUrl,
    TOKEN_AUDIENCE: z.string().min(1).max(255).default("api"),
    MAX_TOKEN_TTL_SECONDS: whole("seconds", 3600, 1),
    DIRECTORY_TTL_SECONDS: whole("seconds", 300, 0),
    DIRECTORY_STALE_SECONDS: whole("seconds", 3600, 0),
    AUDIT_RETENTION_DAYS: whole("days", 90, 1),
    OCI_IDENTITY_ORIGIN: z.string().refine(isLoopbackOrigin, "is not a loopback origin").optional(),
    OCI_AUTH_ORIGIN: z
      .string()
      .refine(
        (text) => isLoopbackOrigin(beforeRegionPath.exec(text)?.[1] ?? ""),
        "is not a loopback origin with {region} in its path",
      )
      .optional(),
  })
  .refine(({ TOKEN_AUDIENCE, ISSUER_URL }) => TOKEN_AUDIENCE !== ISSUER_URL, {
    path: ["TOKEN_AUDIENCE"],
    message: "may not be the issuer, whose tokens this Worker's own API accepts",
  });

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
  const checked = variables.safeParse(env);
  for (const issue of checked.error?.issues ?? []) {
    const [name = "", ...path] = issue.path.map(String);
    const missing = env[name as keyof Env] === undefined;
    const what = missing
      ? "is missing"
      : `${path.length > 0 ? `at ${path.join(".")}: ` : ""}${issue.message}`;
    problems.push(`${name}: ${what}${name in howToMake ? `; ${howToMake[name]}` : ""}`);
  }
  const values = checked.data;
  if (values === undefined || problems.length > 0) throw new Misconfigured(problems.join("; "));

  const [signingKeys, encryptionKeys] = await Promise.all([
    keys("TOKEN_SIGNING_KEYS", importSigningKeys(values.TOKEN_SIGNING_KEYS)),
    keys("ENCRYPTION_KEYS", importEncryptionKeys(values.ENCRYPTION_KEYS)),
  ]);
  return {
    adminToken: values.ADMIN_TOKEN,
    tokens: {
      issuer: values.ISSUER_URL,
      defaultAudience: values.TOKEN_AUDIENCE,
      maxTokenTtlSeconds: values.MAX_TOKEN_TTL_SECONDS,
      signingKeys,
    },
    oci: {
      encryptionKeys,
      ociIdentityOrigin: values.OCI_IDENTITY_ORIGIN,
      ociAuthOrigin: values.OCI_AUTH_ORIGIN,
    },
    directory: {
      directoryTtlSeconds: values.DIRECTORY_TTL_SECONDS,
      directoryStaleSeconds: values.DIRECTORY_STALE_SECONDS,
    },
    auditRetentionDays: values.AUDIT_RETENTION_DAYS,
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
