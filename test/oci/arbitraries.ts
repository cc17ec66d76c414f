/** The output of OCI's signers, and almost valid texts. Written from docs/login.md, not from the parsers. */
import fc from "fast-check";
import type { SignedHeader } from "../../src/oci/request-signature.ts";
import { realms } from "./realms.ts";

export const lowerCase = [..."abcdefghijklmnopqrstuvwxyz"];
const digits = [..."0123456789"];

export function textOf(
  characters: readonly string[],
  minLength: number,
  maxLength: number,
): fc.Arbitrary<string> {
  return fc.string({ unit: fc.constantFrom(...characters), minLength, maxLength });
}

/** One of many realms, most often the commercial one. */
export const realm = fc.oneof(fc.constant("oc1"), fc.constantFrom(...realms.map(([name]) => name)));

export const region = fc
  .tuple(
    textOf(lowerCase, 2, 3),
    fc.array(textOf(lowerCase, 1, 10), { minLength: 1, maxLength: 3 }),
    fc.integer({ min: 1, max: 99 }),
  )
  .map(([area, words, number]) => [area, ...words, number].join("-"));

export function ocid(type: string): fc.Arbitrary<string> {
  const lowerCaseOrDigit = [...lowerCase, ...digits];
  const more = fc.oneof(
    { weight: 3, arbitrary: fc.constant("") },
    textOf(lowerCaseOrDigit, 1, 10).map((part) => `${part}.`),
  );
  return fc
    .tuple(
      realm,
      fc.oneof(fc.constant(""), fc.constantFrom("iad", "phx"), region),
      more,
      textOf(lowerCaseOrDigit, 1, 60),
    )
    .map(([inRealm, where, part, unique]) => `ocid1.${type}.${inRealm}.${where}.${part}${unique}`);
}

export const fingerprint = fc
  .array(textOf([...digits, ..."abcdef"], 2, 2), { minLength: 16, maxLength: 16 })
  .map((pairs) => pairs.join(":"));

export const apiKeyId = fc.tuple(ocid("tenancy"), ocid("user"), fingerprint).map((parts) => parts.join("/"));

export const host = fc
  .tuple(region, fc.constantFrom("", "oci."), fc.constantFrom(...realms.map(([, domain]) => domain)))
  .map(([inRegion, label, domain]) => `identity.${inRegion}.${label}${domain}`);

/** Whole seconds, in years that a clock could show. */
export const httpDate = fc
  .integer({ min: 0, max: Date.parse("9999-12-31T23:59:59Z") / 1000 })
  .map((seconds) => new Date(seconds * 1000).toUTCString());

/** Any code unit, half a surrogate pair included. */
const codeUnit = fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code));

/** Any text: printable, control characters, all of Unicode, malformed; sometimes very long. */
export const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary-ascii" }),
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: codeUnit }),
  fc
    .tuple(fc.string({ minLength: 1 }), fc.integer({ min: 1, max: 50_000 }))
    .map(([part, length]) => part.repeat(length).slice(0, length)),
);

/** Text that parsers may handle wrongly: separators, quotes, white space, controls, and letters that only look like letters. */
const treacherous = fc.oneof(
  fc.constantFrom(...".-_:/\\\"'`,;=?#@%&()[]{}<>|~^$!*+ \t\r\n\0\v\f\x1b\x7f"),
  fc.constantFrom("\u00a0", "\u0085", "\u2028", "\u2029", "\u200b", "\ufeff", "\u00ad", "\ud800", "\udfff"),
  fc.constantFrom(
    "\u017f",
    "\u212a",
    "\u0131",
    "\u043e",
    "\uff41",
    "\uff0e",
    "\u3002",
    "\u0661",
    "\u{1f511}",
  ),
);
const anyCharacter = fc.oneof(treacherous, fc.string({ minLength: 1, maxLength: 1 }), codeUnit);

/** One character is replaced, removed, inserted, or changes its case. `position` wraps around. */
export interface Slip {
  readonly position: number;
  readonly change: "replace" | "drop" | "insert" | "case";
  readonly character: string;
}

export const slip: fc.Arbitrary<Slip> = fc.record({
  position: fc.nat(),
  change: fc.constantFrom("replace", "drop", "insert", "case"),
  character: anyCharacter,
});

export function slipped(text: string, { position, change, character }: Slip): string {
  const at = position % (change === "insert" ? text.length + 1 : Math.max(text.length, 1));
  const there = text.charAt(at);
  const otherCase = there === there.toLowerCase() ? there.toUpperCase() : there.toLowerCase();
  const instead = { replace: character, drop: "", insert: character + there, case: otherCase }[change];
  return text.slice(0, at) + instead + text.slice(at + 1);
}

export function almost(valid: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(valid, slip).map(([text, one]) => slipped(text, one));
}

/** Valid texts, almost valid ones, with text before or after them, two at once, and anything else. */
export function orAnything(valid: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 2, arbitrary: valid },
    { weight: 4, arbitrary: almost(valid) },
    almost(almost(valid)),
    fc.tuple(valid, treacherous).map((parts) => parts.join("")),
    fc.tuple(treacherous, valid).map((parts) => parts.join("")),
    fc.tuple(valid, treacherous, valid).map((parts) => parts.join("")),
    fc.tuple(valid, anyText).map((parts) => parts.join("")),
    anyText,
  );
}

/** What a request signs: its target and host, and one date, both, or none; in any order. */
export const signedHeaders = fc
  .subarray<SignedHeader>(["date", "x-date"])
  .chain((dates) => permutation<SignedHeader>([...dates, "(request-target)", "host"]));

export function permutation<T>(values: readonly T[]): fc.Arbitrary<T[]> {
  return fc.shuffledSubarray([...values], { minLength: values.length });
}
