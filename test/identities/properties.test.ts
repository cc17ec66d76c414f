import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isIpAddress, parseTrustedIp, trusts } from "../../src/identities/trusted-ips.ts";
import type { TrustedIp } from "../../src/storage/tables.ts";
import { forAll } from "../for-all.ts";
import { orAnything } from "../oci/arbitraries.ts";

/** An address as a number, or a range: the first `prefix` bits of it. */
interface Address {
  readonly bits: 32 | 128;
  readonly value: bigint;
}
interface Range extends Address {
  readonly prefix: number | undefined;
}

const ipv4: fc.Arbitrary<Address> = fc
  .bigInt({ min: 0n, max: 2n ** 32n - 1n })
  .map((value) => ({ bits: 32, value }));
const mapped: fc.Arbitrary<Address> = ipv4.map(({ value }) => ({
  bits: 128,
  value: 0xffffn * 2n ** 32n + value,
}));
const ipv6: fc.Arbitrary<Address> = fc
  .oneof(
    // Any address, and one with few different groups, so that some can be abbreviated.
    fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }),
    fc
      .tuple(
        fc.bigInt({ min: 0n, max: 0xffffn }),
        fc.bigInt({ min: 0n, max: 0xffffn }),
        fc.integer({ min: 0, max: 7 }),
      )
      .map(([one, last, group]) => one * 2n ** (16n * BigInt(group)) + last)
      .map((value) => value % 2n ** 128n),
    // A small IPv6 address that looks like an IPv4 one.
    fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }),
  )
  .map((value) => ({ bits: 128, value }));
const address = fc.oneof(ipv4, mapped, ipv6);

const range: fc.Arbitrary<Range> = address.chain(({ bits, value }) =>
  fc
    .option(
      fc.oneof(
        fc.integer({ min: 0, max: bits }),
        fc.constantFrom(0, 95, 96, 97, bits).map((p) => Math.min(p, bits)),
      ),
      {
        nil: undefined,
      },
    )
    .map((prefix) => ({ bits, value, prefix })),
);

/** An address near a range: the range's own, with one or many bits changed, or any other. */
const rangeAndAddress = range.chain((within) => {
  const near = fc
    .tuple(fc.nat(within.bits - 1), fc.bigInt({ min: 0n, max: 2n ** BigInt(within.bits) - 1n }), fc.boolean())
    .map(([bit, noise, single]): Address => {
      const change = single ? 2n ** BigInt(bit) : noise % 2n ** BigInt(bit);
      return { bits: within.bits, value: within.value ^ change };
    });
  const same: Address = { bits: within.bits, value: within.value };
  return fc.tuple(fc.constant(within), fc.oneof({ weight: 3, arbitrary: near }, fc.constant(same), address));
});

function dotted(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join(".");
}

/** The ways to write an address. `style` chooses one. */
function written({ bits, value }: Address, style: number): string {
  if (bits === 32) return dotted(value);
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((value >> BigInt(16 * (7 - index))) & 0xffffn).toString(16),
  );
  const full = groups.map((group) => group.padStart(4, "0"));
  const shortened = (parts: string[]) => parts.join(":").replace(/(?:^|:)0(?::0)+(?:$|:)/, "::");
  const tail = dotted(value & 0xffffffffn);
  const ways = [
    groups.join(":"),
    full.join(":"),
    shortened(groups),
    shortened(groups).toUpperCase(),
    `${groups.slice(0, 6).join(":")}:${tail}`,
    shortened([...groups.slice(0, 6), tail]),
  ];
  return ways[style] ?? full.join(":");
}

function rangeText({ prefix, ...at }: Range, style: number): string {
  return prefix === undefined ? written(at, style) : `${written(at, style)}/${prefix}`;
}

/** An IPv4 address that is written as IPv6, or a range of such, is IPv4. */
function unmapped({ bits, value, prefix = bits }: Address & { prefix?: number | undefined }) {
  const isMapped = bits === 128 && value >> 32n === 0xffffn && prefix >= 96;
  return isMapped ? { bits: 32, value: value & 0xffffffffn, prefix: prefix - 96 } : { bits, value, prefix };
}

function contains(within: Range, at: Address): boolean {
  const [outer, inner] = [unmapped(within), unmapped(at)];
  const rest = BigInt(outer.bits - outer.prefix);
  return outer.bits === inner.bits && outer.value >> rest === inner.value >> rest;
}

function parsed(text: string): TrustedIp {
  const trusted = parseTrustedIp(text);
  if (trusted === undefined) throw new Error(`${text} was refused`);
  return trusted;
}

function printed({ ipAddress, prefix }: TrustedIp): string {
  return prefix === undefined ? ipAddress : `${ipAddress}/${prefix}`;
}

const style = fc.nat(5);

describe("a trusted IP", () => {
  it("in any notation is printed and parsed to the same value, with its kind and prefix", () =>
    forAll(200, fc.tuple(range, style), ([within, how]) => {
      const trusted = parsed(rangeText(within, how));
      expect(trusted).toMatchObject({ type: within.bits === 32 ? "ipv4" : "ipv6" });
      expect(trusted.prefix).toBe(within.prefix);
      expect(parsed(printed(trusted))).toEqual(trusted);
    }));

  it("of the forms of RFC 3986 is read", () =>
    forAll(100, fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
      expect(isIpAddress(text)).toBe(true);
      expect(trusts([parsed(text)], text)).toBe(true);
    }));

  it("that is accepted is printed and parsed to the same value, and has only an address's characters; any text gets an answer", () =>
    forAll(250, orAnything(fc.tuple(range, style).map(([within, how]) => rangeText(within, how))), (text) => {
      const trusted = parseTrustedIp(text);
      const isAddress = isIpAddress(text);
      if (trusted === undefined) {
        expect(isAddress).toBe(false);
        expect(trusts([parsed("0.0.0.0/0"), parsed("::/0")], text)).toBe(false);
        return;
      }
      expect(text).toMatch(/^[0-9a-fA-F.:]{2,45}(?:\/\d+)?$/);
      expect(isAddress).toBe(trusted.prefix === undefined);
      expect(parsed(printed(trusted))).toEqual(trusted);
    }));
});

describe("ranges trust", () => {
  it("an address whose first bits they have, in any notation, and no other", () =>
    forAll(300, fc.tuple(rangeAndAddress, style, style), ([[within, at], one, other]) => {
      expect(trusts([parsed(rangeText(within, one))], written(at, other))).toBe(contains(within, at));
    }));

  it("an address if one of them does", () =>
    forAll(100, fc.array(rangeAndAddress, { minLength: 1, maxLength: 4 }), (pairs) => {
      const ranges = pairs.map(([within]) => within);
      const trusted = ranges.map((within) => parsed(rangeText(within, 0)));
      for (const [, at] of pairs) {
        expect(trusts(trusted, written(at, 0))).toBe(ranges.some((within) => contains(within, at)));
      }
    }));
});
