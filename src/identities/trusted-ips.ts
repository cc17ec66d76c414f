import ipaddr from "ipaddr.js";
import type { TrustedIp } from "./tables.ts";

/** An IPv4 or IPv6 address, or a range in CIDR notation; undefined if the text is neither. */
export function parseTrustedIp(text: string): TrustedIp | undefined {
  // IPv4 in four decimal parts only: '10.1' and '010.0.0.1' mean something to inet_aton, and are slips to everyone else.
  // An IPv6 zone ('%eth0') means something on one host only.
  if (text.includes("%")) return undefined;
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
