import { Buffer } from "node:buffer";
import { beforeAll, describe, expect, it } from "vitest";
import { type Certificate, mint, newRsaKeys } from "../../dev/emulator/certificate.ts";
import { rootShape } from "../../dev/emulator/instance-certificates.ts";
import { maxAnswerLength, parseRootsAnswer } from "../../src/oci/instance-roots.ts";
import { timeToMakeKeys } from "./instance-chains.ts";
import { accepted, refused } from "./parsed-values.ts";

let root: Certificate;
let next: Certificate;
/** Of 1024 bits. */
let short: Certificate;
beforeAll(async () => {
  const at = new Date("2026-11-01T00:00:00Z");
  [root, next, short] = (await Promise.all(
    ([2048, 2048, 1024] as const).map(async (bits) =>
      mint(await rootShape("us-phoenix-1", await newRsaKeys(bits), at)),
    ),
  )) as [Certificate, Certificate, Certificate];
}, timeToMakeKeys);

const base64 = ({ der }: Certificate) => Buffer.from(der).toString("base64");
const json = (certificates: unknown, more: object = {}) => JSON.stringify({ certificates, ...more });
/** Whose roots an answer has, as DER. */
const rootsIn = (text: string) => accepted(parseRootsAnswer(text)).roots.map(({ der }) => der);

describe("the roots are read", () => {
  it.each<[string, () => string]>([
    ["from base64 of DER in JSON", () => json([root, next].map(base64))],
    [
      "from base64 with lines",
      () => json([root, next].map((one) => base64(one).replace(/.{64}/g, "$&\r\n"))),
    ],
    ["from PEM in JSON", () => json([root.pem, next.pem])],
    ["from both, mixed", () => json([base64(root), next.pem])],
    ["from a PEM bundle in JSON", () => json([root.pem + next.pem])],
    ["from a PEM bundle", () => root.pem + next.pem],
    [
      "from a PEM bundle with CR LF and text between",
      () => `Roots\n\n${root.pem}# next\n${next.pem}`.replaceAll("\n", "\r\n"),
    ],
    [
      "from JSON with white space around it and more in it",
      () => ` ${json([root, next].map(base64), { more: 1 })}\n`,
    ],
  ])("%s", (_, text) => {
    expect(rootsIn(text())).toEqual([root.der, next.der]);
  });

  it.each<[unknown, string | undefined]>([
    ["2026-11-25T13:00:00Z", "2026-11-25T13:00:00.000Z"],
    ["2026-11-25T13:00:00.123456789Z", "2026-11-25T13:00:00.123Z"],
    ["2026-11-25T13:00:00+02:00", "2026-11-25T11:00:00.000Z"],
    ["2026-11-25t13:00:00z", "2026-11-25T13:00:00.000Z"],
    ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000Z"],
    [undefined, undefined],
    [null, undefined],
  ])("with refreshIn %s, with nothing to report", (refreshIn, at) => {
    const answer = accepted(parseRootsAnswer(json([base64(root)], { refreshIn })));
    expect(answer).toMatchObject({ refreshIn: at === undefined ? undefined : Date.parse(at), problems: [] });
  });

  it.each([
    ["soon"],
    [""],
    [3600],
    [{}],
    ["2026-11-25"],
    ["2026-13-45T99:99:99Z"],
    ["Wed, 25 Nov 2026 13:00:00 GMT"],
    ["+275760-09-13T00:00:00Z"],
  ])("without a refreshIn that is %j, which is reported", (refreshIn) => {
    const answer = accepted(parseRootsAnswer(json([base64(root)], { refreshIn })));
    expect(answer).toMatchObject({ refreshIn: undefined, problems: ["refreshIn is not an RFC 3339 time"] });
  });

  it.each<[string, () => unknown, RegExp]>([
    ["of 1024 bits", () => base64(short), /RSA key of 2048 to 4096 bits/],
    ["that is no base64", () => "!", /neither base64 nor PEM/],
    ["that is no certificate", () => "AAAA", /not DER/],
    ["that is no text", () => 1, /not DER/],
    ["that is cut off", () => root.pem.slice(0, -30), /neither base64 nor PEM/],
    [
      "in PEM of another name",
      () => root.pem.replaceAll("CERTIFICATE", "PUBLIC KEY"),
      /neither base64 nor PEM/,
    ],
  ])("without one %s, which is reported and takes no other along", (_, other, problem) => {
    const answer = accepted(parseRootsAnswer(json([other(), base64(root)])));
    expect(answer.roots.map(({ der }) => der)).toEqual([root.der]);
    expect(answer.problems).toEqual([expect.stringMatching(problem)]);
  });
});

it("the roots of a PEM bundle that is cut off are read, and what is missing is reported", () => {
  const { roots, problems } = accepted(parseRootsAnswer(root.pem + next.pem.slice(0, 900)));
  expect(roots.map(({ der }) => der)).toEqual([root.der]);
  expect(problems).toEqual(["a root certificate is neither base64 nor PEM"]);
});

describe("no roots are read", () => {
  it.each<[string, () => string, RegExp]>([
    ["from nothing", () => "", /no root certificate that can be used/],
    ["from an empty list", () => json([]), /no root certificate that can be used/],
    [
      "from a list without a good one",
      () => json([base64(short), "!"]),
      /2048 to 4096 bits; .* neither base64 nor PEM/,
    ],
    ["from a page", () => "<html>unavailable</html>", /no root certificate that can be used/],
    ["from an error", () => '{"code":"NotAuthenticated","message":"no"}', /neither PEM nor JSON/],
    ["from a list that is none", () => json(base64(root)), /neither PEM nor JSON/],
    ["from JSON that is cut off", () => json([base64(root)]).slice(0, -5), /neither PEM nor JSON/],
    ["from PEM that is cut off", () => root.pem.slice(0, 900), /no root certificate that can be used/],
    ["from 33", () => json(Array(33).fill(base64(root))), /more than 32 roots/],
    ["from 33 in PEM", () => root.pem.repeat(33), /more than 32 roots/],
    [
      "from too long a text",
      () => json([base64(root)]).padEnd(maxAnswerLength + 1),
      /more than 131072 characters/,
    ],
  ])("%s", (_, text, problem) => {
    expect(refused(parseRootsAnswer(text()))).toMatch(problem);
  });
});
