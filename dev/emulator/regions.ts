/** Regions as Oracle's own SDK knows them, and not as this project does. */
import common from "oci-common";

export interface EmulatedRegion {
  readonly name: string;
  /** The short code, which for some regions stands in OCIDs and in metadata; the name where there is none. */
  readonly code: string;
}

/** By name or short code; undefined if the SDK does not know the region. */
export function knownRegion(text: string): EmulatedRegion | undefined {
  const known = common.Region.values().find(
    ({ regionId, regionCode }) => text === regionId || text === regionCode,
  );
  return known === undefined ? undefined : { name: known.regionId, code: known.regionCode ?? known.regionId };
}

/** The domain that a realm's hosts end in; undefined if the SDK does not know the realm. */
export function realmDomain(realm: string): string | undefined {
  return common.Realm.values().find(({ realmId }) => realmId === realm)?.secondLevelDomain;
}
