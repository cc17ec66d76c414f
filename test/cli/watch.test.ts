/** `oci-auth login --sink <file> --watch`, as a process: it keeps a token fresh, whatever goes wrong. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { Worker as Thread } from "node:worker_threads";
import { decodeJwt } from "jose";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { Sink } from "../../cli/login/sink.ts";
import { startStopwatch } from "../../cli/login/stopwatch.ts";
import { retryAfterSeconds } from "../../cli/worker/client.ts";
import { addIdentity, addOrganization, addTenancy, addUser, type OciUser } from "../e2e/oci-users.ts";
import { newRsaKey } from "../e2e/rsa-keys.ts";
import { startWorker, type Worker } from "../e2e/worker.ts";
import { type BuiltCommand, buildCommand, type Started } from "./built-command.ts";
import { makeHomeFolder, profileOf, profileText } from "./home-folder.ts";
import { type Relay, startRelay } from "./relay.ts";

let command: BuiltCommand;
let worker: Worker;
let rootId: string;
let tenancyOcid: string;
let user: OciUser;

beforeAll(async () => {
  command = buildCommand();
  worker = await startWorker({ vars: { MAX_TOKEN_TTL_SECONDS: "4" } });
  rootId = await addOrganization(worker, "acme");
  ({ tenancyOcid } = await addTenancy(worker, [rootId]));
  user = await addUser(worker, tenancyOcid);
});
const relays: Relay[] = [];
const watches: Started[] = [];
afterEach(async () => {
  for (const watch of watches.splice(0)) watch.kill("SIGKILL");
  for (const relay of relays.splice(0)) await relay.close();
});
afterAll(async () => {
  command.remove();
  await worker.close();
});

const loginPath = "/api/v1/auth/oci-auth/login";
const renewPath = "/api/v1/auth/token/renew";
const patience = { timeout: 30_000, interval: 50 };

/** A home folder, a relay to the Worker, and how to watch from there. */
async function prepare(settings: Record<string, unknown> = {}, clientIp?: string) {
  const relay = await startRelay(worker.url, clientIp);
  relays.push(relay);
  const identityId = await addIdentity(worker, rootId, tenancyOcid, { settings });
  const folder = makeHomeFolder(command.folder);
  const config = (owner: OciUser) => {
    folder.write(".oci/config", profileText("DEFAULT", profileOf(owner, folder.key(owner))));
  };
  config(user);
  const sink = join(folder.path, "token");
  /** Claims of the token in the file. */
  const claims = () => {
    try {
      return decodeJwt<{ identityId: string; creationEpoch: number; oci: { fingerprint: string } }>(
        readFileSync(sink, "utf8"),
      );
    } catch {
      return undefined;
    }
  };
  const env = { ...folder.env, OCI_AUTH_URL: relay.origin, OCI_AUTH_IDENTITY_ID: identityId };
  return {
    relay,
    identityId,
    folder,
    sink,
    /** Gives the profile another owner. */
    config,
    requestsTo: (path: string) => relay.requests.filter((request) => request.path === path).length,
    start: (...args: string[]) => {
      const watch = command.start(["login", "--sink", sink, "--watch", ...args], env);
      watches.push(watch);
      return watch;
    },
    claims,
    /** The claims of the identity's token, once it is in the file. */
    firstToken: async () => {
      await expect.poll(() => claims()?.identityId, patience).toBe(identityId);
      return claims();
    },
  };
}

async function stop(watch: Started, signal: NodeJS.Signals = "SIGTERM") {
  watch.kill(signal);
  return watch.ended;
}

it("renews the token under its id before it expires, in a file of mode 0600, and SIGTERM ends it with 0", async () => {
  const { start, claims, sink, requestsTo, folder, relay, firstToken } = await prepare();
  const watch = start();
  const first = await firstToken();
  await expect.poll(() => requestsTo(renewPath), patience).toBeGreaterThanOrEqual(2);
  await expect.poll(() => (claims()?.exp ?? 0) > (first?.exp ?? 0), patience).toBe(true);
  expect(claims()).toMatchObject({ jti: first?.jti, creationEpoch: first?.creationEpoch });
  expect(requestsTo(loginPath)).toBe(1);
  // The Worker renews no token that has expired.
  expect(relay.requests.map(({ status }) => status)).not.toContain(403);
  expect(statSync(sink).mode & 0o777).toBe(0o600);
  const run = await stop(watch);
  expect(run.code).toBe(0);
  expect(run.stderr).toMatch(/^oci-auth: logged in for 4 s\noci-auth: renewed for 4 s\n/);
  expect(run.stderr).not.toContain(readFileSync(sink, "utf8"));
  expect(readdirSync(folder.path).filter((name) => name.startsWith(".token"))).toEqual([]);
});

it("writes each token in the form that --output names", async () => {
  const { start, sink, requestsTo } = await prepare();
  const watch = start("--output", "env");
  await expect.poll(() => requestsTo(renewPath), patience).toBe(1);
  await expect.poll(watch.stderr, patience).toContain("renewed");
  expect(readFileSync(sink, "utf8")).toMatch(/^export OCI_AUTH_TOKEN='[\w-]+\.[\w-]+\.[\w-]+'$/);
  expect((await stop(watch, "SIGINT")).code).toBe(0);
});

it("survives an outage: says what is wrong, keeps the old token, and has a new one afterwards", async () => {
  const { start, claims, relay, firstToken } = await prepare();
  const watch = start();
  await firstToken();
  await relay.down();
  const old = claims();
  await expect.poll(() => watch.stderr().match(/cannot be reached/g)?.length, patience).toBe(2);
  expect(watch.stderr()).toContain("the old token is left as it is, trying again");
  expect(claims()).toEqual(old);
  await relay.up();
  await expect.poll(() => (claims()?.exp ?? 0) > (old?.exp ?? 0), patience).toBe(true);
  expect((await stop(watch)).code).toBe(0);
});

it("starts during an outage too, and waits for its end; SIGTERM ends it with 0 then as well", async () => {
  const { start, claims, relay, firstToken } = await prepare();
  await relay.down();
  const [watch, other] = [start(), start()];
  for (const { stderr } of [watch, other]) {
    await expect.poll(stderr, patience).toMatch(/cannot be reached: .*there is no token yet, trying again/);
  }
  expect((await stop(other)).code).toBe(0);
  expect(claims()).toBe(undefined);
  await relay.up();
  await firstToken();
});

it("logs in again near the max TTL, before a renewal would be short", async () => {
  const { start, claims, requestsTo, relay, firstToken } = await prepare({
    accessTokenTTL: 4,
    accessTokenMaxTTL: 5,
  });
  start();
  const first = await firstToken();
  await expect.poll(() => requestsTo(loginPath), patience).toBe(2);
  await expect.poll(() => claims()?.jti !== first?.jti, patience).toBe(true);
  expect(relay.requests.map(({ status }) => status)).toEqual(relay.requests.map(() => 200));
  expect(requestsTo(renewPath)).toBeLessThanOrEqual(2);
});

it("logs in again when the renewal is refused", async () => {
  const { start, claims, sink, firstToken } = await prepare();
  const watch = start();
  const first = await firstToken();
  await worker.json("POST", "/api/v1/auth/token/revoke", { accessToken: readFileSync(sink, "utf8") });
  await expect.poll(() => claims()?.jti !== first?.jti, patience).toBe(true);
  expect(watch.stderr()).toMatch(/the renewal was refused: This token has been revoked.*; logging in again/);
});

it("ends with 1 if the first login is refused for good, and makes no file", async () => {
  const { start, claims } = await prepare({ allowedUsernames: "nobody" });
  const run = await start().ended;
  expect(run.code).toBe(1);
  expect(run.stderr).toMatch(/^oci-auth: Access denied: OCI account username not allowed.*\n$/);
  expect(claims()).toBe(undefined);
});

it("keeps trying after a later refusal, since somebody may fix the cause", async () => {
  const { start, claims, identityId, requestsTo, firstToken } = await prepare();
  const suspend = (suspended: boolean) =>
    worker.admin("PATCH", `/api/v1/identities/${identityId}`, { suspended });
  const watch = start();
  await firstToken();
  await suspend(true);
  const old = claims();
  await expect.poll(() => requestsTo(loginPath), patience).toBe(3);
  expect(watch.stderr()).toMatch(/suspended.*\(403, .*have it resumed; the old token is left as it is/);
  await suspend(false);
  await expect.poll(() => (claims()?.iat ?? 0) > (old?.iat ?? 0), patience).toBe(true);
});

it("reads the profile again when it logs in, so that a key may be replaced meanwhile", async () => {
  const { start, claims, config, identityId, firstToken } = await prepare();
  start();
  await firstToken();
  const key = newRsaKey();
  const { body } = await worker.emulator("PUT", `users/${user.userOcid}`, {
    tenancyOcid,
    name: user.name,
    apiKeys: [{ publicKey: user.publicKey }, { publicKey: key.publicKey }],
  });
  config({ ...user, ...key });
  await worker.admin("DELETE", `/api/v1/oci/tenancies/${tenancyOcid}/users/${user.userOcid}/cache`);
  await worker.admin("POST", `/api/v1/identities/${identityId}/revoke-tokens`);
  await expect.poll(() => claims()?.oci.fingerprint, patience).toBe(body.fingerprints[1]);
});

it("waits as long as Retry-After says", async () => {
  const { start, config, relay, firstToken } = await prepare();
  const stranger = await addUser(worker, tenancyOcid);
  config(stranger);
  await worker.emulator("PUT", "faults", { status: 500 });
  const watch = start();
  await expect
    .poll(watch.stderr, patience)
    .toMatch(/\(503, .*\(in 5 s\); there is no token yet, trying again/);
  await worker.emulator("DELETE", "faults");
  await firstToken();
  const [refused, taken] = relay.requests;
  expect([refused?.status, taken?.status]).toEqual([503, 200]);
  expect((taken?.at ?? 0) - (refused?.at ?? 0)).toBeGreaterThanOrEqual(5000);
});

it.each([
  ["5", 5],
  ["0", 0],
  ["Tue, 24 Nov 2026 03:05:00 GMT", 60],
  ["Tue, 24 Nov 2026 03:03:00 GMT", 0],
  ["soon", undefined],
  [undefined, undefined],
])("reads a Retry-After of %j as %j seconds", (value, seconds) => {
  const headers = new Headers(value === undefined ? {} : { "retry-after": value });
  const answer = { kind: "answer", status: 503, headers, body: undefined } as const;
  expect(retryAfterSeconds(answer, Date.parse("Tue, 24 Nov 2026 03:04:00 GMT"))).toBe(seconds);
});

it("computes a token's age by the clock that says more: the machine's may be set back, the other may stop", () => {
  vi.useFakeTimers({ toFake: ["Date", "performance"] });
  try {
    const start = Date.now();
    const age = startStopwatch();
    vi.advanceTimersByTime(5000);
    vi.setSystemTime(start - 3_600_000);
    expect(age()).toBe(5000);
    vi.setSystemTime(start + 7000);
    expect(age()).toBe(7000);
  } finally {
    vi.useRealTimers();
  }
});

it("keeps trying when the file cannot be written any more", async () => {
  const { start, sink, firstToken } = await prepare();
  const watch = start();
  await firstToken();
  renameSync(sink, `${sink}.old`);
  // Nobody, not even root, can rename a file over a folder.
  mkdirSync(sink);
  await expect
    .poll(watch.stderr, patience)
    .toMatch(/cannot be written to .*; the old token is left as it is/);
  rmSync(sink, { recursive: true });
  await firstToken();
});

it("never shows a reader a part of a token, or none", async () => {
  const path = join(command.folder, "busy");
  const sink = new Sink(path);
  const texts = ["a".repeat(40_000), "b".repeat(50_000)] as const;
  sink.write(texts[0]);
  const reader = new Thread(
    `const { parentPort, workerData } = require("node:worker_threads");
     const { readFileSync } = require("node:fs");
     let stop = false;
     parentPort.on("message", () => { stop = true; });
     const seen = new Map();
     (function read() {
       for (let n = 0; n < 50; n += 1) {
         const text = readFileSync(workerData, "utf8");
         seen.set(text.slice(0, 1) + text.length, (seen.get(text.slice(0, 1) + text.length) ?? 0) + 1);
       }
       if (stop) parentPort.postMessage([...seen.keys()]);
       else { parentPort.postMessage("reading"); setImmediate(read); }
     })();`,
    { eval: true, workerData: path },
  );
  const seen = new Promise<string[]>((resolve, reject) => {
    reader.once("error", reject);
    reader.on("message", (message: string | string[]) => {
      if (Array.isArray(message)) resolve(message);
    });
  });
  await new Promise((resolve) => reader.once("message", resolve));
  for (let round = 0; round < 400; round += 1) {
    sink.write(texts[round % 2] ?? "");
    if (round % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  reader.postMessage("stop");
  expect((await seen).sort()).toEqual(["a40000", "b50000"]);
  await reader.terminate();
});
