/** The body of a login, signed as a workload would, or not quite. */
import { identityOrigin } from "../../src/oci/identity-host.ts";
import { formatApiKeyId } from "../../src/oci/key-id.ts";
import { formatRequestSignature, type SignedHeader } from "../../src/oci/request-signature.ts";
import { signingString } from "../../src/oci/signing-string.ts";
import type { ApiKey } from "./api-key.ts";

export interface LoginBody {
  readonly identityId: string;
  readonly userOcid: string;
  readonly headers: { readonly authorization: string; readonly host: string; readonly date: string };
  readonly organizationSlug?: string;
}

/** What is signed, and with what. */
export interface Signing {
  readonly key: CryptoKey;
  readonly keyId: string;
  /** The user of the Get User request. */
  readonly target: string;
  readonly host: string;
  readonly date: string;
  readonly signed: readonly SignedHeader[];
}

/** The correct signing, as the holder of the key signs. */
export function honestSigning(apiKey: ApiKey, date: Date): Signing {
  return {
    key: apiKey.key,
    keyId: formatApiKeyId(apiKey),
    target: apiKey.userOcid,
    host: new URL(identityOrigin(apiKey.tenancyOcid, apiKey.region)).host,
    date: date.toUTCString(),
    signed: ["date", "(request-target)", "host"],
  };
}

export async function signLogin(
  identityId: string,
  { key, keyId, target, host, date, signed }: Signing,
): Promise<LoginBody> {
  const values: Record<SignedHeader, string> = {
    "(request-target)": `get /20160918/users/${target}`,
    host,
    date,
    "x-date": date,
  };
  const text = new TextEncoder().encode(signingString(signed.map((name) => [name, values[name]])));
  const signature = new Uint8Array(await crypto.subtle.sign("RSASSA-PKCS1-v1_5", key, text));
  const authorization = formatRequestSignature({
    keyId,
    algorithm: "rsa-sha256",
    headers: signed,
    signature,
  });
  return { identityId, userOcid: target, headers: { authorization, host, date } };
}
