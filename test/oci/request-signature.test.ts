import { describe, expect, it } from "vitest";
import {
  formatRequestSignature,
  parseRequestSignature,
  type SignedHeader,
} from "../../src/oci/request-signature.ts";
import { parseSignedGetUser } from "../../src/oci/signed-get-user.ts";
import { base64 } from "./key-pairs.ts";
import { newTenancyOcid, newUserOcid } from "./ocids.ts";
import { accepted, refused } from "./parsed-values.ts";

const userOcid = newUserOcid();
const keyId = `${newTenancyOcid()}/${userOcid}/0f:1e:2d:3c:4b:5a:69:78:87:96:a5:b4:c3:d2:e1:f0`;

const randomBytes = (length: number) => crypto.getRandomValues(new Uint8Array(length));
const signature = randomBytes(256);

const valid = {
  version: "1",
  keyId,
  algorithm: "rsa-sha256",
  headers: "date (request-target) host",
  signature: base64(signature),
};
type Parameters = Record<string, string>;

function authorization(parameters: Parameters): string {
  const list = Object.entries(parameters).map(([name, value]) => `${name}="${value}"`);
  return `Signature ${list.join(",")}`;
}

/** The valid header with one text in it replaced. */
function replaced(from: string | RegExp, to: string): string {
  const text = authorization(valid).replace(from, () => to);
  if (text === authorization(valid)) throw new Error(`${from} is not in the header`);
  return text;
}

const parsedValid = {
  ok: true,
  value: { keyId, algorithm: "rsa-sha256", headers: ["date", "(request-target)", "host"], signature },
};

describe("reads the parameters", () => {
  it.each([
    ["the Go SDK", ["version", "headers", "keyId", "algorithm", "signature"]],
    ["the Python SDK", ["algorithm", "headers", "keyId", "signature", "version"]],
    ["the TypeScript SDK", ["version", "keyId", "algorithm", "headers", "signature"]],
  ] as const)("in the order of %s", (_, order) => {
    const ordered = Object.fromEntries(order.map((name) => [name, valid[name]]));
    expect(parseRequestSignature(authorization(ordered))).toEqual(parsedValid);
  });

  it.each([
    ["a scheme in lower case", replaced("Signature", "signature")],
    ["a scheme in upper case", replaced("Signature", "SIGNATURE")],
    ["several spaces after the scheme", replaced("Signature ", "Signature \t ")],
    ["names in lower case", replaced("keyId", "keyid")],
    ["names in upper case", replaced("keyId", "KEYID")],
    ["names in mixed case", replaced("algorithm", "AlgoRithm")],
    ["spaces after commas", replaced(/,/g, ", ")],
    ["spaces before commas", replaced(/,/g, " ,")],
    ["tabs around commas", replaced(/,/g, "\t,\t")],
    ["spaces at the end", `${authorization(valid)}  `],
    ["header names in upper case", replaced("date (request-target) host", "Date (Request-Target) HOST")],
  ])("with %s", (_, text) => {
    expect(parseRequestSignature(text)).toEqual(parsedValid);
  });

  it.each(["rsa-sha256", "rsa-pss-sha256"])("with algorithm %s", (algorithm) => {
    const parsed = parseRequestSignature(authorization({ ...valid, algorithm }));
    expect(parsed).toMatchObject({ ok: true, value: { algorithm } });
  });

  it.each([
    "x-date (request-target) host",
    "host (request-target) date",
    "(request-target) x-date host date",
    "(request-target) host",
  ])("with the headers '%s', in the order in which they were signed", (headers) => {
    const parsed = parseRequestSignature(authorization({ ...valid, headers }));
    expect(parsed).toMatchObject({ ok: true, value: { headers: headers.split(" ") } });
  });

  it.each([256, 384, 512, 1024])("with a signature of %i bytes", (length) => {
    const bytes = randomBytes(length);
    const parsed = parseRequestSignature(authorization({ ...valid, signature: base64(bytes) }));
    expect(parsed).toMatchObject({ ok: true, value: { signature: bytes } });
  });

  it("of one signature to the same bytes, with and without base64 padding", () => {
    const bare = valid.signature.replace(/=+$/, "");
    expect(bare).not.toBe(valid.signature);
    expect(parseRequestSignature(authorization({ ...valid, signature: bare }))).toEqual(parsedValid);
  });

  it("that it wrote itself", () => {
    const written = {
      keyId,
      algorithm: "rsa-pss-sha256",
      headers: ["x-date", "(request-target)", "host"],
    } as const;
    const bytes = randomBytes(1024);
    const text = formatRequestSignature({ ...written, signature: bytes });
    expect(parseRequestSignature(text)).toEqual({ ok: true, value: { ...written, signature: bytes } });
  });

  it("without parsing keyId, which has a grammar of its own", () => {
    const parsed = parseRequestSignature(authorization({ ...valid, keyId: "ST$token" }));
    expect(parsed).toMatchObject({ ok: true, value: { keyId: "ST$token" } });
  });
});

describe("refuses an authorization header", () => {
  const cases: Record<string, Record<string, string>> = {
    "the scheme is not 'Signature'": {
      "that is empty": "",
      "of another scheme": "Bearer abc",
      "of a scheme that begins alike": replaced("Signature", "Signatures"),
      "without a scheme": replaced("Signature ", ""),
      "without a space after the scheme": replaced("Signature ", "Signature"),
      "with a newline after the scheme": replaced("Signature ", "Signature\n"),
      "with a space before the scheme": ` ${authorization(valid)}`,
      "with a newline before the scheme": `\n${authorization(valid)}`,
    },
    "expected a parameter": {
      "without parameters": "Signature ",
      "with a trailing comma": `${authorization(valid)},`,
      "with a trailing comma and space": `${authorization(valid)}, `,
      "with a leading comma": replaced("Signature ", "Signature ,"),
      "with two commas": replaced(/,/, ",,"),
      "with a semicolon for a comma": replaced(/,/, ";"),
      "with a space for a comma": replaced(/,/, " "),
      "with trailing garbage": `${authorization(valid)} garbage`,
      "with another header after it": `${authorization(valid)}\r\nX-Evil: 1`,
      "with a trailing newline": `${authorization(valid)}\n`,
      "with a trailing NUL": `${authorization(valid)}\0`,
      "with a newline after a comma": replaced(/,/, ",\n"),
      "with an unquoted value": replaced('version="1"', "version=1"),
      "with single quotes": replaced('version="1"', "version='1'"),
      "with a value that is not closed": authorization(valid).slice(0, -1),
      "with a value that is not opened": replaced('version="1"', 'version=1"'),
      "with a space before =": replaced("version=", "version ="),
      "with a space after =": replaced("version=", "version= "),
      "with a parameter without a name": replaced("version=", "="),
      "with a parameter without a value": replaced('version="1"', "version"),
      "with a hyphen in a name": replaced("keyId=", "key-id="),
      "with a quote in a value": replaced(keyId, `${keyId}"`),
      "with a long s for an s in a name": replaced("version", "verſion"),
      "with a Kelvin sign for a K in a name": replaced("keyId", "\u212aeyId"),
    },
    "keyId is malformed: character": {
      "with an escaped quote": replaced(keyId, `${keyId}\\"`),
      "with a backslash": replaced(keyId, `${keyId}\\`),
      "with a newline in a value": replaced(keyId, `${keyId}\n`),
      "with a carriage return in a value": replaced(keyId, `${keyId}\r`),
      "with a NUL in a value": replaced(keyId, `${keyId}\0`),
      "with a tab in a value": replaced(keyId, `${keyId}\t`),
      "with a DEL in a value": replaced(keyId, `${keyId}\x7f`),
      "with a letter beyond ASCII in a value": replaced(keyId, `${keyId}é`),
    },
    "unknown parameter": {
      "with a parameter of draft-cavage that OCI does not know": `${authorization(valid)},created="1402170695"`,
      "with an unknown parameter": `${authorization(valid)},realm="x"`,
      "with an object's property for a parameter": `${authorization(valid)},constructor="x"`,
    },
    "appears twice": Object.fromEntries(
      Object.entries(valid).flatMap(([name, value]) => [
        [`with ${name} twice`, `${authorization(valid)},${name}="${value}"`],
        [
          `with ${name} twice, once in other case`,
          `${authorization(valid)},${name.toUpperCase()}="${value}"`,
        ],
      ]),
    ),
    "is missing": Object.fromEntries(
      Object.keys(valid).map((name) => [
        `without ${name}`,
        authorization(Object.fromEntries(Object.entries(valid).filter(([other]) => other !== name))),
      ]),
    ),
    "is not '1'": Object.fromEntries(
      ["2", "", "01", "1.0", " 1", "1 ", "one"].map((version) => [
        `of version '${version}'`,
        authorization({ ...valid, version }),
      ]),
    ),
    "is neither 'rsa-sha256' nor 'rsa-pss-sha256'": Object.fromEntries(
      ["", "hmac-sha256", "rsa-sha1", "rsa-sha512", "RSA-SHA256", "rsa-sha256 ", "hs2019", "none"].map(
        (algorithm) => [`of algorithm '${algorithm}'`, authorization({ ...valid, algorithm })],
      ),
    ),
    "can be verified": Object.fromEntries(
      [
        "",
        "date (request-target) host content-length",
        "date (request-target) host opc-request-id",
        "date (request-target) host (created)",
        "date  (request-target) host",
        " date (request-target) host",
        "date (request-target) host ",
        "date,(request-target),host",
        "date request-target host",
        "date (request-target) host:",
        "date (request-target) constructor",
      ].map((headers) => [`that signs '${headers}'`, authorization({ ...valid, headers })]),
    ),
    "a header is signed twice": Object.fromEntries(
      [
        "date date (request-target) host",
        "date (request-target) host host",
        "date (request-target) host (request-target)",
        "x-date (request-target) host X-Date",
      ].map((headers) => [`that signs '${headers}'`, authorization({ ...valid, headers })]),
    ),
    "is not signed": Object.fromEntries(
      ["date", "date host", "date (request-target)", "x-date host"].map((headers) => [
        `that signs only '${headers}'`,
        authorization({ ...valid, headers }),
      ]),
    ),
    "signature is not base64": {
      "whose signature is empty": authorization({ ...valid, signature: "" }),
      "whose signature is base64url": authorization({ ...valid, signature: `-_${valid.signature.slice(2)}` }),
      "whose signature has a space": authorization({ ...valid, signature: `${valid.signature} ` }),
      "whose signature has padding in the middle": authorization({
        ...valid,
        signature: `AA==${valid.signature}`,
      }),
      "whose signature has padding alone": authorization({ ...valid, signature: "==" }),
      "whose signature is padded too much": authorization({ ...valid, signature: `${valid.signature}=` }),
      "whose signature has a length that base64 has not": authorization({
        ...valid,
        signature: `${"A".repeat(344)}A`,
      }),
      "whose signature is hex with colons": authorization({ ...valid, signature: "0f:1e" }),
    },
    "signature has": Object.fromEntries(
      [1, 128, 255, 1025, 8192].map((length) => [
        `whose signature has ${length} bytes`,
        authorization({ ...valid, signature: base64(randomBytes(length)) }),
      ]),
    ),
  };

  describe.each(Object.entries(cases))("and says '%s'", (problem, headers) => {
    it.each(Object.entries(headers))("%s", (_, text) => {
      expect(refused(parseRequestSignature(text))).toContain(problem);
    });
  });
});

it.each([
  ["a newline in the tenancy's OCID", "keyId", replaced(/(?<="ocid1.{15})/, "\n"), "U+000A at position 21"],
  [
    "a newline after the fingerprint",
    "keyId",
    replaced(keyId, `${keyId}\n`),
    `U+000A at position ${keyId.length + 1}`,
  ],
  ["a quoted pair", "keyId", replaced(keyId, `${keyId}\\"`), `'\\' at position ${keyId.length + 1}`],
  [
    "a line break in the base64",
    "signature",
    replaced(/(?<=signature=".{64})/, "\r\n"),
    "U+000D at position 65",
  ],
  ["a name in capitals", "HEADERS", replaced('headers="date', 'HEADERS="date\u00a0'), "U+00A0 at position 5"],
])("names the parameter, the character and its position for %s", (_, name, text, character) => {
  const problem = `authorization: ${name} is malformed: character ${character}`;
  expect(refused(parseRequestSignature(text))).toBe(problem);
});

it("does not name an unknown parameter, and quotes at most 40 characters", () => {
  const text = `Signature ${"x".repeat(10_000)}="\n"`;
  expect(refused(parseRequestSignature(text))).toBe(
    `authorization: expected a parameter as name="value" at '${"x".repeat(40)}'`,
  );
});

describe("rebuilds the signing string of a Get User", () => {
  const host = "identity.us-ashburn-1.oci.oraclecloud.com";
  const date = "Tue, 24 Nov 2026 03:04:57 GMT";
  const xDate = "Tue, 24 Nov 2026 03:04:58 GMT";
  const target = `get /20160918/users/${userOcid}`;
  const signedBy = (headers: { host: string; date?: string; "x-date"?: string }, signed: SignedHeader[]) =>
    parseSignedGetUser(userOcid, headers, signed);

  it.each<[SignedHeader[], { date?: string; "x-date"?: string }, string]>([
    [
      ["date", "(request-target)", "host"],
      { date },
      `date: ${date}\n(request-target): ${target}\nhost: ${host}`,
    ],
    [
      ["x-date", "(request-target)", "host"],
      { date, "x-date": xDate },
      `x-date: ${xDate}\n(request-target): ${target}\nhost: ${host}`,
    ],
    [
      ["host", "(request-target)", "x-date", "date"],
      { date, "x-date": xDate },
      `host: ${host}\n(request-target): ${target}\nx-date: ${xDate}\ndate: ${date}`,
    ],
    [["(request-target)", "host"], { date }, `(request-target): ${target}\nhost: ${host}`],
  ])("in the signed order %j", (signed, dates, text) => {
    expect(accepted(signedBy({ host, ...dates }, signed)).signingString).toBe(text);
  });

  it.each<[string, SignedHeader[], string | undefined]>([
    ["date, if only it is signed", ["date", "(request-target)", "host"], date],
    ["x-date, if only it is signed", ["x-date", "(request-target)", "host"], xDate],
    ["x-date, if both are signed", ["date", "x-date", "(request-target)", "host"], xDate],
    ["x-date, if both are signed and it comes first", ["x-date", "date", "(request-target)", "host"], xDate],
    ["nothing, if no date is signed", ["(request-target)", "host"], undefined],
  ])("and its date is %s", (_, signed, signedDate) => {
    expect(accepted(signedBy({ host, date, "x-date": xDate }, signed)).date?.text).toBe(signedDate);
  });

  it.each(["garbage", "", "Tue, 24 Nov 2026 03:04:57 GMT\nhost: evil.example.com", "\0"])(
    "and ignores the unsigned date %j",
    (unsigned) => {
      const signed: SignedHeader[] = ["x-date", "(request-target)", "host"];
      expect(signedBy({ host, date: unsigned, "x-date": xDate }, signed)).toEqual(
        signedBy({ host, "x-date": xDate }, signed),
      );
      expect(signedBy({ host, date, "x-date": unsigned }, ["date", "(request-target)", "host"])).toEqual(
        signedBy({ host, date }, ["date", "(request-target)", "host"]),
      );
    },
  );

  it.each(["date", "x-date"] as const)("and refuses a signed %s that was not sent", (name) => {
    const sent = { date, "x-date": xDate, [name]: undefined };
    const parsed = parseSignedGetUser(userOcid, { host, ...sent }, [name, "(request-target)", "host"]);
    expect(refused(parsed)).toContain(`headers.${name} is missing`);
  });

  it.each<[string, SignedHeader[]]>([
    ["host", ["date", "(request-target)", "host"]],
    ["date", ["date", "(request-target)", "host"]],
    ["x-date", ["x-date", "(request-target)", "host"]],
    ["date", ["date", "x-date", "(request-target)", "host"]],
  ])("and refuses a %s that contains a line of its own, signed as %j", (name, signed) => {
    const sent = { host, date, "x-date": xDate };
    for (const smuggled of ["\n", "\r", "\r\n", "\nhost: evil.example.com", "\0", " ", "\u2028"]) {
      const value = sent[name as keyof typeof sent] + smuggled;
      expect(signedBy({ ...sent, [name]: value }, signed)).toMatchObject({ ok: false });
    }
  });

  it("and refuses a host that is not an Identity service's", () => {
    expect(
      refused(signedBy({ host: "evil.example.com", date }, ["date", "(request-target)", "host"])),
    ).toContain("is not an OCI Identity host");
  });
});
