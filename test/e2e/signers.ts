/** Signed headers as the SDKs of each language make them, beside Oracle's own TypeScript signer (dev/oracle-sdk.ts). */
import { constants, sign } from "node:crypto";
import type { ApiKey } from "../../dev/oracle-sdk.ts";

export interface LoginHeaders {
  authorization: string;
  host: string;
  date?: string;
  "x-date"?: string;
}

export interface SigningOptions {
  host?: string;
  date?: string;
  /** What the signature says of itself, where that differs from the key. */
  keyId?: string;
  /** Whose Get User is signed, where that is not the signer. */
  target?: string;
  algorithm?: "rsa-sha256" | "rsa-pss-sha256";
  headers?: string;
  method?: string;
  /** Sent in addition, unsigned. */
  unsigned?: Record<string, string>;
}

const defaultHost = "identity.us-ashburn-1.oraclecloud.com";

/** Signs the named headers in their order and prints the parameters in the order given. */
export function signWith(key: ApiKey, order: readonly string[], options: SigningOptions = {}): LoginHeaders {
  const {
    host = defaultHost,
    date = new Date().toUTCString(),
    keyId = `${key.tenancyOcid}/${key.userOcid}/${key.fingerprint}`,
    target = key.userOcid,
    algorithm = "rsa-sha256",
    headers = "date (request-target) host",
    method = "get",
    unsigned = {},
  } = options;
  const values: Record<string, string> = {
    date,
    "x-date": date,
    "(request-target)": `${method} /20160918/users/${target}`,
    host,
    ...(headers.includes("x-date") ? {} : { "x-date": "" }),
  };
  const lines = headers.split(" ").map((name) => `${name}: ${values[name] ?? ""}`);
  const padding =
    algorithm === "rsa-pss-sha256"
      ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
      : { padding: constants.RSA_PKCS1_PADDING };
  const signature = sign("sha256", Buffer.from(lines.join("\n")), { key: key.privateKey, ...padding });
  const parameters: Record<string, string> = {
    version: "1",
    keyId,
    algorithm,
    headers,
    signature: signature.toString("base64"),
  };
  const sent = Object.fromEntries(
    ["date", "x-date"].filter((name) => headers.split(" ").includes(name)).map((name) => [name, date]),
  );
  const authorization = `Signature ${order.map((name) => `${name}="${parameters[name]}"`).join(",")}`;
  return { authorization, host, ...sent, ...unsigned };
}

/** As the Go SDK, and so the Infisical Go SDK and the External Secrets Operator. */
export function signAsGo(key: ApiKey, options?: SigningOptions): LoginHeaders {
  return signWith(key, ["version", "headers", "keyId", "algorithm", "signature"], options);
}

export function signAsPython(key: ApiKey, options?: SigningOptions): LoginHeaders {
  return signWith(key, ["algorithm", "headers", "keyId", "signature", "version"], options);
}

/** As Oracle's TypeScript SDK, where a test needs what that SDK does not do. */
export function signAsTypeScript(key: ApiKey, options?: SigningOptions): LoginHeaders {
  return signWith(key, ["version", "keyId", "algorithm", "headers", "signature"], {
    headers: "x-date (request-target) host",
    ...options,
  });
}
