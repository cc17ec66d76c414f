/** Acknowledged is recorded: the Worker's process is killed in the middle of a stream of logins. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseEnv } from "node:util";
import { decodeJwt } from "jose";
import { afterAll, expect, it } from "vitest";
import { freePort } from "../../dev/free-port.ts";
import { newOcid } from "./oci-users.ts";
import { newRsaKey } from "./rsa-keys.ts";
import { signAsGo } from "./signers.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const state = mkdtempSync(join(tmpdir(), "oci-auth-crash-"));
let running: ChildProcess | undefined;

function kill(): Promise<void> {
  const child = running;
  if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null)
    return Promise.resolve();
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  process.kill(-child.pid, "SIGKILL");
  return ended;
}
afterAll(async () => {
  await kill();
  rmSync(state, { recursive: true, force: true });
});

async function start(port: number, ociPort: number): Promise<void> {
  const child = spawn(
    "npm",
    ["run", "--silent", "dev", "--", "--port", `${port}`, "--oci-port", `${ociPort}`, "--state", state],
    { cwd: root, detached: true },
  );
  running = child;
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  await expect
    .poll(() => output, { timeout: 60_000, interval: 50 })
    .toContain(`Ready on http://127.0.0.1:${port}`);
}

it("every login that was answered with a token is in the log once, after a SIGKILL amid a stream of them", async () => {
  const [port, ociPort] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  await start(port, ociPort);
  const { ADMIN_TOKEN } = parseEnv(readFileSync(join(root, ".dev.vars"), "utf8"));
  const json = async (method: string, target: string, body?: unknown) => {
    const response = await fetch(target, {
      method,
      headers: { "content-type": "application/json", authorization: `Bearer ${ADMIN_TOKEN}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    // biome-ignore lint/suspicious/noExplicitAny: the test says what it expects of it.
    return (await response.json()) as any;
  };
  const tenancyOcid = newOcid("tenancy");
  const user = { ...newRsaKey(), tenancyOcid, userOcid: newOcid("user") };
  await json("PUT", `http://127.0.0.1:${ociPort}/_emulator/users/${user.userOcid}`, {
    tenancyOcid,
    name: "workload",
    apiKeys: [{ publicKey: user.publicKey }],
  });
  const { organization } = await json("POST", `${url}/api/v1/organizations`, {
    name: "Crash",
    slug: "crash",
  });
  await json("PUT", `${url}/api/v1/oci/tenancies/${tenancyOcid}`, {
    region: "us-ashburn-1",
    organizationIds: [organization.id],
    userOcid: user.userOcid,
    fingerprint: user.fingerprint,
    privateKey: user.privateKey,
  });
  const { identity } = await json("POST", `${url}/api/v1/identities`, {
    name: "crash",
    organizationId: organization.id,
  });
  await json("POST", `${url}/api/v1/auth/oci-auth/identities/${identity.id}`, { tenancyOcid });

  const answered: string[] = [];
  let killed = false;
  const stream = async () => {
    for (let signed = 0; !killed; signed++) {
      try {
        const date = new Date(Date.now() - (signed % 200) * 1000).toUTCString();
        const headers = signAsGo(user, { date });
        const login = { identityId: identity.id, userOcid: user.userOcid, headers };
        const { accessToken } = await json("POST", `${url}/api/v1/auth/oci-auth/login`, login);
        if (accessToken !== undefined) answered.push(decodeJwt(accessToken).jti ?? "");
      } catch {
        // Cut off by the kill: not answered.
      }
    }
  };
  const streams = [stream(), stream(), stream(), stream()];
  await expect.poll(() => answered.length, { timeout: 30_000, interval: 5 }).toBeGreaterThan(150);
  await kill();
  killed = true;
  await Promise.all(streams);

  await start(port, ociPort);
  const logged = async () => {
    const ids: string[] = [];
    let cursor: string | null = "";
    do {
      const query: string = cursor === "" ? "" : `&cursor=${cursor}`;
      const { auditEvents, nextCursor } = await json(
        "GET",
        `${url}/api/v1/audit-events?identityId=${identity.id}&limit=100${query}`,
      );
      for (const { type, details } of auditEvents) if (type === "login") ids.push(details.tokenId);
      cursor = nextCursor;
    } while (cursor !== null);
    return ids;
  };
  const missing = async () => {
    const ids = new Set(await logged());
    return answered.filter((id) => !ids.has(id));
  };
  await expect.poll(missing, { timeout: 30_000, interval: 500 }).toEqual([]);
  const ids = await logged();
  expect(ids).toHaveLength(new Set(ids).size);
});
