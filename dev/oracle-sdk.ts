import common from "oci-common";

export interface ApiKey {
  readonly tenancyOcid: string;
  readonly userOcid: string;
  readonly fingerprint: string;
  readonly privateKey: string;
}

/**
 * Signs `GET /20160918/users/{userOcid}` with Oracle's TypeScript SDK and returns the headers that a login sends. The
 * SDK is given an absolute URI, as it is in use, and leaves an unsigned `date` beside the `x-date` that it signs.
 */
export async function signGetUser(key: ApiKey, host = "identity.us-ashburn-1.oci.oraclecloud.com") {
  const provider = new common.SimpleAuthenticationDetailsProvider(
    key.tenancyOcid,
    key.userOcid,
    key.fingerprint,
    key.privateKey,
    null,
  );
  const request = {
    uri: `https://${host}/20160918/users/${key.userOcid}`,
    method: "GET" as const,
    headers: new Headers(),
  };
  await new common.DefaultRequestSigner(provider).signHttpRequest(request);
  return Object.fromEntries(request.headers) as { authorization: string; host: string; "x-date": string };
}
