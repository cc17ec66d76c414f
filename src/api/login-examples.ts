/** What a login takes and answers, as the API reference shows it. */
import type * as z from "zod";
import type { loginAnswer, loginBody } from "../login/contract.ts";
import type { instanceLoginBody } from "../login/instance/contract.ts";
import { examples } from "./examples.ts";

const { tenancyOcid, userOcid, fingerprint } = examples;

/** Its signature is none: 256 bytes that say so. */
export const exampleBody: z.input<ReturnType<typeof loginBody>> = {
  identityId: examples.identityId,
  userOcid,
  headers: {
    host: "identity.us-ashburn-1.oraclecloud.com",
    date: "Tue, 24 Nov 2026 03:04:57 GMT",
    authorization: `Signature version="1",keyId="${tenancyOcid}/${userOcid}/${fingerprint}",algorithm="rsa-sha256",headers="date (request-target) host",signature="${btoa("sign it afresh. ".repeat(16))}"`,
  },
};

const encoded = (text: string) => btoa(text).replace(/=+$/, "");

/** Its parts say what they are, and are none. */
export const exampleInstanceBody: z.input<ReturnType<typeof instanceLoginBody>> = {
  identityId: examples.identityId,
  jwt: `${encoded('{"alg":"RS256","typ":"oci-instance+jwt","x5c":["…"]}'.replace("…", "..."))}.${encoded('{"example":true}')}.${encoded("sign it afresh. ".repeat(16))}`,
};

/** Of a login and of a renewal. */
export const exampleAnswer: z.output<ReturnType<typeof loginAnswer>> = {
  accessToken: examples.accessToken,
  expiresIn: 3600,
  accessTokenMaxTTL: 2_592_000,
  tokenType: "Bearer",
};
