import { afterEach, expect, it, vi } from "vitest";
import { identityClient } from "../../src/tenancies/tenancy-client.ts";
import { newRsaKeyPair } from "../oci/key-pairs.ts";
import { newTenancyOcid, newUserOcid } from "../oci/ocids.ts";

afterEach(() => vi.restoreAllMocks());

it.each([
  ["oc1", "eu-frankfurt-1", undefined, "https://identity.eu-frankfurt-1.oci.oraclecloud.com"],
  ["oc4", "uk-gov-london-1", undefined, "https://identity.uk-gov-london-1.oci.oraclegovcloud.uk"],
  ["oc1", "eu-frankfurt-1", "http://127.0.0.1:8788", "http://127.0.0.1:8788"],
])(
  "users of a tenancy of %s in %s are read from there, unless development sets %s",
  async (realm, region, origin, called) => {
    const fetched = vi.spyOn(globalThis, "fetch").mockImplementation(async () => Response.json([]));
    const owner = {
      tenancyOcid: newTenancyOcid(realm),
      region,
      userOcid: newUserOcid(realm),
      fingerprint: "x",
    };
    await identityClient({ ociIdentityOrigin: origin }, owner, newRsaKeyPair().pkcs8).listUsers(
      owner.tenancyOcid,
      2,
    );
    expect(fetched.mock.calls.map(([url]) => new URL(String(url)).origin)).toEqual([called]);
  },
);
