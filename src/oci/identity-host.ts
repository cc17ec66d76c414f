import type { TenancyOcid } from "./ocid.ts";
import { realmOf } from "./ocid.ts";
import { malformed, type Parsed, parsed, quoted, strayCharacter } from "./parsed.ts";
import { isRealmDomain, realmDomain } from "./realms.ts";
import { isRegion, regionAdvice } from "./regions.ts";

/** The host of an Identity service, as the signer wrote it. Its domain is that of an OCI realm. */
export interface IdentityHost {
  readonly text: string;
  readonly domain: string;
}

const hostGrammar = /^identity\.([a-z0-9-]{1,40})\.(?:oci\.)?([a-z0-9.]{1,40})$/;

/** `identity.{region}.{realm domain}` or `identity.{region}.oci.{realm domain}`, lower-case, without a port. */
export function parseIdentityHost(text: string): Parsed<IdentityHost> {
  const match = hostGrammar.exec(text);
  const [, region = "", domain = ""] = match ?? [];
  if (match === null || !isRegion(region)) {
    const wrong = match === null ? strayCharacter(text, /[^a-z0-9.-]/) : `: ${regionAdvice(region)}`;
    return malformed(
      `host ${quoted(text)} is not an OCI Identity host (identity.<region>.<realm domain> or identity.<region>.oci.<realm domain>)${wrong}`,
    );
  }
  if (!isRealmDomain(domain)) {
    return malformed(`host ${quoted(text)} is not in a known OCI realm`);
  }
  return parsed({ text, domain });
}

/** The Identity service that the Worker itself calls: the tenancy's own region, over HTTPS. */
export function identityOrigin(tenancy: TenancyOcid, region: string): string {
  return `https://identity.${region}.oci.${realmDomain(realmOf(tenancy))}`;
}
