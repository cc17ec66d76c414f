import { type ApiKeyId, formatApiKeyId } from "./key-id.ts";
import { webCryptoName } from "./public-key.ts";
import { formatRequestSignature, type SignatureAlgorithm, type SignedHeader } from "./request-signature.ts";
import { signingString } from "./signing-string.ts";
import { pssSaltBytes } from "./verify.ts";

/** Imports a DER PKCS#8 key for {@link signGet}, which signs with `algorithm`. Rejects if it is not an RSA key. */
export function importSigningKey(
  pkcs8: Uint8Array<ArrayBuffer>,
  algorithm: SignatureAlgorithm = "rsa-sha256",
): Promise<CryptoKey> {
  const name = webCryptoName[algorithm];
  return crypto.subtle.importKey("pkcs8", pkcs8, { name, hash: "SHA-256" }, false, ["sign"]);
}

/**
 * The headers that sign a GET with an API key. The date goes into `x-date`, since a proxy may set `date` itself;
 * the host is the URL's and is sent by fetch.
 */
export async function signGet(
  url: URL,
  keyId: ApiKeyId,
  key: CryptoKey,
  now: Date,
): Promise<{ authorization: string; "x-date": string }> {
  const date = now.toUTCString();
  const lines: [SignedHeader, string][] = [
    ["x-date", date],
    ["(request-target)", `get ${url.pathname}${url.search}`],
    ["host", url.host],
  ];
  const pss = key.algorithm.name === webCryptoName["rsa-pss-sha256"];
  const signature = await crypto.subtle.sign(
    pss ? { name: "RSA-PSS", saltLength: pssSaltBytes } : "RSASSA-PKCS1-v1_5",
    key,
    new TextEncoder().encode(signingString(lines)),
  );
  return {
    authorization: formatRequestSignature({
      keyId: formatApiKeyId(keyId),
      algorithm: pss ? "rsa-pss-sha256" : "rsa-sha256",
      headers: lines.map(([name]) => name),
      signature: new Uint8Array(signature),
    }),
    "x-date": date,
  };
}
