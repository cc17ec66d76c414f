/**
 * OCI's realms and the domain of each, as Oracle's SDKs publish them. A tenancy of a realm that is not listed here
 * cannot log in. Regions are checked by their shape only (regions.ts).
 */
const realmDomains = {
  oc1: "oraclecloud.com",
  oc2: "oraclegovcloud.com",
  oc3: "oraclegovcloud.com",
  oc4: "oraclegovcloud.uk",
  oc8: "oraclecloud8.com",
  oc9: "oraclecloud9.com",
  oc10: "oraclecloud10.com",
  oc14: "oraclecloud14.com",
  oc15: "oraclecloud15.com",
  oc19: "oraclecloud.eu",
  oc20: "oraclecloud20.com",
  oc21: "oraclecloud21.com",
  oc23: "oraclecloud23.com",
  oc24: "oraclecloud24.com",
  oc26: "oraclecloud26.com",
  oc29: "oraclecloud29.com",
  oc35: "oraclecloud35.com",
  oc42: "oraclecloud42.com",
  oc51: "oraclecloud51.com",
  oc52: "oraclecloud52.com",
} as const;

export type Realm = keyof typeof realmDomains;

export function isRealm(text: string): text is Realm {
  return Object.hasOwn(realmDomains, text);
}

export function realmDomain(realm: Realm): string {
  return realmDomains[realm];
}

export function isRealmDomain(domain: string): boolean {
  return Object.values<string>(realmDomains).includes(domain);
}
