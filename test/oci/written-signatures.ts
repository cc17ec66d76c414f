/** Authorization headers: the many ways to write a valid one, malformed ones, and others. */
import fc from "fast-check";
import type { RequestSignature, SignedHeader } from "../../src/oci/request-signature.ts";
import {
  almost,
  anyText,
  apiKeyId,
  lowerCase,
  orAnything,
  permutation,
  signedHeaders,
  textOf,
} from "./arbitraries.ts";
import { base64 } from "./key-pairs.ts";

/** Pseudorandom bytes from two numbers, so that a case is made and shrunk quickly. */
const signatureBytes = fc
  .tuple(
    fc.oneof(fc.constantFrom(256, 384, 512, 1024), fc.integer({ min: 256, max: 1024 })),
    fc.integer({ min: 1, max: 0x7fffffff }),
  )
  .map(([length, seed]) => {
    let state = seed;
    return Uint8Array.from({ length }, () => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return state >> 16;
    });
  });

/** Printable ASCII without quote and backslash. */
const valueCharacters = Array.from({ length: 0x5f }, (_, index) => String.fromCharCode(0x20 + index)).filter(
  (character) => character !== '"' && character !== "\\",
);

export const requestSignature: fc.Arbitrary<RequestSignature> = fc.record({
  keyId: fc.oneof(apiKeyId, textOf(valueCharacters, 0, 100)),
  algorithm: fc.constantFrom("rsa-sha256", "rsa-pss-sha256"),
  headers: signedHeaders,
  signature: signatureBytes,
});

const blanks = textOf([" ", "\t"], 0, 2);
const someBlanks = textOf([" ", "\t"], 1, 3);

/** A parameter as written in a header: `before` and `after` are white space. */
interface WrittenParameter {
  readonly before: string;
  readonly name: string;
  readonly value: string;
  readonly after: string;
}

interface WrittenHeader {
  readonly scheme: string;
  readonly gap: string;
  readonly parameters: readonly WrittenParameter[];
}

interface WrittenSignature {
  readonly signature: RequestSignature;
  readonly written: WrittenHeader;
}

/** A signature, and one of the many ways to write it: any order, any case of names, any white space around parameters. */
export const writtenSignature: fc.Arbitrary<WrittenSignature> = requestSignature.chain((signature) => {
  const bytes = base64(signature.signature);
  const names = (text: string) => fc.mixedCase(fc.constant(text));
  const parameter = (name: string, value: fc.Arbitrary<string>) =>
    fc.record({ before: blanks, name: names(name), value, after: blanks });
  return fc
    .record({
      scheme: names("Signature"),
      gap: someBlanks,
      parameters: fc
        .tuple(
          parameter("version", fc.constant("1")),
          parameter("keyId", fc.constant(signature.keyId)),
          parameter("algorithm", fc.constant(signature.algorithm)),
          parameter("headers", names(signature.headers.join(" "))),
          parameter("signature", fc.constantFrom(bytes, bytes.replace(/=+$/, ""))),
        )
        .chain(permutation),
    })
    .map((written) => ({ signature, written }));
});

function quotedParameter({ before, name, value, after }: WrittenParameter): string {
  return `${before}${name}="${value}"${after}`;
}

function header({ scheme, gap }: WrittenHeader, parameters: readonly string[], separator = ","): string {
  return `${scheme}${gap}${parameters.join(separator)}`;
}

export function write(written: WrittenHeader): string {
  return header(written, written.parameters.map(quotedParameter));
}

/** Characters that no value of a parameter may have: control characters, the tab included, and all beyond ASCII. */
const forbidden = fc.oneof(
  fc.constantFrom("\n", "\r", "\v", "\f", "\0", "\u00a0", "\u2028", "\ufeff"),
  fc.constantFrom(...Array.from({ length: 0x20 }, (_, code) => String.fromCharCode(code)), "\x7f"),
  fc.integer({ min: 0x80, max: 0xffff }).map((code) => String.fromCharCode(code)),
);

/** Characters that no white space may have: all of those except the tab. */
const forbiddenAnywhere = forbidden.filter((character) => character !== "\t");

const word = fc.string({
  unit: fc.constantFrom(...lowerCase, ...lowerCase.map((letter) => letter.toUpperCase())),
});
const knownNames = ["version", "keyid", "algorithm", "headers", "signature"];
const unknownName = fc.oneof(
  fc.constantFrom(
    "created",
    "expires",
    "realm",
    "constructor",
    "toString",
    "hasOwnProperty",
    "keyIds",
    "key",
  ),
  word.filter((name) => !knownNames.includes(name.toLowerCase())),
);

const printable = fc.string({ unit: fc.constantFrom(...valueCharacters), maxLength: 30 });

function otherThan(...values: string[]): fc.Arbitrary<string> {
  return fc.oneof(almost(fc.constantFrom(...values)), printable).filter((text) => !values.includes(text));
}

const required = ["(request-target)", "host"];

/** Values that their parameter may not have, by what is wrong with them. */
function wrongValues({ headers, signature }: RequestSignature): [string, string, fc.Arbitrary<string>][] {
  const bytes = base64(signature);
  return [
    ["another version", "version", otherThan("1")],
    ["another algorithm", "algorithm", otherThan("rsa-sha256", "rsa-pss-sha256")],
    [
      "a required header not signed",
      "headers",
      fc.constantFrom(...required).map((missing) => headers.filter((name) => name !== missing).join(" ")),
    ],
    [
      "a header signed twice",
      "headers",
      fc.constantFrom(...headers).map((twice) => [...headers, twice].join(" ")),
    ],
    [
      "another header signed",
      "headers",
      fc
        .tuple(word, fc.nat(headers.length))
        .filter(([name]) => !["date", "host"].includes(name.toLowerCase()))
        .map(([name, at]) => headers.toSpliced(at, 0, name as SignedHeader).join(" ")),
    ],
    [
      "another separator of headers",
      "headers",
      fc.constantFrom("  ", ",", "\t", ", ", "\n").map((separator) => headers.join(separator)),
    ],
    [
      "a signature that is not base64",
      "signature",
      fc.tuple(fc.constantFrom(..."-_ .:~%"), fc.nat()).map(([character, position]) => {
        const at = position % (bytes.length + 1);
        return bytes.slice(0, at) + character + bytes.slice(at);
      }),
    ],
    [
      "a signature of a length that no key makes",
      "signature",
      fc
        .oneof(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 1025, max: 2000 }))
        .map((length) => base64(new Uint8Array(length))),
    ],
  ];
}

/** A header with exactly one defect in its structure, by the name of the defect. */
export function defective({
  signature,
  written,
}: WrittenSignature): fc.Arbitrary<{ defect: string; text: string }> {
  const { parameters } = written;
  const texts = parameters.map(quotedParameter);
  const any = fc.nat(parameters.length - 1);
  const anywhere = fc.nat(parameters.length);
  const withTexts = (changed: readonly string[]) => header(written, changed);
  const at = (index: number): WrittenParameter => {
    const parameter = parameters[index];
    if (parameter === undefined) throw new RangeError(`there is no parameter ${index}`);
    return parameter;
  };
  const rewritten = (index: number, to: (parameter: WrittenParameter) => string) =>
    withTexts(texts.with(index, to(at(index))));

  const defects: Record<string, fc.Arbitrary<string>> = {
    "a parameter is dropped": any.map((index) => withTexts(texts.toSpliced(index, 1))),
    "a parameter is doubled": fc
      .tuple(any, anywhere)
      .chain(([index, place]) =>
        fc
          .mixedCase(fc.constant(at(index).name))
          .map((name) => withTexts(texts.toSpliced(place, 0, quotedParameter({ ...at(index), name })))),
      ),
    "a value is not quoted, or on one side only, or otherwise": fc
      .tuple(
        any,
        fc.constantFrom(
          ["", ""],
          ['"', ""],
          ["", '"'],
          ["'", "'"],
          ['\\"', '\\"'],
          ['""', '""'],
          ["\u201c", "\u201d"],
        ),
      )
      .map(([index, [open, close]]) =>
        rewritten(
          index,
          ({ before, name, value, after }) => `${before}${name}=${open}${value}${close}${after}`,
        ),
      ),
    "a parameter is unknown": fc
      .tuple(unknownName, printable, anywhere)
      .map(([name, value, place]) => withTexts(texts.toSpliced(place, 0, `${name}="${value}"`))),
    "a separator is wrong": fc
      .constantFrom(";", " ", "&", ",,", ", ,", "\n,", ",\r\n ", "")
      .map((separator) => header(written, texts, separator)),
    "there is space round an equals sign": fc
      .tuple(any, fc.constantFrom(" =", "= ", "\t=", "=\t", "==", ":"))
      .map(([index, equals]) =>
        rewritten(index, ({ before, name, value, after }) => `${before}${name}${equals}"${value}"${after}`),
      ),
    "there is something after it": anyText
      .filter((more) => /[^ \t]/.test(more))
      .map((more) => write(written) + more),
    "there is something before it": anyText
      .filter((more) => more !== "")
      .map((more) => more + write(written)),
    "a value has a forbidden character": fc
      .tuple(any, fc.nat(), forbidden)
      .map(([index, position, character]) =>
        rewritten(index, (parameter) => {
          const place = position % (parameter.value.length + 1);
          const value = parameter.value.slice(0, place) + character + parameter.value.slice(place);
          return quotedParameter({ ...parameter, value });
        }),
      ),
    "white space has a forbidden character": fc
      .tuple(fc.constantFrom("gap", "before", "after"), any, fc.boolean(), forbiddenAnywhere)
      .map(([where, index, first, character]) => {
        const changed = (blank: string) => (first ? character + blank : blank + character);
        return where === "gap"
          ? header({ ...written, gap: changed(written.gap) }, texts)
          : rewritten(index, (parameter) =>
              quotedParameter({ ...parameter, [where]: changed(parameter[where]) }),
            );
      }),
    "there is a forbidden character anywhere": fc
      .tuple(fc.nat(), forbiddenAnywhere)
      .map(([position, character]) => {
        const text = write(written);
        const place = position % (text.length + 1);
        return text.slice(0, place) + character + text.slice(place);
      }),
    "there are no parameters": fc.constant(withTexts([])),
    "there is no white space after the scheme": fc.constant(
      header({ ...written, gap: "" }, texts.with(0, texts[0]?.trimStart() ?? "")),
    ),
    "the scheme is another": word
      .filter((scheme) => scheme.toLowerCase() !== "signature")
      .map((scheme) => header({ ...written, scheme }, texts)),
  };
  for (const [defect, name, values] of wrongValues(signature)) {
    const index = parameters.findIndex((parameter) => parameter.name.toLowerCase() === name);
    defects[defect] = values.map((value) =>
      rewritten(index, (parameter) => quotedParameter({ ...parameter, value })),
    );
  }
  return fc.oneof(...Object.entries(defects).map(([defect, made]) => made.map((text) => ({ defect, text }))));
}

/** Headers that are valid, almost valid, defective, or anything. */
export const anyAuthorization = fc.oneof(
  orAnything(writtenSignature.map(({ written }) => write(written))),
  writtenSignature.chain(defective).map(({ text }) => text),
  anyText.map((text) => `Signature ${text}`),
);
