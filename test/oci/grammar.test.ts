import { describe, expect, it } from "vitest";
import { parseHttpDate } from "../../src/oci/http-date.ts";
import { identityOrigin, parseIdentityHost } from "../../src/oci/identity-host.ts";
import { formatApiKeyId, isFingerprint, parseApiKeyId } from "../../src/oci/key-id.ts";
import {
  parseCompartmentOcid,
  parseInstanceOcid,
  parseTenancyOcid,
  parseUserOcid,
  realmOf,
  regionTextOf,
} from "../../src/oci/ocid.ts";
import { isRegion } from "../../src/oci/regions.ts";
import { newTenancyOcid, newUserOcid } from "./ocids.ts";
import { accepted, refused } from "./parsed-values.ts";
import { realms } from "./realms.ts";

const unique = "a".repeat(60);
const fingerprint = "0f:1e:2d:3c:4b:5a:69:78:87:96:a5:b4:c3:d2:e1:f0";

/** A valid text, changed so that it might add a line, a host or a path. */
function smuggled(text: string): Record<string, string> {
  return {
    "a newline at the end": `${text}\n`,
    "a newline at the start": `\n${text}`,
    "a second line": `${text}\nhost: evil.example.com`,
    "a carriage return at the end": `${text}\r`,
    "a CR LF in the middle": `${text.slice(0, 12)}\r\n${text.slice(12)}`,
    "a NUL at the end": `${text}\0`,
    "a NUL in the middle": `${text.slice(0, 12)}\0${text.slice(12)}`,
    "a line separator": `${text}\u2028`,
    "a vertical tab": `${text}\v`,
    "a tab at the end": `${text}\t`,
    "a space at the start": ` ${text}`,
    "a space at the end": `${text} `,
    "a no-break space": `${text}\u00a0`,
    "a byte order mark": `\ufeff${text}`,
    "a zero-width space": `${text.slice(0, 12)}\u200b${text.slice(12)}`,
    "a surrogate half": `${text}\ud800`,
    "another text after a comma": `${text},${text}`,
    "nothing in it": "",
  };
}

describe("an OCID", () => {
  it.each(realms)("of %s is accepted, and its realm is read from it", (realm) => {
    expect(realmOf(accepted(parseUserOcid(`ocid1.user.${realm}..${unique}`)))).toBe(realm);
    expect(realmOf(accepted(parseTenancyOcid(`ocid1.tenancy.${realm}..${unique}`)))).toBe(realm);
  });

  it.each([
    ["without a region", `ocid1.user.oc1..${unique}`],
    ["with a region", `ocid1.user.oc1.us-ashburn-1.${unique}`],
    ["with a region's key", `ocid1.user.oc1.iad.${unique}`],
    ["with one more part before the unique one", `ocid1.user.oc1..a1.${unique}`],
    ["with a short unique part", "ocid1.user.oc1..a"],
    ["of 255 characters", `ocid1.user.oc1..${"a".repeat(239)}`],
  ])("%s is accepted unchanged", (_, text) => {
    expect(parseUserOcid(text)).toEqual({ ok: true, value: text });
  });

  it("of an instance tells its region, by name or code or not at all", () => {
    for (const region of ["phx", "eu-frankfurt-1", ""]) {
      const instance = accepted(parseInstanceOcid(`ocid1.instance.oc1.${region}.${unique}`));
      expect(regionTextOf(instance)).toBe(region);
    }
  });

  it("of a compartment is a tenancy's too: its root compartment", () => {
    for (const type of ["compartment", "tenancy"]) {
      const text = `ocid1.${type}.oc1..${unique}`;
      expect(parseCompartmentOcid(text)).toEqual({ ok: true, value: text });
    }
    expect(refused(parseCompartmentOcid("ocid1.tenancy.oc999..a"))).toContain("unknown realm 'oc999'");
  });

  const user = `ocid1.user.oc1..${unique}`;
  it.each(
    Object.entries({
      ...smuggled(user),
      "an upper-case letter": `ocid1.user.oc1..${unique.slice(1)}A`,
      "an upper-case prefix": `OCID1.user.oc1..${unique}`,
      "an upper-case type": `ocid1.User.oc1..${unique}`,
      "an upper-case realm": `ocid1.user.OC1..${unique}`,
      "another version": `ocid2.user.oc1..${unique}`,
      "a trailing dot": `${user}.`,
      "no unique part": "ocid1.user.oc1..",
      "no region part": `ocid1.user.oc1.${unique}`,
      "no realm": `ocid1.user...${unique}`,
      "no type": `ocid1..oc1..${unique}`,
      "two more parts": `ocid1.user.oc1..a.b.${unique}`,
      "256 characters": `ocid1.user.oc1..${"a".repeat(240)}`,
      "a slash": `${user}/apiKeys`,
      "a path": `ocid1.user.oc1../../${unique}`,
      "a query": `${user}?a`,
      "a fragment": `${user}#a`,
      "an escape": `${user}%0a`,
      "an underscore in the unique part": `ocid1.user.oc1..${unique}_`,
      "a hyphen in the unique part": `ocid1.user.oc1..a-${unique}`,
      "a Cyrillic о": `оcid1.user.oc1..${unique}`,
      "a full-width digit": `ocid1.user.oc１..${unique}`,
      "a Kelvin sign": `ocid1.user.oc1..K${unique}`,
      "a dotless ı": `ocıd1.user.oc1..${unique}`,
      "a full-width dot": `ocid1．user.oc1..${unique}`,
    }),
  )("with %s is refused", (_, text) => {
    expect(refused(parseUserOcid(text))).toContain("is not an OCID");
  });

  it.each(["oc0", "oc5", "oc01", "oc1x", "oc", "oraclecloud", "constructor", "tostring", "valueof"])(
    "of the unknown realm %s is refused",
    (realm) => {
      expect(refused(parseUserOcid(`ocid1.user.${realm}..${unique}`))).toContain(`unknown realm '${realm}'`);
    },
  );

  it.each([
    ["tenancy", parseUserOcid, "not of a user"],
    ["instance", parseUserOcid, "not of a user"],
    ["user", parseTenancyOcid, "not of a tenancy"],
    ["compartment", parseTenancyOcid, "not of a tenancy"],
    ["tenancy", parseInstanceOcid, "not of an instance"],
    ["user", parseCompartmentOcid, "not of a compartment"],
    ["instance", parseCompartmentOcid, "not of a compartment"],
  ] as const)("of a %s is refused where another type is due", (type, parse, problem) => {
    expect(refused(parse(`ocid1.${type}.oc1..${unique}`))).toContain(problem);
  });
});

describe("an Identity host", () => {
  it.each(realms)("of realm %s (%s) is accepted in both forms, in %s", (_, domain, region) => {
    for (const host of [`identity.${region}.${domain}`, `identity.${region}.oci.${domain}`]) {
      expect(parseIdentityHost(host)).toEqual({ ok: true, value: { text: host, domain } });
    }
  });

  it.each(realms)("that the Worker calls for a tenancy of %s is of %s", (realm, domain, region) => {
    const origin = identityOrigin(newTenancyOcid(realm), region);
    expect(origin).toBe(`https://identity.${region}.oci.${domain}`);
    expect(parseIdentityHost(new URL(origin).host)).toMatchObject({ ok: true, value: { domain } });
  });

  const host = "identity.us-ashburn-1.oraclecloud.com";
  it.each(
    Object.entries({
      ...smuggled(host),
      "an upper-case letter": "Identity.us-ashburn-1.oraclecloud.com",
      "an upper-case domain": "identity.us-ashburn-1.oraclecloud.COM",
      "a trailing dot": `${host}.`,
      "a leading dot": `.${host}`,
      "the default port": `${host}:443`,
      "another port": `${host}:8080`,
      "user information": `evil.example.com@${host}`,
      "a scheme": `https://${host}`,
      "a path": `${host}/20160918`,
      "a query": `${host}?a`,
      "a fragment": `${host}#a`,
      "a domain after OCI's": `${host}.evil.com`,
      "a domain after OCI's and a path to OCI's": `evil.com/${host}`,
      "a label before it": `evil.${host}`,
      "an underscore for a dot": "identity_us-ashburn-1.oraclecloud.com",
      "another service": "objectstorage.us-ashburn-1.oraclecloud.com",
      "a service whose name ends alike": "myidentity.us-ashburn-1.oraclecloud.com",
      "no region": "identity.oraclecloud.com",
      "no region but oci": "identity.oci.oraclecloud.com",
      "an empty region": "identity..oraclecloud.com",
      "oci twice": "identity.us-ashburn-1.oci.oci.oraclecloud.com",
      "another label than oci": "identity.us-ashburn-1.ocx.oraclecloud.com",
      "oci before the region": "identity.oci.us-ashburn-1.oraclecloud.com",
      "two regions": "identity.us-ashburn-1.us-phoenix-1.oraclecloud.com",
      "a region without a number": "identity.us-ashburn.oraclecloud.com",
      "a region numbered 0": "identity.us-ashburn-0.oraclecloud.com",
      "a region of one word": "identity.us-1.oraclecloud.com",
      "a region's key": "identity.iad.oraclecloud.com",
      "an overlong region": `identity.us-${"a".repeat(40)}-1.oraclecloud.com`,
      "no domain": "identity.us-ashburn-1",
      "a domain that begins alike": "identity.us-ashburn-1.oraclecloud.com.au",
      "a domain that ends alike": "identity.us-ashburn-1.evil-oraclecloud.com",
      "a domain that misses its dot": "identity.us-ashburn-1.oraclecloudxcom",
      "a realm's domain that does not exist": "identity.us-ashburn-1.oraclecloud11.com",
      "a realm's domain under another TLD": "identity.us-ashburn-1.oraclecloud8.eu",
      "a realm's name for its domain": "identity.us-ashburn-1.oc1",
      "an object's property for a domain": "identity.us-ashburn-1.constructor",
      "an address": "127.0.0.1",
      "a Cyrillic о": "identity.us-ashburn-1.оraclecloud.com",
      "a full-width letter": "identity.us-ashburn-1.oracle\uff43loud.com",
      "an ideographic full stop": "identity.us-ashburn-1。oraclecloud.com",
      punycode: "identity.us-ashburn-1.xn--raclecloud-e8h.com",
    }),
  )("with %s is refused", (_, text) => {
    expect(refused(parseIdentityHost(text))).toMatch(/is not (an OCI Identity host|in a known OCI realm)/);
  });

  it.each([
    ["us-ashburn-1", true],
    ["us-gov-ashburn-1", true],
    ["eu-dcc-milan-2", true],
    ["me-abudhabi-4", true],
    ["us-dallas-12", true],
    ["US-ashburn-1", false],
    ["us-ashburn-1.evil.com", false],
    ["us-ashburn-1/", false],
    ["us-ashburn-1\n", false],
    ["us_ashburn_1", false],
    ["us--ashburn-1", false],
    ["us-ashburn-100", false],
    ["-ashburn-1", false],
    ["", false],
  ])("in the region %j: %s", (region, is) => {
    expect(isRegion(region)).toBe(is);
  });
});

describe("a problem names", () => {
  const tenancy = `ocid1.tenancy.oc1..${unique}`;
  const user = `ocid1.user.oc1..${unique}`;
  const host = "identity.us-ashburn-1.oraclecloud.com";
  const pairs = fingerprint.slice(2);
  it.each([
    ["in a user's OCID", parseUserOcid(`${user.slice(0, 36)}\n${user.slice(36)}`), "U+000A at position 37"],
    ["in a tenancy's OCID", parseTenancyOcid(`${tenancy}\n`), `U+000A at position ${tenancy.length + 1}`],
    ["far after the quoted text", parseUserOcid(`${user}${"a".repeat(300)}\u2028`), "U+2028 at position 377"],
    ["beyond the first plane", parseUserOcid(`${user}\u{1f600}`), "U+1F600 at position 77"],
    ["that is half of a pair", parseUserOcid(`\ud800${user}`), "U+D800 at position 1"],
    ["that can be seen", parseUserOcid(user.toUpperCase()), "'O' at position 1"],
    ["that is the first of two", parseUserOcid(` ${user}\n`), "U+0020 at position 1"],
    ["in a keyId's tenancy", parseApiKeyId(`a\u00a0b/${user}/${fingerprint}`), "U+00A0 at position 2"],
    ["in a fingerprint", parseApiKeyId(`${tenancy}/${user}/0F${pairs}`), "'F' at position 2"],
    ["in a host", parseIdentityHost(`${host}\r\n`), `U+000D at position ${host.length + 1}`],
  ])("the wrong character %s", (_, value, character) => {
    expect(refused(value)).toMatch(new RegExp(`: character ${character.replace("+", "\\+")}$`));
  });

  it("no character if each is allowed", () => {
    for (const value of [parseUserOcid("ocid1.user.oc1"), parseIdentityHost("localhost")]) {
      expect(refused(value)).not.toContain("character");
    }
  });

  it.each([
    ["identity.iad.oraclecloud.com", "write us-ashburn-1 for 'iad'"],
    ["identity.iad.oci.oraclecloud.com", "write us-ashburn-1 for 'iad'"],
    ["identity.lfi.oraclegovcloud.com", "write us-langley-1 for 'lfi'"],
    ["identity.xyz.oraclecloud.com", "write a region such as us-ashburn-1"],
  ])("the region that the host %s means", (host, advice) => {
    expect(refused(parseIdentityHost(host))).toMatch(new RegExp(`: ${advice}$`));
  });
});

describe("an HTTP date", () => {
  it.each([
    ["Tue, 24 Nov 2026 03:04:57 GMT", 1_795_489_497_000],
    ["Thu, 29 Feb 2024 23:59:59 GMT", 1_709_251_199_000],
    ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
  ])("%s is accepted unchanged", (text, epochMilliseconds) => {
    expect(parseHttpDate(text)).toEqual({ ok: true, value: { text, epochMilliseconds } });
  });

  const date = "Tue, 24 Nov 2026 03:04:57 GMT";
  it.each(
    Object.entries({
      ...smuggled(date),
      "the wrong day of the week": "Mon, 24 Nov 2026 03:04:57 GMT",
      "no day of the week": "24 Nov 2026 03:04:57 GMT",
      "a day without its zero": "Tue, 3 Nov 2026 03:04:57 GMT",
      "a day that the month does not have": "Mon, 30 Feb 2026 03:04:57 GMT",
      "hour 24": "Tue, 24 Nov 2026 24:00:00 GMT",
      "a leap second": "Tue, 24 Nov 2026 23:59:60 GMT",
      milliseconds: "Tue, 24 Nov 2026 03:04:57.000 GMT",
      "no seconds": "Tue, 24 Nov 2026 03:04 GMT",
      "UTC for GMT": "Tue, 24 Nov 2026 03:04:57 UTC",
      "an offset": "Tue, 24 Nov 2026 03:04:57 +0000",
      "an offset after GMT": "Tue, 24 Nov 2026 03:04:57 GMT+0100",
      "no zone": "Tue, 24 Nov 2026 03:04:57",
      "a comment": "Tue, 24 Nov 2026 03:04:57 GMT (now)",
      "lower case": date.toLowerCase(),
      "a two-digit year": "Tuesday, 24-Nov-26 03:04:57 GMT",
      "a five-digit year": "Thu, 01 Jan 12026 00:00:00 GMT",
      "the form of asctime": "Tue Nov 24 03:04:57 2026",
      "the form of ISO 8601": "2026-11-24T03:04:57Z",
      "the form of a number": "1795489497",
      "two spaces": "Tue, 24  Nov 2026 03:04:57 GMT",
      "a full-width digit": "Tue, 24 Nov 2026 03:04:5７ GMT",
      "no date at all": "now",
    }),
  )("with %s is refused", (_, text) => {
    expect(refused(parseHttpDate(text))).toContain("is not an HTTP date");
  });

  it("never repeats its input unescaped or at length in its problem", () => {
    const problem = refused(parseHttpDate(`\u001b[31m\r\nSet-Cookie: a\0é${"x".repeat(100_000)}`));
    expect(problem).toContain("\\u001b[31m\\u000d\\u000aSet-Cookie: a\\u0000\\u00e9xxx");
    expect(problem).toMatch(/^[\x20-\x7e…]{1,500}$/);
  });
});

describe("a fingerprint", () => {
  it("is 16 lower-case hex pairs", () => {
    expect(isFingerprint(fingerprint)).toBe(true);
  });

  it.each(
    Object.entries({
      ...smuggled(fingerprint),
      "upper case": fingerprint.toUpperCase(),
      "no colons": fingerprint.replaceAll(":", ""),
      "hyphens for colons": fingerprint.replaceAll(":", "-"),
      "15 pairs": fingerprint.slice(3),
      "17 pairs": `${fingerprint}:00`,
      "a trailing colon": `${fingerprint}:`,
      "a half pair": fingerprint.slice(1),
      "a letter beyond f": fingerprint.replace("f0", "g0"),
      "the form of SHA-256": "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
    }),
  )("with %s is refused", (_, text) => {
    expect(isFingerprint(text)).toBe(false);
  });
});

describe("a keyId", () => {
  const tenancyOcid = newTenancyOcid();
  const userOcid = newUserOcid();
  const keyId = `${tenancyOcid}/${userOcid}/${fingerprint}`;

  it("names tenancy, user and fingerprint, and is formatted back to the same text", () => {
    const key = accepted(parseApiKeyId(keyId));
    expect(key).toEqual({ tenancyOcid, userOcid, fingerprint });
    expect(formatApiKeyId(key)).toBe(keyId);
  });

  it.each(
    Object.entries({
      ...smuggled(keyId),
      "user and tenancy exchanged": `${userOcid}/${tenancyOcid}/${fingerprint}`,
      "the user twice": `${userOcid}/${userOcid}/${fingerprint}`,
      "no fingerprint": `${tenancyOcid}/${userOcid}`,
      "an empty fingerprint": `${tenancyOcid}/${userOcid}/`,
      "an upper-case fingerprint": `${tenancyOcid}/${userOcid}/${fingerprint.toUpperCase()}`,
      "a fourth part": `${keyId}/x`,
      "a slash before it": `/${keyId}`,
      "an escaped slash": `${tenancyOcid}%2f${userOcid}/${fingerprint}`,
      "an unknown realm": `${tenancyOcid.replace("oc1.", "oc5.")}/${userOcid}/${fingerprint}`,
      "an instance for a user": `${tenancyOcid}/ocid1.instance.oc1..${unique}/${fingerprint}`,
      "a key's own OCID": `ocid1.key.oc1..${unique}`,
    }),
  )("with %s is refused", (_, text) => {
    expect(refused(parseApiKeyId(text))).toContain("keyId");
  });

  it("of a security token is refused with advice", () => {
    expect(refused(parseApiKeyId("ST$eyJraWQiOiJhc3ciLCJhbGciOiJSUzI1NiJ9"))).toContain(
      "sign with an API key of the user instead",
    );
  });
});
