import { malformed, type Parsed, parsed, quoted } from "./parsed.ts";

export interface HttpDate {
  readonly text: string;
  readonly epochMilliseconds: number;
}

const imfFixdateLength = "Tue, 24 Nov 2026 03:04:57 GMT".length;

/** An IMF-fixdate (RFC 9110, section 5.6.7), the one form that OCI's signers write. */
export function parseHttpDate(text: string): Parsed<HttpDate> {
  const epochMilliseconds = Date.parse(text);
  // Date.parse accepts other formats too, but toUTCString prints an IMF-fixdate, so no other format comes back equal.
  // The length excludes years of more than four digits.
  if (text.length !== imfFixdateLength || new Date(epochMilliseconds).toUTCString() !== text) {
    return malformed(`date ${quoted(text)} is not an HTTP date such as 'Tue, 24 Nov 2026 03:04:57 GMT'`);
  }
  return parsed({ text, epochMilliseconds });
}
