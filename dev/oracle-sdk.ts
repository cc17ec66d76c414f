import common from "oci-common";

export interface ApiKey {
  readonly tenancyOcid: string;
  readonly userOcid: string;
  readonly fingerprint: string;
  readonly privateKey: string;
}

/** The headers of a GET, signed with Oracle's TypeScript SDK. It leaves an unsigned `date` beside its `x-date`. */
export async function signGet(key: ApiKey, uri: string) {
  const provider = new common.SimpleAuthenticationDetailsProvider(
    key.tenancyOcid,
    key.userOcid,
    key.fingerprint,
    key.privateKey,
    null,
  );
  const request = { uri, method: "GET" as const, headers: new Headers() };
  await new common.DefaultRequestSigner(provider).signHttpRequest(request);
  return Object.fromEntries(request.headers) as { authorization: string; host: string; "x-date": string };
}

/** Signs `GET /20160918/users/{userOcid}` and returns the headers that a login sends. */
export const signGetUser = (key: ApiKey, host = "identity.us-ashburn-1.oci.oraclecloud.com") =>
  signGet(key, `https://${host}/20160918/users/${key.userOcid}`);
