import ipaddr from "ipaddr.js";

/** A caller's address as limits count it: an IPv6 /64 is one caller, and an IPv4-mapped address is IPv4. */
export function addressKey(ip: string): string {
  if (!ipaddr.isValid(ip)) return "unknown";
  const address = ipaddr.process(ip);
  if (address.kind() === "ipv4") return address.toString();
  return `${address.toByteArray().slice(0, 8).join(".")}/64`;
}
