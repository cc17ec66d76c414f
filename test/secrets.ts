import { generateKeyPairSync, randomBytes } from "node:crypto";

/** The secrets of a Worker under test. Made anew for each run: no key is ever committed. */
export function testSecrets() {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const encryptionKey = { kty: "oct", kid: "one", k: randomBytes(32).toString("base64url") };
  return {
    ADMIN_TOKEN: randomBytes(32).toString("base64url"),
    TOKEN_SIGNING_KEYS: JSON.stringify({ keys: [privateKey.export({ format: "jwk" })] }),
    ENCRYPTION_KEYS: JSON.stringify({ keys: [encryptionKey] }),
  };
}
