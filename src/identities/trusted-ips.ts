import ipaddr from "ipaddr.js";
import type { TrustedIp } from "./tables.ts";

/** An IPv4 or IPv6 address, or a range in CIDR notation; undefined if the text is neither. */
export function parseTrustedIp(text: string): TrustedIp | undefined {
  if (ipaddr.isValidCIDR(text)) {
    const [address, prefix] = ipaddr.parseCIDR(text);
    return { ipAddress: address.toString(), type: address.kind(), prefix };
  }
  // Four parts only for IPv4: '10.1' is an address to inet_aton and a slip to everyone else.
  if (ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text)) {
    const address = ipaddr.parse(text);
    return { ipAddress: address.toString(), type: address.kind() };
  }
  return undefined;
}
