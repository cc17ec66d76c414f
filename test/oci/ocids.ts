import { parseTenancyOcid, parseUserOcid, type TenancyOcid, type UserOcid } from "../../src/oci/ocid.ts";
import { accepted } from "./parsed-values.ts";

let made = 0;

function unique(): string {
  made += 1;
  return `aaaaaaaa${made}`.padEnd(60, "q");
}

export function newUserOcid(realm = "oc1"): UserOcid {
  return accepted(parseUserOcid(`ocid1.user.${realm}..${unique()}`));
}

export function newTenancyOcid(realm = "oc1"): TenancyOcid {
  return accepted(parseTenancyOcid(`ocid1.tenancy.${realm}..${unique()}`));
}
