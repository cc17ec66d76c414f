import { beforeAll, describe, expect, it } from "vitest";
import { parseRoot, type TrustedRoot, trustRoot } from "../../src/oci/certificate-authority.ts";
import { checkValidity, isValidAt, parseInstanceChain } from "../../src/oci/instance-chain.ts";
import { checkRegion } from "../../src/oci/instance-region.ts";
import { parseCompartmentOcid, parseInstanceOcid, parseTenancyOcid } from "../../src/oci/ocid.ts";
import { badRows, goodRows } from "./instance-chain-shapes.ts";
import {
  type Chain,
  chainOf,
  type Difference,
  instance,
  type Keys,
  newKeys,
  now,
  timeToMakeKeys,
} from "./instance-chains.ts";
import { accepted } from "./parsed-values.ts";
import { vouchingRoot } from "./verified-chain.ts";

let keys: Keys;
beforeAll(async () => {
  keys = await newKeys();
}, timeToMakeKeys);

/** What a login decides of a chain, in the order of its steps. */
async function judge({ leaf, intermediate, roots }: Chain): Promise<string> {
  const trusted: TrustedRoot[] = [];
  for (const der of roots) {
    const root = parseRoot(der);
    if (!root.ok) return `root: ${root.problem}`;
    const own = await trustRoot(root.value);
    if (own === undefined) return "root: not self-signed";
    trusted.push(own);
  }
  const chain = parseInstanceChain([leaf, intermediate]);
  if (!chain.ok) return `400 ${chain.problem}`;
  const checks = [checkValidity(chain.value, now), checkRegion(chain.value.leaf.identity)];
  const failed = checks.find((check) => !check.ok);
  if (failed?.ok === false) return `401 ${failed.denial.reason}`;
  return (await vouchingRoot(chain.value, trusted, now)) === undefined ? "401 chain-invalid" : "accepted";
}

describe("a chain", () => {
  it.each(goodRows)("%s is accepted", async (_, difference) => {
    expect(await judge(await chainOf(keys, difference))).toBe("accepted");
  });

  it.each(badRows)("with %s is refused", async (_, difference, verdict) => {
    const judged = await judge(await chainOf(keys, difference));
    expect(judged).toEqual(typeof verdict === "string" ? verdict : expect.stringMatching(verdict));
    // What was sent is in no message: each OCID of the rows has this in it.
    expect(judged).not.toMatch(/secret/i);
  });

  it("has each shape once", () => {
    const names = [...goodRows, ...badRows].map(([name]) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(45);
  });

  it("says who the instance is", async () => {
    const { leaf } = accepted(parseInstanceChain(await pairOf({})));
    expect(leaf.identity).toEqual(instance);
  });

  it("leads to the root that signed it, of several of one name", async () => {
    const { leaf, intermediate, roots } = await chainOf(keys, twoRoots);
    const trusted = await Promise.all(roots.map((der) => trustRoot(accepted(parseRoot(der)))));
    const usable = trusted.filter((root) => root !== undefined);
    expect(usable.length).toBe(2);
    const found = await vouchingRoot(accepted(parseInstanceChain([leaf, intermediate])), usable, now);
    expect(found).toBe(usable[1]);
  });
});

const twoRoots = goodRows.find(([name]) => name === "with two roots of one name")?.[1] ?? {};

async function pairOf(difference: Difference) {
  const { leaf, intermediate } = await chainOf(keys, difference);
  return [leaf, intermediate] as const;
}

describe("a certificate's dates", () => {
  const notBefore = Date.parse("2026-11-25T11:50:00Z");
  const notAfter = Date.parse("2026-11-25T13:51:00Z");

  it.each([
    ["300 s before its beginning", notBefore - 300_000, true],
    ["a millisecond earlier", notBefore - 300_001, false],
    ["at its end", notAfter, true],
    ["a millisecond later", notAfter + 1, false],
  ])("%s", async (_, at, isValid) => {
    const chain = accepted(parseInstanceChain(await pairOf({})));
    expect(isValidAt(chain.leaf, at)).toBe(isValid);
    const reason = isValid ? undefined : "certificate-out-of-date";
    const checked = checkValidity(chain, at);
    expect(checked.ok ? undefined : checked.denial.reason).toBe(reason);
  });

  it("are told with our clock, to whoever is too late or too early", async () => {
    const chain = accepted(parseInstanceChain(await pairOf({})));
    expect(checkValidity(chain, notAfter + 60_000)).toEqual({
      ok: false,
      denial: {
        reason: "certificate-out-of-date",
        message:
          "the instance's certificate is not valid now. Our clock says 'Wed, 25 Nov 2026 13:52:00 GMT', and it is accepted from 'Wed, 25 Nov 2026 11:45:00 GMT' to 'Wed, 25 Nov 2026 13:51:00 GMT'.",
      },
    });
  });
});

describe("an instance's region", () => {
  const identityOf = (region: string, realm = "oc1", others: string = realm) => ({
    instanceOcid: accepted(parseInstanceOcid(`ocid1.instance.${realm}.${region}.abc`)),
    compartmentOcid: accepted(parseCompartmentOcid(`ocid1.compartment.${others}..abc`)),
    tenancyOcid: accepted(parseTenancyOcid(`ocid1.tenancy.${others}..abc`)),
  });

  it.each([
    ["a short code", identityOf("phx"), "us-phoenix-1"],
    ["a name", identityOf("eu-frankfurt-1"), "eu-frankfurt-1"],
    ["a name that this version does not know", identityOf("eu-atlantis-1"), "eu-atlantis-1"],
    ["a code of another realm", identityOf("str", "oc19"), "eu-frankfurt-2"],
    ["a region of oc2 in oc3, whose domain is the same", identityOf("us-luke-1", "oc3"), "us-luke-1"],
  ])("is known by %s", (_, identity, region) => {
    expect(checkRegion(identity)).toEqual({ ok: true, value: region });
  });

  it.each([
    ["is of another realm", identityOf("str"), "another-realm"],
    ["is an instance of another realm", identityOf("phx", "oc19", "oc1"), "another-realm"],
    [
      "is of a realm that shares a domain with the tenancy's",
      identityOf("us-luke-1", "oc2", "oc3"),
      "another-realm",
    ],
    ["is a code that this version does not know", identityOf("zzz"), "region-unknown"],
    ["has more letters than a host's label may", identityOf(`us-${"a".repeat(62)}-1`), "region-unknown"],
    ["is missing", identityOf(""), "region-unknown"],
  ])("is refused where it %s", (_, identity, reason) => {
    const checked = checkRegion(identity);
    expect(checked.ok ? "accepted" : checked.denial.reason).toBe(reason);
  });
});
