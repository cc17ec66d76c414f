/** The syntax of OCI's configuration file, and its regions. */
import { describe, expect, it } from "vitest";
import { parseConfigFile, profileOf } from "../../cli/profile/config-file.ts";
import { parseRegion } from "../../src/oci/regions.ts";

function read(text: string, profile = "DEFAULT"): Record<string, string> | undefined {
  const file = parseConfigFile(text);
  if (!file.ok) throw new Error(file.problem);
  const values = profileOf(file.value, profile);
  return values && Object.fromEntries(values);
}

describe("a configuration file", () => {
  it.each<[string, string, Record<string, string>]>([
    ["name=value", "[DEFAULT]\nuser=a", { user: "a" }],
    ["space around all", "  [DEFAULT]  \n  user \t=\t a  ", { user: "a" }],
    ["a colon in place of the equals sign", "[DEFAULT]\nuser: a", { user: "a" }],
    ["a fingerprint, which has colons", "[DEFAULT]\nfingerprint=aa:bb", { fingerprint: "aa:bb" }],
    ["a value with an equals sign", "[DEFAULT]\npass_phrase=a=b==", { pass_phrase: "a=b==" }],
    ["a value with #, ; and quotes", `[DEFAULT]\npass_phrase=a#b ;c "d`, { pass_phrase: 'a#b ;c "d' }],
    ["names in any case", "[DEFAULT]\nKey_File=K", { key_file: "K" }],
    ["comments and empty lines", "# a=b\n\n[DEFAULT]\n;c=d\n  # e\nuser=a", { user: "a" }],
    ["something after the bracket", "[DEFAULT] ; mine\nuser=a", { user: "a" }],
    ["Windows line ends and a byte order mark", "\ufeff[DEFAULT]\r\nuser=a\r\n", { user: "a" }],
    ["an empty value", "[DEFAULT]\nuser=", { user: "" }],
    ["lines that are all indented alike", "[DEFAULT]\n  user=a\n  region=r", { user: "a", region: "r" }],
    ["a profile in two parts", "[DEFAULT]\nuser=a\n[x]\n[DEFAULT]\nregion=r", { user: "a", region: "r" }],
    ["nothing", "", {}],
    ["names that objects have", "[DEFAULT]\nconstructor=a", { constructor: "a" }],
  ])("has %s", (_, text, values) => {
    expect(read(text)).toEqual(values);
  });

  it("gives a profile the settings of DEFAULT that it lacks, wherever DEFAULT is in the file", () => {
    const text = "[a]\nuser=a\n[DEFAULT]\nuser=d\nregion=r\n[b]\nuser=b";
    expect(read(text, "a")).toEqual({ user: "a", region: "r" });
    expect(read(text, "b")).toEqual({ user: "b", region: "r" });
    expect(read(text)).toEqual({ user: "d", region: "r" });
  });

  it.each(["prod.eu", "a b", "__proto__", "a]b"])("may have a profile '%s'", (name) => {
    expect(read(`[${name}]\nuser=a`, name)).toEqual({ user: "a" });
  });

  it("has only the profiles that it names, in the same case", () => {
    expect(read("[Prod]\nuser=a", "prod")).toBe(undefined);
    expect(read("[DEFAULT]\nuser=a", "toString")).toBe(undefined);
  });

  it.each([
    ["[DEFAULT]\nuser=a\nMIIEvQIBADANBg", "line 3 is neither [profile] nor name=value"],
    ["[DEFAULT]\n=secret", "line 2 is neither [profile] nor name=value"],
    ["[DEFAULT\nuser=a", "line 1 is neither [profile] nor name=value"],
    ["[]", "line 1 is neither [profile] nor name=value"],
    ["[DEFAULT]\nuser=a\nUSER=b", "line 3 repeats a setting"],
    ["[DEFAULT]\nuser=a\n[DEFAULT]\nuser=b", "line 4 repeats a setting"],
    ["[a]\n[b]\n[a]", "line 3 begins [a] a second time"],
    ["[a]\nuser=a\n # c\n\n\tregion=r", "line 5 is indented, as if it continued the line before"],
    ["\nuser=a\n[DEFAULT]", "line 2 is before the first [profile]"],
  ])("%j is refused by the line's number, without its text", (text, problem) => {
    expect(parseConfigFile(text)).toEqual({ ok: false, problem });
  });
});

describe("a region", () => {
  it.each([
    ["us-ashburn-1", { name: "us-ashburn-1", realm: "oc1" }],
    ["iad", { name: "us-ashburn-1", realm: "oc1" }],
    ["PHX", { name: "us-phoenix-1", realm: "oc1" }],
    ["us-gov-ashburn-1", { name: "us-gov-ashburn-1", realm: "oc3" }],
    ["xx-nowhere-9", { name: "xx-nowhere-9", realm: undefined }],
    ["nowhere", undefined],
    ["", undefined],
    ["evil.example.com/", undefined],
  ])("%j is %j", (text, region) => {
    expect(parseRegion(text)).toEqual(region);
  });
});
