/**
 * Logins that must be refused. Each is wrong in one thing only, so without its defence it would get a token. Each is
 * signed at its own second, so that none repeats another.
 */
import { createHash } from "node:crypto";
import { formatApiKeyId } from "../../src/oci/key-id.ts";
import { realmOf } from "../../src/oci/ocid.ts";
import { realmDomain } from "../../src/oci/realms.ts";
import type { ApiKey } from "./api-key.ts";
import { honestSigning, type LoginBody, type Signing, signLogin } from "./signed-login.ts";

export interface Forgery {
  readonly name: string;
  /** The status of its refusal. */
  readonly expected: number;
  /** The rule that refuses it. */
  readonly defence: string;
  /** The request body. */
  readonly body: (forger: Forger) => Promise<string>;
}

export interface Forger {
  readonly apiKey: ApiKey;
  readonly identityId: string;
  /** A key that OCI does not know. */
  readonly strangeKey: { readonly key: CryptoKey; readonly fingerprint: string };
  /** A fresh date that no other forgery has. */
  readonly date: Date;
}

/** A key that this probe makes. */
export async function newStrangeKey(): Promise<Forger["strangeKey"]> {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(
    {
      name: "RSASSA-PKCS1-v1_5",
      modulusLength: 2048,
      publicExponent: new Uint8Array([1, 0, 1]),
      hash: "SHA-256",
    },
    true,
    ["sign", "verify"],
  );
  const spki = new Uint8Array(await crypto.subtle.exportKey("spki", publicKey));
  const fingerprint = createHash("md5")
    .update(spki)
    .digest("hex")
    .replace(/..(?!$)/g, "$&:");
  return { key: privateKey, fingerprint };
}

type Changes = (forger: Forger) => Partial<Signing>;
type Rewrite = (login: LoginBody, forger: Forger) => unknown;

/** Signs with `changes`, and rewrites what was signed. */
function forged(changes: Changes, rewrite: Rewrite = (login) => login): Forgery["body"] {
  return async (forger) => {
    const signing = { ...honestSigning(forger.apiKey, forger.date), ...changes(forger) };
    return JSON.stringify(rewrite(await signLogin(forger.identityId, signing), forger));
  };
}

const honest: Changes = () => ({});

function rewritten(rewrite: Rewrite): Forgery["body"] {
  return forged(honest, rewrite);
}

function authorization(login: LoginBody, from: string | RegExp, to: string): LoginBody {
  const { headers } = login;
  return { ...login, headers: { ...headers, authorization: headers.authorization.replace(from, to) } };
}

function strangeOcid(type: "user" | "tenancy", { tenancyOcid }: ApiKey): string {
  return `ocid1.${type}.${realmOf(tenancyOcid)}..aaaaaaaa${crypto.randomUUID().replaceAll("-", "")}`;
}

const minutes = (count: number) => count * 60_000;
const at = (date: Date, offset: number) => new Date(date.getTime() + offset).toUTCString();

const maxBodyBytes = 16 * 1024;

export const forgeries: readonly Forgery[] = [
  {
    name: "wrong-signer",
    expected: 401,
    defence: "a signature is verified with the key that its keyId names",
    body: forged(({ strangeKey }) => ({ key: strangeKey.key })),
  },
  {
    name: "unknown-key",
    expected: 401,
    defence: "a key that the user does not have is refused",
    body: forged(({ apiKey, strangeKey }) => ({
      key: strangeKey.key,
      keyId: formatApiKeyId({ ...apiKey, fingerprint: strangeKey.fingerprint }),
    })),
  },
  {
    name: "another-user",
    expected: 401,
    defence: "the user in keyId is userOcid",
    body: forged(({ apiKey }) => ({ target: strangeOcid("user", apiKey) })),
  },
  {
    name: "another-tenancy",
    expected: 401,
    defence: "the tenancy in keyId is the one that is configured",
    body: forged(({ apiKey }) => ({
      keyId: formatApiKeyId({ ...apiKey, tenancyOcid: strangeOcid("tenancy", apiKey) }),
    })),
  },
  {
    name: "another-realm",
    expected: 401,
    defence: "the host is of the tenancy's realm",
    body: forged(({ apiKey }) => ({
      host:
        realmOf(apiKey.tenancyOcid) === "oc1"
          ? `identity.us-gov-ashburn-1.${realmDomain("oc3")}`
          : `identity.us-ashburn-1.${realmDomain("oc1")}`,
    })),
  },
  {
    name: "foreign-host",
    expected: 400,
    defence: "the host is an OCI Identity service's",
    body: forged(({ apiKey }) => ({ host: `identity.${apiKey.region}.example.com` })),
  },
  {
    name: "security-token",
    expected: 400,
    defence: "only API keys log in",
    body: forged(() => ({ keyId: "ST$probe" })),
  },
  {
    name: "old-date",
    expected: 401,
    defence: "a date more than five minutes ago is refused",
    body: forged(({ date }) => ({ date: at(date, -minutes(10)) })),
  },
  {
    name: "future-date",
    expected: 401,
    defence: "a date more than five minutes ahead is refused",
    body: forged(({ date }) => ({ date: at(date, minutes(10)) })),
  },
  {
    name: "unsigned-date",
    expected: 400,
    defence: "the date is signed",
    body: forged(({ date }) => ({ date: date.toUTCString(), signed: ["(request-target)", "host"] })),
  },
  {
    name: "unsigned-target",
    expected: 400,
    defence: "the request target is signed",
    body: forged(() => ({ signed: ["date", "host"] })),
  },
  {
    name: "unsigned-host",
    expected: 400,
    defence: "the host is signed",
    body: forged(() => ({ signed: ["date", "(request-target)"] })),
  },
  {
    name: "tampered-signature",
    expected: 401,
    defence: "every bit of a signature counts",
    body: rewritten((login) => {
      const other = (first: string) => (first === "A" ? "B" : "A");
      const text = login.headers.authorization;
      const start = text.indexOf('signature="') + 'signature="'.length + 40;
      const changed = text.slice(0, start) + other(text.charAt(start)) + text.slice(start + 1);
      return { ...login, headers: { ...login.headers, authorization: changed } };
    }),
  },
  {
    name: "tampered-date",
    expected: 401,
    defence: "the date is the one that was signed",
    body: rewritten((login, { date }) => ({
      ...login,
      headers: { ...login.headers, date: at(date, 60_000) },
    })),
  },
  {
    name: "tampered-target",
    expected: 401,
    defence: "the user is the one whose Get User was signed",
    body: forged(
      ({ apiKey }) => ({ target: strangeOcid("user", apiKey) }),
      (login, { apiKey }) => ({ ...login, userOcid: apiKey.userOcid }),
    ),
  },
  {
    name: "tampered-host",
    expected: 401,
    defence: "the host is the one that was signed",
    body: rewritten((login) => {
      const host = login.headers.host.replace(".oci.", ".");
      return { ...login, headers: { ...login.headers, host } };
    }),
  },
  {
    name: "another-algorithm",
    expected: 401,
    defence: "a signature is verified by the algorithm that it names",
    body: rewritten((login) => authorization(login, '"rsa-sha256"', '"rsa-pss-sha256"')),
  },
  {
    name: "unknown-algorithm",
    expected: 400,
    defence: "only OCI's algorithms are accepted",
    body: rewritten((login) => authorization(login, '"rsa-sha256"', '"hmac-sha256"')),
  },
  {
    name: "no-signature",
    expected: 400,
    defence: "the authorization is a signature",
    body: rewritten((login) => authorization(login, /^.*$/, "Bearer probe")),
  },
  {
    name: "unknown-identity",
    expected: 404,
    defence: "the identity exists",
    body: rewritten((login) => ({ ...login, identityId: crypto.randomUUID() })),
  },
  {
    name: "unknown-organization",
    expected: 404,
    defence: "the organization that is named exists",
    body: rewritten((login) => ({ ...login, organizationSlug: `probe-${crypto.randomUUID()}` })),
  },
  {
    name: "unknown-field",
    expected: 422,
    defence: "a body has the contract's fields and no others",
    body: rewritten((login) => ({ ...login, probe: true })),
  },
  {
    name: "unknown-header",
    expected: 422,
    defence: "the headers are the contract's and no others",
    body: rewritten((login) => ({ ...login, headers: { ...login.headers, accept: "*/*" } })),
  },
  {
    name: "oversized-body",
    expected: 413,
    defence: "a body has 16 KiB at most",
    body: async (forger) => (await rewritten((login) => login)(forger)).padEnd(maxBodyBytes + 1),
  },
];
