import { describe, expect, it } from "vitest";
import { isIpAddress, parseTrustedIp, trusts, trustsAnyone } from "../../src/identities/trusted-ips.ts";
import type { TrustedIp } from "../../src/storage/tables.ts";

function rangesOf(...texts: string[]): TrustedIp[] {
  return texts.map((text) => {
    const range = parseTrustedIp(text);
    if (range === undefined) throw new Error(`${text} was refused`);
    return range;
  });
}

/** Not addresses to a reader, even if inet_aton accepts them. */
const noAddresses = [
  "",
  " ",
  "10",
  "10.1",
  "10.0.1",
  "010.0.0.1",
  "10.0.0.08",
  "0x0a.0.0.1",
  "0xa000001",
  "167772161",
  "10.0.0.256",
  "10.0.0.-1",
  "10.0.0.1.",
  "10.0.0.1.1",
  " 10.0.0.1",
  "10.0.0.1 ",
  "10.0.0.1\n",
  "10.0.0.1:80",
  "10.0.0.1, 10.0.0.2",
  ":",
  ":::",
  "1::2::3",
  "2001:db8",
  "2001:db8::12345",
  "1:2:3:4:5:6:7:8:9",
  "[::1]",
  "::1 ",
  "fe80::1%eth0",
  "::ffff:10.0.0.256",
  "localhost",
  "example.com",
  "unknown",
  "null",
];

const noRanges = [
  "/",
  "/8",
  "10.0.0.0/",
  "10.0.0.0/33",
  "10.0.0.0/-1",
  "10.0.0.0/8.5",
  "10.0.0.0/8 ",
  "10.0.0.0/a",
  "10.0.0.0/255.0.0.0",
  "10.0.0.0/8/8",
  "10/8",
  "10.0/16",
  "010.0.0.0/8",
  "10.0.0.0/08",
  "0x0a.0.0.0/8",
  "::/129",
  "::/-1",
  "2001:db8/32",
  "fe80::%eth0/64",
];

describe("a trusted IP", () => {
  it.each<[string, TrustedIp]>([
    ["10.1.2.3", { ipAddress: "10.1.2.3", type: "ipv4" }],
    ["0.0.0.0", { ipAddress: "0.0.0.0", type: "ipv4" }],
    ["255.255.255.255", { ipAddress: "255.255.255.255", type: "ipv4" }],
    ["10.0.0.0/8", { ipAddress: "10.0.0.0", type: "ipv4", prefix: 8 }],
    ["10.1.2.3/32", { ipAddress: "10.1.2.3", type: "ipv4", prefix: 32 }],
    ["0.0.0.0/0", { ipAddress: "0.0.0.0", type: "ipv4", prefix: 0 }],
    ["::1", { ipAddress: "::1", type: "ipv6" }],
    ["2001:db8::1", { ipAddress: "2001:db8::1", type: "ipv6" }],
    ["2001:DB8:0:0:0:0:0:1", { ipAddress: "2001:db8::1", type: "ipv6" }],
    ["2001:db8::/32", { ipAddress: "2001:db8::", type: "ipv6", prefix: 32 }],
    ["::/0", { ipAddress: "::", type: "ipv6", prefix: 0 }],
    ["::ffff:10.0.0.1", { ipAddress: "::ffff:a00:1", type: "ipv6" }],
    ["::ffff:10.0.0.0/104", { ipAddress: "::ffff:a00:0", type: "ipv6", prefix: 104 }],
  ])("%s is read", (text, range) => {
    expect(parseTrustedIp(text)).toEqual(range);
  });

  it.each([...noAddresses, ...noRanges])("%j is refused", (text) => {
    expect(parseTrustedIp(text)).toBeUndefined();
  });
});

describe("an IP address", () => {
  it.each(["10.1.2.3", "0.0.0.0", "255.255.255.255", "::", "::1", "2001:DB8::1", "::ffff:10.0.0.1"])(
    "%s is one",
    (text) => expect(isIpAddress(text)).toBe(true),
  );

  it.each([...noAddresses, ...noRanges, "10.0.0.0/8", "10.0.0.1/32", "::/0", "::1/128"])(
    "%j is none",
    (text) => expect(isIpAddress(text)).toBe(false),
  );
});

describe("ranges trust", () => {
  it.each<[ranges: string[], ip: string]>([
    [["10.1.2.3"], "10.1.2.3"],
    [["10.1.2.3/32"], "10.1.2.3"],
    [["10.1.2.0/24"], "10.1.2.0"],
    [["10.1.2.0/24"], "10.1.2.255"],
    [["10.1.2.99/24"], "10.1.2.0"],
    [["10.1.2.128/25"], "10.1.2.128"],
    [["10.1.2.4/31"], "10.1.2.5"],
    [["0.0.0.0/0"], "255.255.255.255"],
    [["128.0.0.0/1"], "128.0.0.0"],
    [["192.0.2.1", "10.0.0.0/8"], "10.255.255.255"],
    [["2001:db8::1"], "2001:db8::1"],
    [["2001:db8::1"], "2001:0DB8:0:0::0001"],
    [["2001:db8::/32"], "2001:db8::"],
    [["2001:db8::/32"], "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"],
    [["2001:db8::/127"], "2001:db8::1"],
    [["::/0"], "2001:db8::1"],
    [["10.0.0.0/8", "::/0"], "2001:db8::1"],
    // IPv4 written as IPv6, in the range or in the address.
    [["10.0.0.0/8"], "::ffff:10.255.255.255"],
    [["10.0.0.0/8"], "::ffff:a00:1"],
    [["10.1.2.3"], "::FFFF:10.1.2.3"],
    [["0.0.0.0/0"], "::ffff:192.0.2.1"],
    [["::ffff:10.1.2.3"], "10.1.2.3"],
    [["::ffff:10.1.2.3"], "::ffff:10.1.2.3"],
    [["::ffff:10.0.0.0/104"], "10.255.255.255"],
    [["::ffff:10.0.0.0/104"], "::ffff:10.0.0.0"],
    [["::ffff:0:0/96"], "192.0.2.1"],
    [["::ffff:0:0/96"], "::ffff:192.0.2.1"],
    // More than IPv4: an IPv6 range.
    [["::ffff:0:0/90"], "::ffc0:0:1"],
  ])("%j, %s", (ranges, ip) => {
    expect(trusts(rangesOf(...ranges), ip)).toBe(true);
  });
});

describe("ranges do not trust", () => {
  it.each<[ranges: string[], ip: string]>([
    [[], "10.1.2.3"],
    [["10.1.2.3"], "10.1.2.4"],
    [["10.1.2.0/24"], "10.1.1.255"],
    [["10.1.2.0/24"], "10.1.3.0"],
    [["10.1.2.128/25"], "10.1.2.127"],
    [["10.1.2.4/31"], "10.1.2.6"],
    [["128.0.0.0/1"], "127.255.255.255"],
    [["192.0.2.1", "10.0.0.0/8"], "192.0.2.2"],
    [["2001:db8::1"], "2001:db8::2"],
    [["2001:db8::/32"], "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff"],
    [["2001:db8::/32"], "2001:db9::"],
    // IPv4 and IPv6 do not match each other.
    [["0.0.0.0/0"], "2001:db8::1"],
    [["0.0.0.0/0"], "::1"],
    [["::/0"], "10.1.2.3"],
    [["::/0"], "::ffff:10.1.2.3"],
    [["::a00:1"], "10.0.0.1"],
    // IPv4 written as IPv6, in the range or in the address.
    [["10.0.0.0/8"], "::ffff:11.0.0.0"],
    [["10.1.2.3"], "::ffff:10.1.2.4"],
    [["::ffff:10.0.0.0/104"], "11.0.0.0"],
    [["::ffff:10.0.0.0/104"], "9.255.255.255"],
    [["::ffff:10.1.2.3"], "::ffff:10.1.2.4"],
    [["::ffff:0:0/96"], "2001:db8::1"],
    [["::ffff:0:0/90"], "10.0.0.1"],
  ])("%j, %s", (ranges, ip) => {
    expect(trusts(rangesOf(...ranges), ip)).toBe(false);
  });

  it.each(noAddresses)("%j, which is not an address", (ip) => {
    expect(trusts(rangesOf("0.0.0.0/0", "::/0"), ip)).toBe(false);
  });
});

describe("a token may be used from any address", () => {
  it.each([
    [["0.0.0.0/0", "::/0"]],
    [["::/0", "0.0.0.0/0"]],
    [["10.0.0.1", "0.0.0.0/0", "::/0"]],
    [["1.2.3.4/0", "2001:db8::/0"]],
  ])("for %j", (ranges) => {
    expect(trustsAnyone(rangesOf(...ranges))).toBe(true);
  });

  it.each([
    [[]],
    [["0.0.0.0/0"]],
    [["::/0"]],
    [["0.0.0.0/1", "128.0.0.0/1", "::/0"]],
    [["0.0.0.0", "::"]],
    [["0.0.0.0/0", "2000::/3"]],
    [["::ffff:0:0/96"]],
  ])("but not for %j", (ranges) => {
    expect(trustsAnyone(rangesOf(...ranges))).toBe(false);
  });
});
