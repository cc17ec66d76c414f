/**
 * A login in Node with the usual libraries: http-signature verifies, jsonwebtoken signs. It knows the key, checks
 * nothing else, and stores nothing.
 */
import { createPrivateKey, randomUUID } from "node:crypto";
import httpSignature from "http-signature";
import type { JWK } from "jose";
import jwt from "jsonwebtoken";
import type { LoginBody } from "../../src/login/contract.ts";
import { serve } from "./serve.ts";

export interface HttpSignatureConfig {
  readonly issuer: string;
  readonly audience: string;
  readonly signingKey: JWK;
  /** The keyId of the login, and the PEM of its key. */
  readonly keyId: string;
  readonly publicKey: string;
}

serve<HttpSignatureConfig>(({ issuer, audience, signingKey, keyId, publicKey }) => {
  const privateKey = createPrivateKey({ key: signingKey, format: "jwk" });
  const publicKeys = new Map([[keyId, publicKey]]);

  function answer(body: string): object | undefined {
    const { identityId, userOcid, headers }: LoginBody = JSON.parse(body);
    const signed = { method: "GET", url: `/20160918/users/${userOcid}`, headers };
    const parsed = httpSignature.parseRequest(signed, {
      headers: ["(request-target)", "host", "date"],
      clockSkew: 300,
    });
    const key = publicKeys.get(parsed.params.keyId);
    if (key === undefined || !httpSignature.verifySignature(parsed, key)) return undefined;
    const [tenancyOcid, , fingerprint] = parsed.params.keyId.split("/");
    const expiresIn = 3600;
    const accessToken = jwt.sign({ identityId, oci: { tenancyOcid, userOcid, fingerprint } }, privateKey, {
      algorithm: "ES256",
      issuer,
      audience,
      subject: identityId,
      jwtid: randomUUID(),
      expiresIn,
    });
    return { accessToken, expiresIn, tokenType: "Bearer" };
  }

  return (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const answered = answer(Buffer.concat(chunks).toString());
      response.writeHead(answered === undefined ? 401 : 200, { "content-type": "application/json" });
      response.end(JSON.stringify(answered ?? {}));
    });
  };
});
