import { type ApiKeyId, formatApiKeyId } from "./key-id.ts";
import { formatRequestSignature, type SignedHeader } from "./request-signature.ts";
import { signingString } from "./signing-string.ts";

/** Imports a DER PKCS#8 key for {@link signGet}. Rejects if it is not an RSA key. */
export function importSigningKey(pkcs8: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey("pkcs8", pkcs8, { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, false, [
    "sign",
  ]);
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
  const signature = await crypto.subtle.sign(
    "RSASSA-PKCS1-v1_5",
    key,
    new TextEncoder().encode(signingString(lines)),
  );
  return {
    authorization: formatRequestSignature({
      keyId: formatApiKeyId(keyId),
      algorithm: "rsa-sha256",
      headers: lines.map(([name]) => name),
      signature: new Uint8Array(signature),
    }),
    "x-date": date,
  };
}
