/**
 * The syntax of OCI's configuration file, as Oracle's command line reads it (Python's configparser): sections in
 * brackets, `name = value` or `name: value`, names in any case. `#` and `;` start a comment only as the first character
 * of a line, so a value such as a passphrase may hold them, and quotes are part of a value. The ini package differs in
 * all three, and makes a nested section of a profile whose name has a dot.
 *
 * Two profiles of one name, and a setting twice in one profile, are refused as there: a login must not be signed with a
 * mixture of two. A line that is indented more than the setting before is refused too: there, it continues the value.
 */
import { malformed, type Parsed, parsed } from "../../src/oci/parsed.ts";

/** The values of each profile, without what it inherits. */
export type ConfigFile = ReadonlyMap<string, ReadonlyMap<string, string>>;

export const defaultProfile = "DEFAULT";

/** A problem names the line by its number and never shows it: it may hold a passphrase. */
export function parseConfigFile(text: string): Parsed<ConfigFile> {
  const profiles = new Map<string, Map<string, string>>();
  let current: Map<string, string> | undefined;
  /** Indentation of the setting before, in this profile. */
  let indentation = Number.POSITIVE_INFINITY;
  for (const [index, raw] of text
    .replace(/^\ufeff/, "")
    .split(/\r\n|\r|\n/)
    .entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || line.startsWith(";")) continue;
    const indented = raw.length - raw.trimStart().length;
    if (indented > indentation) {
      return malformed(`line ${index + 1} is indented, as if it continued the line before`);
    }
    // Text after the bracket is ignored, as there.
    const profile = /^\[(.+)\]/.exec(line)?.[1]?.trim();
    if (profile !== undefined) {
      // Only the defaults may be in several places.
      if (profiles.has(profile) && profile !== defaultProfile) {
        return malformed(`line ${index + 1} begins [${profile}] a second time`);
      }
      current = profiles.get(profile) ?? new Map();
      profiles.set(profile, current);
      indentation = Number.POSITIVE_INFINITY;
      continue;
    }
    const [, name, value] = /^([^=:]*[^=:\s])\s*[=:]\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) {
      return malformed(`line ${index + 1} is neither [profile] nor name=value`);
    }
    if (current === undefined) return malformed(`line ${index + 1} is before the first [profile]`);
    if (current.has(name.toLowerCase())) return malformed(`line ${index + 1} repeats a setting`);
    current.set(name.toLowerCase(), value);
    indentation = indented;
  }
  return parsed(profiles);
}

/** A profile with the values that it inherits from DEFAULT, which always exists, though it may be empty. */
export function profileOf(file: ConfigFile, name: string): ReadonlyMap<string, string> | undefined {
  const own = file.get(name);
  if (own === undefined && name !== defaultProfile) return undefined;
  return new Map([...(file.get(defaultProfile) ?? []), ...(own ?? [])]);
}
