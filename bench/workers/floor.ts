/**
 * The floor: the minimum that every login needs. It reads the configuration from D1 and the directory's entry from KV
 * in parallel, verifies one RSA-2048 signature, records the login in the same ledger, signs one ES256
 * token with a key that was imported before, and answers. It has no framework, checks nothing, and refuses nothing.
 */
import type { Env } from "../../src/env.ts";
import { type Body, finish, readConfiguration, signerOf } from "./least.ts";

export { Ledger } from "../../src/ledger/ledger.ts";

const encoder = new TextEncoder();
const verificationKeys = new Map<string, Promise<CryptoKey>>();

function verificationKey(publicKey: string): Promise<CryptoKey> {
  let key = verificationKeys.get(publicKey);
  if (key === undefined) {
    const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
    const der = Uint8Array.fromBase64(publicKey);
    key = crypto.subtle.importKey("spki", der, algorithm, false, ["verify"]);
    verificationKeys.set(publicKey, key);
  }
  return key;
}

export default {
  async fetch(request, env) {
    if (request.method !== "POST") return new Response();
    const now = Date.now();
    const body: Body = await request.json();
    const signer = signerOf(body);
    const [rows, entry] = await Promise.all([
      readConfiguration(env, body.identityId),
      env.DIRECTORY.get<{ name: string; keys: { fingerprint: string; publicKey: string }[] }>(
        `${signer.tenancyOcid}/${signer.userOcid}`,
        "json",
      ),
    ]);
    const publicKey = entry?.keys.find((key) => key.fingerprint === signer.fingerprint)?.publicKey ?? "";
    const signingString = `date: ${body.headers.date}\n(request-target): get /20160918/users/${body.userOcid}\nhost: ${body.headers.host}`;
    const key = await verificationKey(publicKey);
    const fits = await crypto.subtle.verify(
      key.algorithm,
      key,
      signer.signature,
      encoder.encode(signingString),
    );
    if (!fits || rows.length !== 1) return new Response(null, { status: 401 });
    return finish(env, now, body, signer, { identityName: rows[0]?.[1], username: entry?.name });
  },
} satisfies ExportedHandler<Env>;
