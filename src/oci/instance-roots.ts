/**
 * What OCI answers when a region's roots are fetched (docs/login.md, Instances' certificates). Oracle's page and clients in
 * production disagree on its form, so each is understood: JSON with base64 DER or PEM in a list, or PEM alone.
 */
import { decodeBase64 } from "./base64.ts";
import type { Certificate } from "./certificate.ts";
import { parseRoot } from "./certificate-authority.ts";
import { parseJsonObject } from "./json-object.ts";
import { malformed, type Parsed, parsed } from "./parsed.ts";

export interface RootsAnswer {
  /** At least one. Of the profile, and not yet trusted: see `trustRoot` (certificate-authority.ts). */
  readonly roots: readonly Certificate[];
  /** When to fetch them again, in milliseconds since 1970, not held to any bounds; undefined if it does not say. */
  readonly refreshIn: number | undefined;
  /** What of the answer was left out, for the log. A root that cannot be used does not take the others along. */
  readonly problems: readonly string[];
}

export const maxAnswerLength = 128 * 1024;
const maxCertificates = 32;

export function parseRootsAnswer(text: string): Parsed<RootsAnswer> {
  if (text.length > maxAnswerLength)
    return malformed(`the roots have more than ${maxAnswerLength} characters`);
  const trimmed = text.trim();
  if (!trimmed.startsWith("{")) return rootsOf([trimmed], undefined);
  const answer = parseJsonObject(trimmed);
  const certificates = answer?.certificates;
  if (!Array.isArray(certificates)) return malformed("the roots are neither PEM nor JSON with certificates");
  const elements = certificates.map((element) => (typeof element === "string" ? element : ""));
  return rootsOf(elements, answer?.refreshIn ?? undefined);
}

function rootsOf(elements: readonly string[], refreshIn: unknown): Parsed<RootsAnswer> {
  const encoded = elements.flatMap(base64Of);
  if (encoded.length > maxCertificates) return malformed(`more than ${maxCertificates} roots`);
  const judged = encoded.map((base64): Parsed<Certificate> => {
    const der = decodeBase64(base64.replace(/\s+/g, ""));
    return der === undefined ? malformed("a root certificate is neither base64 nor PEM") : parseRoot(der);
  });
  const roots = judged.flatMap((root) => (root.ok ? [root.value] : []));
  const problems = judged.flatMap((root) => (root.ok ? [] : [root.problem]));
  const refreshAt = typeof refreshIn === "string" ? parseTime(refreshIn) : undefined;
  if (refreshIn !== undefined && refreshAt === undefined) problems.push("refreshIn is not an RFC 3339 time");
  return roots.length > 0
    ? parsed({ roots, refreshIn: refreshAt, problems })
    : malformed(["there is no root certificate that can be used", ...new Set(problems)].join("; "));
}

/** One that is cut off becomes base64 with a hyphen, and so none. */
const pem = /-----BEGIN CERTIFICATE-----(?:([^-]*)-----END CERTIFICATE-----)?/g;

/** The certificates of a PEM bundle, whatever stands between them; of another text, the text. */
function base64Of(text: string): string[] {
  const found = [...text.matchAll(pem)].map(([, base64 = "-"]) => base64);
  return found.length > 0 ? found : [text];
}

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i;

function parseTime(text: string): number | undefined {
  const time = rfc3339.test(text) ? Date.parse(text.toUpperCase()) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}
