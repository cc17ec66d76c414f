import { Buffer } from "node:buffer";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { parseRoot, type TrustedRoot, trustRoot } from "../../src/oci/certificate-authority.ts";
import { readDer } from "../../src/oci/der.ts";
import { parseInstanceChain } from "../../src/oci/instance-chain.ts";
import { parseRootsAnswer } from "../../src/oci/instance-roots.ts";
import { parseInstanceStatement } from "../../src/oci/instance-statement.ts";
import { type Parsed, parsing } from "../../src/oci/parsed.ts";
import { forAll, scale } from "../for-all.ts";
import { anyText } from "./arbitraries.ts";
import { type DerNode, encode, node, treeOf } from "./der-tree.ts";
import { type Chain, chainOf, newKeys, now, timeToMakeKeys } from "./instance-chains.ts";
import { accepted } from "./parsed-values.ts";
import { vouchingRoot } from "./verified-chain.ts";

type Bytes = Uint8Array<ArrayBuffer>;

let chain: Chain;
let root: TrustedRoot;
beforeAll(async () => {
  chain = await chainOf(await newKeys());
  const [der = new Uint8Array()] = chain.roots;
  const trusted = await trustRoot(accepted(parseRoot(der)));
  if (trusted === undefined) throw new Error("the root is not self-signed");
  root = trusted;
}, timeToMakeKeys);

/** Whether the profile and the signatures let a chain through, whatever the time. */
async function isAccepted({ leaf, intermediate }: Pick<Chain, "leaf" | "intermediate">): Promise<boolean> {
  const parsed = parseInstanceChain([leaf, intermediate]);
  if (!parsed.ok) return expectProblem(parsed);
  return (await vouchingRoot(parsed.value, [root], now)) !== undefined;
}

/** What is refused is explained, in printable text of bounded length, whatever was sent. */
function expectProblem(parsed: Parsed<unknown>): false {
  expect(parsed.ok ? "" : parsed.problem).toMatch(/^[\x20-\x7e]{1,2000}$/);
  return false;
}

const areEqual = (one: Uint8Array, other: Uint8Array) => Buffer.compare(one, other) === 0;

describe("a chain", () => {
  it("is accepted as it is", async () => {
    expect(await isAccepted(chain)).toBe(true);
  });

  it.each(["leaf", "intermediate"] as const)("is refused with any byte of the %s changed", async (which) => {
    const bits = Math.min(Math.ceil(scale), 8);
    for (const [at, byte] of chain[which].entries()) {
      for (let turn = 0; turn < bits; turn += 1) {
        const bit = (at + turn) % 8;
        const changed = chain[which].with(at, byte ^ (1 << bit));
        expect([which, at, bit, await isAccepted({ ...chain, [which]: changed })]).toEqual([
          which,
          at,
          bit,
          false,
        ]);
      }
    }
  });

  /** One place where bytes are replaced, dropped or put in. Positions count round and round. */
  const change = fc.record({
    which: fc.constantFrom("leaf", "intermediate"),
    at: fc.nat(10_000),
    dropped: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, fc.nat(40)),
    put: fc.oneof(
      { weight: 4, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 1 }) },
      fc.uint8Array({ maxLength: 40 }),
    ),
  });

  it("is refused with any bytes of both changed", () =>
    forAll(5000, fc.array(change, { minLength: 2, maxLength: 12 }), async (changes) => {
      const bytes = { leaf: chain.leaf, intermediate: chain.intermediate };
      for (const { which, at, dropped, put } of changes) {
        const start = at % bytes[which].length;
        const [before, after] = [bytes[which].subarray(0, start), bytes[which].subarray(start + dropped)];
        bytes[which] = Uint8Array.from(Buffer.concat([before, put, after]));
      }
      const isSame = areEqual(bytes.leaf, chain.leaf) && areEqual(bytes.intermediate, chain.intermediate);
      expect(await isAccepted(bytes)).toBe(isSame);
    }));

  it("is refused with the parts of certificates exchanged", () =>
    forAll(300, fc.tuple(fc.nat(9), fc.nat(9)), async ([one, other]) => {
      const [leaf, intermediate] = [treeOf(chain.leaf), treeOf(chain.intermediate)];
      const partsOf = (certificate: DerNode) => [
        ...certificate.children,
        ...(certificate.children[0]?.children ?? []),
      ];
      const [to, from] = [partsOf(leaf)[one], partsOf(intermediate)[other]];
      if (to === undefined || from === undefined) return;
      Object.assign(to, structuredClone(from));
      const changed = encode(leaf);
      expect(await isAccepted({ ...chain, leaf: changed })).toBe(areEqual(changed, chain.leaf));
    }));
});

const bytes = fc.uint8Array({ maxLength: 3000 }).map((some): Bytes => Uint8Array.from(some));

const { tree } = fc.letrec<{ tree: DerNode }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 12 },
    fc
      .tuple(fc.constantFrom(1, 2, 3, 4, 5, 6, 0x0c, 0x13, 0x17, 0x80, 0x85, 0x9f, 0x1f), bytes)
      .map(([tag, content]) => node(tag, content.subarray(0, 300))),
    fc
      .tuple(
        fc.constantFrom(0x30, 0x31, 0xa0, 0xa3, 0xbf),
        fc.array(tie("tree"), { maxLength: 4 }),
        fc.oneof(
          { weight: 12, arbitrary: fc.constant(undefined) },
          fc.constantFrom<"padded" | "indefinite">("padded", "indefinite"),
        ),
      )
      .map(([tag, children, length]): DerNode => ({ ...node(tag, ...children), ...(length && { length }) })),
  ),
}));

describe("any bytes", () => {
  const derLike = fc.oneof(
    bytes,
    tree.map(encode),
    fc
      .tuple(tree.map(encode), fc.nat(), fc.nat(255))
      .map(([der, at, byte]) => der.with(at % der.length, byte)),
    fc.tuple(tree.map(encode), fc.nat()).map(([der, length]) => der.slice(0, length % der.length)),
  );

  it("that are read as DER are written again as they were", () =>
    forAll(2000, derLike, (der) => {
      const parsed = parsing("it", () => readDer(der));
      if (!parsed.ok) return void expectProblem(parsed);
      expect(encode(treeOf(der))).toEqual(der);
      expect(parsed.value.bytes).toEqual(der);
    }));

  it("are judged as a certificate, and a part of one with them in it", () =>
    forAll(
      1000,
      fc.tuple(derLike, tree, fc.array(fc.nat(9), { maxLength: 5 })),
      async ([der, part, path]) => {
        const certificate = treeOf(chain.leaf);
        let at = certificate;
        for (const index of path) at = at.children[index % Math.max(at.children.length, 1)] ?? at;
        Object.assign(at, part);
        for (const sent of [der, encode(certificate)]) {
          expect(await isAccepted({ ...chain, leaf: sent })).toBe(areEqual(sent, chain.leaf));
          expect(await isAccepted({ ...chain, intermediate: sent })).toBe(false);
          expectProblem(parseRoot(sent));
        }
      },
    ));
});

describe("any text", () => {
  const part = fc.oneof(
    anyText,
    fc.json().map((text) => Buffer.from(text).toString("base64url")),
    fc
      .record(
        {
          alg: fc.anything(),
          typ: fc.anything(),
          x5c: fc.oneof(fc.anything(), fc.array(fc.base64String())),
          crit: fc.anything(),
        },
        { requiredKeys: [] },
      )
      .map((header) => Buffer.from(fc.stringify(header)).toString("base64url")),
    fc.constant(Buffer.alloc(256, 7).toString("base64url")),
  );

  it("is judged as a statement", () =>
    forAll(
      1000,
      fc.oneof(
        anyText,
        fc.tuple(part, part, part).map((parts) => parts.join(".")),
      ),
      (text) => {
        const parsed = parseInstanceStatement(text);
        if (!parsed.ok) return void expectProblem(parsed);
      },
    ));

  it("is judged as the roots' answer", () =>
    forAll(
      1000,
      fc.oneof(
        anyText,
        fc.json(),
        fc
          .record({
            certificates: fc.array(fc.oneof(anyText, fc.base64String(), fc.jsonValue())),
            refreshIn: fc.jsonValue(),
          })
          .map((answer) => JSON.stringify(answer)),
        fc
          .array(
            fc.oneof(anyText, fc.constantFrom("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----")),
          )
          .map((parts) => parts.join("")),
      ),
      (text) => {
        expectProblem(parseRootsAnswer(text));
      },
    ));
});
