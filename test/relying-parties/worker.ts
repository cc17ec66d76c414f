/** A running Worker and an emulated OCI (`npm run dev`), and real logins there. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { vi } from "vitest";
import { freePort } from "../../dev/free-port.ts";
import { newOcid } from "../e2e/oci-users.ts";
import { newRsaKey } from "../e2e/rsa-keys.ts";
import { signAsGo } from "../e2e/signers.ts";
import { root } from "./examples.ts";
import { start, until } from "./processes.ts";

export async function startWorker(state: string) {
  const [port, ociPort] = [await freePort(), await freePort()];
  const issuer = `http://127.0.0.1:${port}`;
  const args = ["--port", `${port}`, "--oci-port", `${ociPort}`, "--state", state];
  const dev = start("npm", ["run", "--silent", "dev", "--", ...args], root);
  await until(dev, () => dev.output().includes(`Ready on ${issuer}`));

  const logged = (route: string) => dev.output().split(`"route":"${route}"`).length - 1;

  const { ADMIN_TOKEN, TOKEN_SIGNING_KEYS = "" } = parseEnv(readFileSync(join(root, ".dev.vars"), "utf8"));
  const send = async (method: string, url: string, body: unknown) => {
    const response = await fetch(url, {
      method,
      headers: { "content-type": "application/json", authorization: `Bearer ${ADMIN_TOKEN}` },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}: ${text}`);
    return JSON.parse(text);
  };
  const admin = (method: string, path: string, body: unknown) => send(method, `${issuer}${path}`, body);

  const tenancyOcid = newOcid("tenancy");
  const user = { ...newRsaKey(), tenancyOcid, userOcid: newOcid("user") };
  await send("PUT", `http://127.0.0.1:${ociPort}/_emulator/users/${user.userOcid}`, {
    tenancyOcid,
    name: "workload",
    apiKeys: [{ publicKey: user.publicKey }],
  });
  const { organization } = await admin("POST", "/api/v1/organizations", { name: "Acme", slug: "acme" });
  await admin("PUT", `/api/v1/oci/tenancies/${tenancyOcid}`, {
    region: "us-ashburn-1",
    organizationIds: [organization.id],
    userOcid: user.userOcid,
    fingerprint: user.fingerprint,
    privateKey: user.privateKey,
  });

  return {
    issuer,
    /** The first of the private keys that it signs with, as a JWK. */
    signingKey: JSON.parse(TOKEN_SIGNING_KEYS).keys[0] as Record<string, string>,
    /** How often it was asked for its public keys, up to now: the log has its lines in their order. */
    async keysAsked() {
      const marker = "/.well-known/openid-configuration";
      const before = logged(marker);
      await fetch(`${issuer}${marker}`);
      await vi.waitUntil(() => logged(marker) > before, { timeout: 10_000 });
      return logged("/.well-known/jwks.json");
    },
    /** The access token of a new identity with these settings. */
    async logIn(settings: Record<string, unknown> = {}): Promise<{ identityId: string; token: string }> {
      const { identity } = await admin("POST", "/api/v1/identities", {
        name: "workload",
        organizationId: organization.id,
      });
      await admin("POST", `/api/v1/auth/oci-auth/identities/${identity.id}`, { tenancyOcid, ...settings });
      const login = { identityId: identity.id, userOcid: user.userOcid, headers: signAsGo(user) };
      const { accessToken } = await send("POST", `${issuer}/api/v1/auth/oci-auth/login`, login);
      return { identityId: identity.id, token: accessToken };
    },
  };
}
