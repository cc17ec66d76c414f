import ipaddr from "ipaddr.js";
import type { TrustedIp } from "../storage/tables.ts";

/** An IPv4 or IPv6 address, or a range in CIDR notation; undefined if the text is neither. */
export function parseTrustedIp(written: string): TrustedIp | undefined {
  // ipaddr.js reads '::10.0.0.1' as '::ffff:10.0.0.1', which is another address.
  const text = written.replace(/^::(?=\d+\.)/, "0::");
  // IPv4 needs four decimal parts: '10.1' and '010.0.0.1' are mistakes, though inet_aton accepts them. An IPv6 zone
  // ('%eth0') is valid on one host only, and '/08' is a mistake too.
  if (text.includes("%") || /\/0\d/.test(text)) return undefined;
  if (ipaddr.IPv4.isValidCIDRFourPartDecimal(text) || ipaddr.IPv6.isValidCIDR(text)) {
    const [address, prefix] = ipaddr.parseCIDR(text);
    return { ipAddress: address.toString(), type: address.kind(), prefix };
  }
  if (ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text)) {
    const address = ipaddr.parse(text);
    return { ipAddress: address.toString(), type: address.kind() };
  }
  return undefined;
}

/** Whether tokens may be used from every address. */
export function trustsAnyone(trusted: readonly TrustedIp[]): boolean {
  const everyOf = (type: TrustedIp["type"]) =>
    trusted.some((range) => range.type === type && range.prefix === 0);
  return everyOf("ipv4") && everyOf("ipv6");
}

/** An IPv4 address or range that is written as IPv6 (`::ffff:10.0.0.0/104`) counts as what it maps to. */
function unmapped({ ipAddress, prefix }: { ipAddress: string; prefix?: number | undefined }) {
  const address = ipaddr.parse(ipAddress);
  const length = prefix ?? (address.kind() === "ipv4" ? 32 : 128);
  if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && length >= 96) {
    return { address: address.toIPv4Address(), length: length - 96 };
  }
  return { address, length };
}

/** Also false if `ip` is not an address. */
export function trusts(trusted: readonly TrustedIp[], ip: string): boolean {
  const from = parseTrustedIp(ip);
  if (from === undefined || from.prefix !== undefined) return false;
  const { address } = unmapped(from);
  return trusted.some((range) => {
    const allowed = unmapped(range);
    return allowed.address.kind() === address.kind() && address.match(allowed.address, allowed.length);
  });
}

export function isIpAddress(text: string): boolean {
  const parsed = parseTrustedIp(text);
  return parsed !== undefined && parsed.prefix === undefined;
}
