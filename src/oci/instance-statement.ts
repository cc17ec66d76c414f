/**
 * What an instance signs to log in: a JWS in compact form (RFC 7515) with its certificate and the intermediate in `x5c`,
 * over who it is for, which identity, when, and an id.
 *
 * A statement that parses is complete and of its grammar: header and claims have these fields and no others, so nothing
 * that restricts a statement (`nbf`) or names another key (`jwk`, `jku`, `kid`) is passed over. What it says is judged by
 * statement-checks.ts. No problem repeats anything of the statement.
 *
 * The same key signs OCI's requests (`date: …`): no such text is a signing input, which has one dot and no white space.
 */
import { decodeBase64, decodeBase64url } from "./base64.ts";
import { parseJsonObject } from "./json-object.ts";
import { ensure, type Parsed, parsing } from "./parsed.ts";
import type { SignatureAlgorithm } from "./request-signature.ts";
import { verifySignature } from "./verify.ts";

export interface InstanceStatement {
  readonly header: StatementHeader;
  readonly claims: StatementClaims;
  /** Decoded; one text alone decodes to these bytes. */
  readonly signature: Uint8Array<ArrayBuffer>;
  /** The text that is signed. */
  readonly signingInput: string;
}

export interface StatementHeader {
  readonly typ: string;
  readonly alg: string;
  readonly hasCrit: boolean;
  /** DER, not yet read: see instance-chain.ts. */
  readonly x5c: readonly [leaf: Uint8Array<ArrayBuffer>, intermediate: Uint8Array<ArrayBuffer>];
}

export interface StatementClaims {
  readonly aud: string;
  readonly sub: string;
  /** Seconds since 1970. */
  readonly iat: number;
  readonly exp: number;
  readonly jti: string;
}

/** As much as a body may have. */
export const maxStatementLength = 32 * 1024;

// RSA keys of 2048 to 4096 bits, and a signature is as long as its key.
const minSignatureBytes = 256;
const maxSignatureBytes = 512;

export function parseInstanceStatement(jwt: string): Parsed<InstanceStatement> {
  return parsing("jwt", () => {
    ensure(jwt.length <= maxStatementLength, `has more than ${maxStatementLength} characters`);
    const parts = jwt.split(".");
    const [header = "", payload = "", last = ""] = parts;
    ensure(parts.length === 3, "is not a JWS in compact form (three parts with dots between them)");
    const signature = decode(last, "signature");
    ensure(
      signature.length >= minSignatureBytes && signature.length <= maxSignatureBytes,
      `has a signature that no RSA key of 2048 to 4096 bits makes (${minSignatureBytes} to ${maxSignatureBytes} bytes)`,
    );
    return {
      header: readHeader(decodeObject(header, "header")),
      claims: readClaims(decodeObject(payload, "payload")),
      signature,
      signingInput: `${header}.${payload}`,
    };
  });
}

/** Whether the key, imported for the algorithm, signed the statement. */
export function verifyStatement(
  { signature, signingInput }: InstanceStatement,
  algorithm: SignatureAlgorithm,
  key: CryptoKey,
): Promise<boolean> {
  return verifySignature(key, algorithm, signature, signingInput);
}

function decode(part: string, name: string): Uint8Array<ArrayBuffer> {
  const bytes = decodeBase64url(part);
  ensure(bytes !== undefined, `has a ${name} that is not base64url without padding`);
  return bytes;
}

function decodeObject(part: string, name: string): Record<string, unknown> {
  const bytes = decode(part, name);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    text = "";
  }
  const object = parseJsonObject(text);
  ensure(object !== undefined, `has a ${name} that is not a JSON object`);
  return object;
}

function readHeader(header: Record<string, unknown>): StatementHeader {
  const { typ, alg, crit, x5c, ...others } = header;
  ensure(typeof typ === "string", "has no typ in its header, or one that is not a string");
  ensure(typeof alg === "string", "has no alg in its header, or one that is not a string");
  ensure(Object.keys(others).length === 0, "has a header with other fields than alg, typ and x5c");
  const certificates = Array.isArray(x5c) ? x5c : [];
  const [leaf, intermediate] = certificates.map((text) =>
    typeof text === "string" ? decodeBase64(text) : undefined,
  );
  ensure(
    certificates.length === 2 && leaf !== undefined && intermediate !== undefined,
    "has no x5c in its header of two certificates, the instance's and the intermediate, in base64 of DER",
  );
  return { typ, alg, hasCrit: crit !== undefined, x5c: [leaf, intermediate] };
}

function readClaims(payload: Record<string, unknown>): StatementClaims {
  const { aud, sub, iat, exp, jti, ...others } = payload;
  ensure(typeof aud === "string", "has no aud in its payload, or one that is not a string");
  ensure(typeof sub === "string", "has no sub in its payload, or one that is not a string");
  ensure(isTime(iat), "has no iat in its payload, or one that is not whole seconds since 1970");
  ensure(isTime(exp), "has no exp in its payload, or one that is not whole seconds since 1970");
  ensure(
    typeof jti === "string" && /^[A-Za-z0-9_-]{16,64}$/.test(jti),
    "has no jti in its payload of 16 to 64 characters of A-Z, a-z, 0-9, - and _",
  );
  ensure(Object.keys(others).length === 0, "has a payload with other fields than aud, sub, iat, exp and jti");
  return { aud, sub, iat, exp, jti };
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
