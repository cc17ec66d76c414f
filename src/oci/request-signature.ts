/**
 * The `Authorization: Signature …` header of an OCI request, version 1 (after draft-cavage-http-signatures-08).
 *
 * Promises that each parameter appears exactly once, quoted and by its grammar, and that nothing else is in the header.
 * It does not promise whose key signed, nor that the signature is valid: see key-id.ts and verify.ts.
 */
import { malformed, type Parsed, parsed, quoted, strayCharacter } from "./parsed.ts";

export type SignatureAlgorithm = "rsa-sha256" | "rsa-pss-sha256";
export type SignedHeader = "(request-target)" | "host" | "date" | "x-date";

export interface RequestSignature {
  readonly keyId: string;
  readonly algorithm: SignatureAlgorithm;
  /** In the order in which they were signed. */
  readonly headers: readonly SignedHeader[];
  /** Decoded. Different base64 texts can decode to the same bytes. */
  readonly signature: Uint8Array<ArrayBuffer>;
}

const parameterNames = ["version", "keyid", "algorithm", "headers", "signature"] as const;
type ParameterName = (typeof parameterNames)[number];

// Printable ASCII without the quote and the backslash: nothing that could need or hide an escape.
const parameter = /[ \t]*([A-Za-z]+)="([\x20\x21\x23-\x5b\x5d-\x7e]*)"[ \t]*(,|$)/y;

// For messages: a parameter whose value may hold anything up to the next quote.
const anyParameter = /[ \t]*([A-Za-z]+)="([^"]*)/y;

function isParameterName(name: string): name is ParameterName {
  return (parameterNames as readonly string[]).includes(name);
}

/** Why no parameter begins at `at`. */
function parameterProblem(text: string, at: number): string {
  anyParameter.lastIndex = at;
  const [, name = "", value = ""] = anyParameter.exec(text) ?? [];
  const stray = strayCharacter(value, /[^\x20\x21\x23-\x5b\x5d-\x7e]/);
  return stray !== "" && isParameterName(name.toLowerCase())
    ? `${name} is malformed${stray}`
    : `expected a parameter as name="value" at ${quoted(text.slice(at, at + 40))}`;
}

function parseParameters(text: string): Parsed<Map<ParameterName, string>> {
  const values = new Map<ParameterName, string>();
  parameter.lastIndex = 0;
  for (let separator = ","; separator === ","; ) {
    const at = parameter.lastIndex;
    const match = parameter.exec(text);
    if (match === null) return malformed(`authorization: ${parameterProblem(text, at)}`);
    const name = (match[1] ?? "").toLowerCase();
    if (!isParameterName(name)) {
      return malformed(`authorization: unknown parameter ${quoted(match[1] ?? "")}`);
    }
    if (values.has(name)) {
      return malformed(`authorization: parameter ${quoted(match[1] ?? "")} appears twice`);
    }
    values.set(name, match[2] ?? "");
    separator = match[3] ?? "";
  }
  const missing = parameterNames.find((name) => !values.has(name));
  return missing === undefined
    ? parsed(values)
    : malformed(`authorization: parameter '${missing}' is missing`);
}

function parseHeaderNames(text: string): Parsed<SignedHeader[]> {
  const names = text.toLowerCase().split(" ");
  const known = (name: string): name is SignedHeader =>
    name === "(request-target)" || name === "host" || name === "date" || name === "x-date";
  if (!names.every(known)) {
    const other = names.find((name) => !known(name)) ?? "";
    return malformed(
      `authorization: ${quoted(other)} is signed, but only (request-target), host, date and x-date can be verified`,
    );
  }
  if (new Set(names).size !== names.length) {
    return malformed("authorization: a header is signed twice");
  }
  const missing = (["(request-target)", "host"] as const).find((name) => !names.includes(name));
  return missing === undefined ? parsed(names) : malformed(`authorization: ${missing} is not signed`);
}

// RSA keys have 2048 to 8192 bits, and a signature is as long as its key.
const minSignatureBytes = 256;
const maxSignatureBytes = 1024;

function parseSignatureBytes(text: string): Parsed<Uint8Array<ArrayBuffer>> {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) {
    return malformed("authorization: signature is not base64");
  }
  let signature: Uint8Array<ArrayBuffer>;
  try {
    signature = Uint8Array.fromBase64(text);
  } catch {
    return malformed("authorization: signature is not base64");
  }
  if (signature.length < minSignatureBytes || signature.length > maxSignatureBytes) {
    return malformed(
      `authorization: signature has ${signature.length} bytes, but an RSA key of 2048 to 8192 bits makes ${minSignatureBytes} to ${maxSignatureBytes}`,
    );
  }
  return parsed(signature);
}

/** Reads the value of the Authorization header. Parameter and header names may be in any case, in any order. */
export function parseRequestSignature(authorization: string): Parsed<RequestSignature> {
  const scheme = /^Signature[ \t]+/i.exec(authorization);
  if (scheme === null) {
    return malformed("authorization: the scheme is not 'Signature'");
  }
  const parameters = parseParameters(authorization.slice(scheme[0].length));
  if (!parameters.ok) return parameters;
  const value = (name: ParameterName) => parameters.value.get(name) ?? "";

  if (value("version") !== "1") {
    return malformed(`authorization: version ${quoted(value("version"))} is not '1'`);
  }
  const algorithm = value("algorithm");
  if (algorithm !== "rsa-sha256" && algorithm !== "rsa-pss-sha256") {
    return malformed(
      `authorization: algorithm ${quoted(algorithm)} is neither 'rsa-sha256' nor 'rsa-pss-sha256'`,
    );
  }
  const headers = parseHeaderNames(value("headers"));
  if (!headers.ok) return headers;
  const signature = parseSignatureBytes(value("signature"));
  if (!signature.ok) return signature;
  return parsed({ keyId: value("keyid"), algorithm, headers: headers.value, signature: signature.value });
}

/** The header that {@link parseRequestSignature} reads back, in the order of Oracle's TypeScript SDK. */
export function formatRequestSignature(signature: RequestSignature): string {
  const bytes = btoa(String.fromCharCode(...signature.signature));
  return `Signature version="1",keyId="${signature.keyId}",algorithm="${signature.algorithm}",headers="${signature.headers.join(" ")}",signature="${bytes}"`;
}
