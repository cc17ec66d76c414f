import { type HttpDate, parseHttpDate } from "./http-date.ts";
import { type IdentityHost, parseIdentityHost } from "./identity-host.ts";
import type { UserOcid } from "./ocid.ts";
import { malformed, type Parsed, parsed } from "./parsed.ts";
import type { SignedHeader } from "./request-signature.ts";
import { signingString } from "./signing-string.ts";

/** The one request whose signature is a login: `GET /20160918/users/{userOcid}` on an Identity service. */
export interface SignedGetUser {
  readonly host: IdentityHost;
  /** The signed date, `x-date` before `date`; undefined if none is signed. Only a signed date proves freshness. */
  readonly date: HttpDate | undefined;
  readonly signingString: string;
}

/**
 * Rebuilds what was signed from the headers of the login. Each value is parsed by its grammar before it enters the
 * signing string, so none can add a line to it. Unsigned headers are not read.
 */
export function parseSignedGetUser(
  userOcid: UserOcid,
  headers: { host: string; date?: string | undefined; "x-date"?: string | undefined },
  signed: readonly SignedHeader[],
): Parsed<SignedGetUser> {
  const host = parseIdentityHost(headers.host);
  if (!host.ok) return host;

  const values = new Map<SignedHeader, string>([
    ["(request-target)", `get /20160918/users/${userOcid}`],
    ["host", host.value.text],
  ]);
  let signedDate: HttpDate | undefined;
  for (const name of ["date", "x-date"] as const) {
    if (!signed.includes(name)) continue;
    const text = headers[name];
    if (text === undefined)
      return malformed(`authorization: ${name} is signed, but headers.${name} is missing`);
    const date = parseHttpDate(text);
    if (!date.ok) return date;
    values.set(name, date.value.text);
    signedDate = date.value;
  }
  const lines = signed.map((name) => [name, values.get(name) ?? ""] as const);
  return parsed({ host: host.value, date: signedDate, signingString: signingString(lines) });
}
