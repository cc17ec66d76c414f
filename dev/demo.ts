/**
 * `npm run demo`: one login on this machine, from an empty Worker to a verified token. It starts the Worker and an
 * emulated OCI with temporary state, makes a tenancy, a user and an identity, and signs a request with Oracle's own
 * SDK. It verifies the token, renews and revokes it, and shows the audit log.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseEnv } from "node:util";
import { createRemoteJWKSet, decodeJwt, jwtVerify } from "jose";
import { call } from "./call.ts";
import { freePort } from "./free-port.ts";
import { signGetUser } from "./oracle-sdk.ts";
import { newKey } from "./rsa-key.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const say = (text: string) => process.stdout.write(`${text}\n`);

function startDev(port: number, ociPort: number, state: string): ChildProcess {
  return spawn(
    process.execPath,
    ["dev/dev.ts", "--port", `${port}`, "--oci-port", `${ociPort}`, "--state", state],
    { cwd: root, stdio: ["ignore", "pipe", "pipe"] },
  );
}

/** Resolves when `npm run dev` is ready. Its output is shown only if it fails. */
async function untilReady(dev: ChildProcess, port: number): Promise<void> {
  let output = "";
  await new Promise<void>((resolve, reject) => {
    dev.stdout?.on("data", (chunk: Buffer) => {
      output += chunk;
      if (output.includes(`\nReady on http://127.0.0.1:${port}`)) resolve();
    });
    dev.stderr?.on("data", (chunk: Buffer) => {
      output += chunk;
    });
    dev.once("exit", (code) => reject(new Error(`npm run dev ended with exit code ${code}:\n${output}`)));
  });
  dev.removeAllListeners("exit");
}

const tenancyOcid = "ocid1.tenancy.oc1..aaaaaaaademotenancy";
const reader = { ocid: "ocid1.user.oc1..aaaaaaaademoreader", name: "oci-auth-worker", key: newKey() };
const workload = {
  ocid: "ocid1.user.oc1..aaaaaaaademoworkload",
  name: "payments@example.com",
  key: newKey(),
};

async function demo(worker: string, oci: string): Promise<void> {
  say("1. OCI (emulated) has a tenancy with two users: one that may read users, and the workload's");
  const fingerprints: string[] = [];
  for (const { ocid, name, key } of [reader, workload]) {
    const user = { tenancyOcid, name, apiKeys: [{ publicKey: key.publicKey }] };
    const put = await call("PUT", `${oci}/_emulator/users/${ocid}`, user);
    fingerprints.push(put.fingerprints[0]);
    say(`   ${name}  ${ocid}  key ${put.fingerprints[0]}`);
  }
  const [readerFingerprint = "", workloadFingerprint = ""] = fingerprints;

  say("2. An operator registers the tenancy, creates an identity and lets the workload's user log in as it");
  const { ADMIN_TOKEN } = parseEnv(readFileSync(join(root, ".dev.vars"), "utf8"));
  const admin = (method: string, path: string, body?: unknown) =>
    call(method, `${worker}${path}`, body, ADMIN_TOKEN);
  const { organization } = await admin("POST", "/api/v1/organizations", { name: "Demo", slug: "demo" });
  await admin("PUT", `/api/v1/oci/tenancies/${tenancyOcid}`, {
    region: "us-ashburn-1",
    organizationIds: [organization.id],
    userOcid: reader.ocid,
    fingerprint: readerFingerprint,
    privateKey: reader.key.privateKey,
  });
  const { identity } = await admin("POST", "/api/v1/identities", {
    name: "payments",
    organizationId: organization.id,
  });
  await admin("POST", `/api/v1/auth/oci-auth/identities/${identity.id}`, {
    tenancyOcid,
    allowedUsernames: workload.name,
  });
  say(`   organization ${organization.id}, identity ${identity.id}`);

  say("3. The workload signs a Get User of itself with Oracle's SDK, and sends the signed headers");
  const headers = await signGetUser({
    tenancyOcid,
    userOcid: workload.ocid,
    fingerprint: workloadFingerprint,
    privateKey: workload.key.privateKey,
  });
  for (const [name, value] of Object.entries(headers)) say(`   ${name}: ${value}`);
  const login = { identityId: identity.id, userOcid: workload.ocid, headers };
  const token = await call("POST", `${worker}/api/v1/auth/oci-auth/login`, login);
  say(`   ${token.tokenType} token, expires in ${token.expiresIn} s`);

  say("4. A service verifies the token with the published keys");
  const { jwks_uri } = await call("GET", `${worker}/.well-known/openid-configuration`);
  const keys = createRemoteJWKSet(new URL(jwks_uri));
  const { payload, protectedHeader } = await jwtVerify(token.accessToken, keys, {
    issuer: worker,
    audience: "api",
  });
  say(`   verified: ${protectedHeader.alg}, key ${protectedHeader.kid} of ${jwks_uri}`);
  say(JSON.stringify(payload, null, 2).replace(/^/gm, "   "));
  say(`   token: ${token.accessToken}`);

  say("5. The workload renews the token: a new copy with the same id, which expires later");
  const renewed = await call("POST", `${worker}/api/v1/auth/token/renew`, { accessToken: token.accessToken });
  const copy = decodeJwt(renewed.accessToken);
  say(
    `   jti ${copy.jti} ${copy.jti === payload.jti ? "as before" : "CHANGED"}, expires in ${renewed.expiresIn} s`,
  );

  say("6. A service that cannot wait for it to expire calls the Worker, before and after it is revoked");
  const introspect = async () => {
    const response = await fetch(`${worker}/oauth2/introspect`, {
      method: "POST",
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
      body: new URLSearchParams({ token: renewed.accessToken }),
    });
    return (await response.json()) as { active: boolean };
  };
  const before = await introspect();
  const { message } = await call("POST", `${worker}/api/v1/auth/token/revoke`, {
    accessToken: token.accessToken,
  });
  const after = await introspect();
  say(`   active: ${before.active}; ${message}; active: ${after.active}`);
  if (copy.jti !== payload.jti || !before.active || after.active)
    throw new Error("the token's life went wrong");

  say("7. The audit log has all of it, newest first");
  const expected = [
    "organization.create",
    "tenancy.put",
    "identity.create",
    "oci-auth.attach",
    "login",
    "token.renew",
    "token.revoke",
  ];
  let events: { at: string; type: string; outcome: string; actor: string }[] = [];
  while (events.length < expected.length) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    events = (await admin("GET", "/api/v1/audit-events")).auditEvents;
  }
  for (const { at, type, outcome, actor } of events) say(`   ${at}  ${type.padEnd(20)} ${outcome}  ${actor}`);
}

const state = mkdtempSync(join(tmpdir(), "oci-auth-demo-"));
let dev: ChildProcess | undefined;
let stopped = false;
function stop(exitCode: number): void {
  if (stopped) return;
  stopped = true;
  process.exitCode = exitCode;
  dev?.kill("SIGTERM");
}
process.on("SIGINT", () => stop(130));
process.on("SIGTERM", () => stop(130));
// A reader of the output, such as head, may stop early, which is not a failure.
process.stdout.on("error", () => stop(0));
process.stderr.on("error", () => stop(0));

try {
  const [port, ociPort] = [await freePort(), await freePort()];
  say(`Starting the Worker on http://127.0.0.1:${port} and an emulated OCI on http://127.0.0.1:${ociPort}`);
  dev = startDev(port, ociPort, state);
  await untilReady(dev, port);
  await demo(`http://127.0.0.1:${port}`, `http://127.0.0.1:${ociPort}`);
} catch (error) {
  if (!stopped) {
    process.stderr.write(`The demo failed: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
} finally {
  if (dev?.exitCode === null && dev.signalCode === null) {
    const ended = new Promise((resolve) => dev?.once("exit", resolve));
    dev.kill("SIGTERM");
    await ended;
  }
  rmSync(state, { recursive: true, force: true });
}
