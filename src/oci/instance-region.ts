import { type Checked, denied, granted } from "./checked.ts";
import type { InstanceIdentity } from "./instance-certificate.ts";
import { realmOf, regionTextOf } from "./ocid.ts";
import { realmDomain } from "./realms.ts";
import { parseRegion } from "./regions.ts";

/**
 * The name of the region that an instance is in, where its OCIDs are of one realm and the region may be of it. A region
 * that this version does not know is taken by its shape, since its roots can be had from its realm's domain alone. Realms
 * that share a domain (oc2 and oc3) share its regions.
 */
export function checkRegion({
  tenancyOcid,
  compartmentOcid,
  instanceOcid,
}: InstanceIdentity): Checked<string> {
  const realm = realmOf(tenancyOcid);
  if (realmOf(compartmentOcid) !== realm || realmOf(instanceOcid) !== realm) {
    return denied("another-realm", "the instance, its compartment and its tenancy are not of one realm");
  }
  const region = parseRegion(regionTextOf(instanceOcid));
  if (region === undefined) {
    return denied("region-unknown", "the instance's OCID names no region that is known by its name or code");
  }
  if (region.realm !== undefined && realmDomain(region.realm) !== realmDomain(realm)) {
    return denied("another-realm", "the instance's region is not of its tenancy's realm");
  }
  return granted(region.name);
}
