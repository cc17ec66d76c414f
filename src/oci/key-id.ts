import { parseTenancyOcid, parseUserOcid, type TenancyOcid, type UserOcid } from "./ocid.ts";
import { malformed, type Parsed, parsed, quoted, strayCharacter } from "./parsed.ts";

/** An API key's `keyId`: `{tenancyOcid}/{userOcid}/{fingerprint}`. */
export interface ApiKeyId {
  readonly tenancyOcid: TenancyOcid;
  readonly userOcid: UserOcid;
  readonly fingerprint: string;
}

const fingerprintGrammar = /^[0-9a-f]{2}(?::[0-9a-f]{2}){15}$/;

/** MD5 as colon-separated lower-case hex pairs. Fingerprints are compared exactly. */
export function isFingerprint(text: string): boolean {
  return fingerprintGrammar.test(text);
}

export function parseApiKeyId(keyId: string): Parsed<ApiKeyId> {
  if (keyId.startsWith("ST$")) {
    return malformed(
      "keyId is a security token's (ST$…: a console session, an instance or a resource principal); sign with an API key of the user instead",
    );
  }
  const parts = keyId.split("/");
  const [tenancyText = "", userText = "", fingerprint = ""] = parts;
  if (parts.length !== 3) {
    return malformed(`keyId ${quoted(keyId)} is not <tenancy OCID>/<user OCID>/<fingerprint>`);
  }
  const tenancyOcid = parseTenancyOcid(tenancyText);
  if (!tenancyOcid.ok) return malformed(`keyId: ${tenancyOcid.problem}`);
  const userOcid = parseUserOcid(userText);
  if (!userOcid.ok) return malformed(`keyId: ${userOcid.problem}`);
  if (!isFingerprint(fingerprint)) {
    const stray = strayCharacter(fingerprint, /[^0-9a-f:]/);
    return malformed(
      `keyId: ${quoted(fingerprint)} is not a key's fingerprint (16 lower-case hex pairs)${stray}`,
    );
  }
  return parsed({ tenancyOcid: tenancyOcid.value, userOcid: userOcid.value, fingerprint });
}

export function formatApiKeyId(key: { [part in keyof ApiKeyId]: string }): string {
  return `${key.tenancyOcid}/${key.userOcid}/${key.fingerprint}`;
}
