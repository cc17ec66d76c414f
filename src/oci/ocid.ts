import { malformed, type Parsed, parsed, quoted, strayCharacter } from "./parsed.ts";
import { isRealm, type Realm } from "./realms.ts";

declare const kind: unique symbol;
export type UserOcid = string & { readonly [kind]: "user" };
export type TenancyOcid = string & { readonly [kind]: "tenancy" };
export type InstanceOcid = string & { readonly [kind]: "instance" };
/** The root compartment has the tenancy's OCID. */
export type CompartmentOcid = (string & { readonly [kind]: "compartment" }) | TenancyOcid;

// `ocid1.{type}.{realm}.{region or empty}.{unique}`, sometimes with one more part before the unique one.
const grammar = /^ocid1\.([a-z0-9]+)\.([a-z0-9]+)\.[a-z0-9-]*\.(?:[a-z0-9-]+\.)?[a-z0-9]+$/;

/** Oracle's documented limit. Two OCIDs and a slash still fit a KV key (512 bytes). */
export const maxOcidLength = 255;

function problemWith(
  type: "user" | "tenancy" | "instance" | "compartment",
  text: string,
): string | undefined {
  const match = text.length <= maxOcidLength ? grammar.exec(text) : null;
  if (match === null) {
    const stray = strayCharacter(text, /[^a-z0-9.-]/);
    return `${quoted(text)} is not an OCID (ocid1.${type}.<realm>.<region or empty>.<unique>)${stray}`;
  }
  const [, actualType, realm] = match;
  if (actualType !== type) {
    return `${quoted(text)} is the OCID of a ${actualType}, not of ${type === "instance" ? "an" : "a"} ${type}`;
  }
  if (!isRealm(realm ?? "")) {
    return `${quoted(text)} is of an unknown realm '${realm}'`;
  }
  return undefined;
}

/** OCIDs are lower-case and compared exactly. */
export function parseUserOcid(text: string): Parsed<UserOcid> {
  const problem = problemWith("user", text);
  return problem === undefined ? parsed(text as UserOcid) : malformed(problem);
}

export function parseTenancyOcid(text: string): Parsed<TenancyOcid> {
  const problem = problemWith("tenancy", text);
  return problem === undefined ? parsed(text as TenancyOcid) : malformed(problem);
}

export function parseInstanceOcid(text: string): Parsed<InstanceOcid> {
  const problem = problemWith("instance", text);
  return problem === undefined ? parsed(text as InstanceOcid) : malformed(problem);
}

export function parseCompartmentOcid(text: string): Parsed<CompartmentOcid> {
  if (text.startsWith("ocid1.tenancy.")) return parseTenancyOcid(text);
  const problem = problemWith("compartment", text);
  return problem === undefined ? parsed(text as CompartmentOcid) : malformed(problem);
}

export function realmOf(ocid: UserOcid | TenancyOcid | InstanceOcid | CompartmentOcid): Realm {
  return ocid.split(".")[2] as Realm;
}

/** What an instance's OCID says of its region: a name, a short code, or neither (regions.ts). */
export function regionTextOf(ocid: InstanceOcid): string {
  return ocid.split(".")[3] ?? "";
}
