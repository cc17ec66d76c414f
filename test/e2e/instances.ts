/** Compute instances of the emulated OCI, and what they sign to log in. */
import { Buffer } from "node:buffer";
import { constants, randomBytes, sign, X509Certificate } from "node:crypto";
import { issuer, type Worker } from "./worker.ts";

export interface InstanceCredential {
  readonly instanceOcid: string;
  readonly compartmentOcid: string;
  readonly tenancyOcid: string;
  /** PEM. */
  readonly certificate: string;
  readonly intermediate: string;
  readonly privateKey: string;
}

let count = 0;

/** Has the emulator certify an instance; `region` is a name or a short code. */
export async function addInstance(
  worker: Pick<Worker, "emulator">,
  tenancyOcid: string,
  about: { region?: string; instanceOcid?: string; compartmentOcid?: string; lifetimeSeconds?: number } = {},
): Promise<InstanceCredential> {
  count += 1;
  const realm = tenancyOcid.split(".")[2];
  const unique = `aaaaaaaa${Math.random().toString(36).slice(2)}${count}`.padEnd(60, "a");
  const {
    region = "iad",
    instanceOcid = `ocid1.instance.${realm}.${region}.${unique}`,
    compartmentOcid = `ocid1.compartment.${realm}..${unique}`,
    ...lifetime
  } = about;
  const { status, body } = await worker.emulator("PUT", `instances/${instanceOcid}`, {
    ...{ tenancyOcid, compartmentOcid },
    ...lifetime,
  });
  if (status !== 200) throw new Error(`the emulator says ${status}: ${JSON.stringify(body)}`);
  return { instanceOcid, compartmentOcid, tenancyOcid, ...body };
}

const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A statement for the identity, of now; `claims` and `header` replace what it says. */
export function statementOf(
  { certificate, intermediate, privateKey }: InstanceCredential,
  identityId: string,
  {
    claims = {},
    header = {},
    alg = "RS256",
  }: { claims?: object; header?: object; alg?: "RS256" | "PS256" } = {},
): string {
  const iat = Math.floor(Date.now() / 1000);
  const x5c = [certificate, intermediate].map((pem) => new X509Certificate(pem).raw.toString("base64"));
  const input = [
    encoded({ alg, typ: "oci-instance+jwt", x5c, ...header }),
    encoded({
      ...{ aud: issuer, sub: identityId, iat, exp: iat + 300 },
      jti: randomBytes(16).toString("base64url"),
      ...claims,
    }),
  ].join(".");
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  const signature = sign("sha256", Buffer.from(input), { key: privateKey, ...(alg === "PS256" ? pss : {}) });
  return `${input}.${signature.toString("base64url")}`;
}

/** Logs an instance in. */
export function logInAs(
  worker: Pick<Worker, "json">,
  identityId: string,
  jwt: string,
  more: Record<string, unknown> = {},
) {
  return worker.json("POST", "/api/v1/auth/oci-instance-auth/login", { identityId, jwt, ...more });
}
