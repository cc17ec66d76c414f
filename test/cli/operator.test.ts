/** `oci-auth admin ready` and `admin tenancies re-encrypt`, as processes, against Workers with and without faults. */
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { version } from "../../package.json";
import { addIdentity, addOrganization, addTenancy, addUser, type OciUser } from "../e2e/oci-users.ts";
import { signAsGo } from "../e2e/signers.ts";
import { startWorker, type Worker } from "../e2e/worker.ts";
import { type BuiltCommand, buildCommand } from "./built-command.ts";

let command: BuiltCommand;
beforeAll(() => {
  command = buildCommand();
});
afterAll(() => command.remove());

const ask = (url: string | URL, token: string | undefined, ...args: string[]) =>
  command.run(["admin", ...args], { OCI_AUTH_URL: new URL(url).origin, OCI_AUTH_ADMIN_TOKEN: token ?? "" });
const admin = ({ url, secrets }: Worker, ...args: string[]) => ask(url, secrets.ADMIN_TOKEN, ...args);

/** The columns of each line of a table, without its head. */
const rowsOf = (table: string) =>
  table
    .trimEnd()
    .split("\n")
    .slice(1)
    .map((line) => line.split(/ {2,}/));

describe("oci-auth admin ready", () => {
  let worker: Worker;
  let organizationId: string;
  let tenancyOcid: string;
  let reader: OciUser;
  const breaks = (faults: object) => worker.send("/_faults", { method: "PUT", body: JSON.stringify(faults) });
  const readerMay = (mayOnUsers: "nothing" | "read") =>
    worker.emulator("PUT", `users/${reader.userOcid}`, {
      ...{ tenancyOcid, name: reader.name, mayOnUsers, apiKeys: [{ publicKey: reader.publicKey }] },
    });

  beforeAll(async () => {
    worker = await startWorker({ main: "test/faulty-worker.ts" });
    organizationId = await addOrganization(worker, "ready");
    ({ tenancyOcid, reader } = await addTenancy(worker, [organizationId]));
    await addUser(worker, tenancyOcid);
  });
  afterEach(async () => {
    await breaks({});
    await readerMay("read");
  });
  afterAll(() => worker.close());

  const size = expect.stringMatching(/^\d+\.\d MB of 10 GB$/);
  const running = [
    "version",
    "ok",
    expect.stringMatching(/^\d+\.\d+\.\d+, version [0-9a-f-]{36}, uploaded \d{4}-\S+$/),
  ];
  const dependencies = [
    ["DB", "ok", size],
    ["AUDIT_DB", "ok", size],
    ["DIRECTORY", "ok", "-"],
    ["LEDGER", "ok", "-"],
  ];

  it("shows each dependency and each tenancy, and exits 0 while all are ok", async () => {
    const { code, stdout, stderr } = await admin(worker, "ready");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^CHECK +RESULT +MESSAGE\n/);
    expect(rowsOf(stdout)).toEqual([running, ...dependencies, [tenancyOcid, "ok", "-"]]);
  });

  it("says what is wrong, what OCI said and what to do, and exits 1 while something is not ok", async () => {
    await breaks({ LEDGER: "fail" });
    await readerMay("nothing");
    const { code, stdout, stderr } = await admin(worker, "ready");
    expect([code, stderr]).toEqual([
      1,
      `oci-auth: not ready: LEDGER, ${tenancyOcid}; follow the advice above, and run it again\n`,
    ]);
    expect(rowsOf(stdout)).toEqual([
      running,
      ...dependencies.slice(0, 3),
      ["LEDGER", "unavailable", expect.stringMatching(/nobody logs in.*see www\.cloudflarestatus\.com/)],
      [
        tenancyOcid,
        "policy-gone",
        expect.stringMatching(
          /Allow group .*\. \(OCI says NotAuthorizedOrNotFound: .*, opc-request-id \S+\)$/,
        ),
      ],
    ]);
    const json = await admin(worker, "ready", "--json");
    expect([json.code, JSON.parse(json.stdout)]).toEqual([
      1,
      expect.objectContaining({
        ready: false,
        version: { release: version, versionId: expect.any(String), uploadedAt: expect.any(String) },
        dependencies: expect.objectContaining({ LEDGER: expect.objectContaining({ ok: false }) }),
        tenancies: [expect.objectContaining({ problem: "policy-gone", oci: expect.any(Object) })],
      }),
    ]);
  });

  it("exits 1 while the tenancies cannot be read", async () => {
    await breaks({ DB: "fail" });
    const { code, stdout } = await admin(worker, "ready");
    expect([code, rowsOf(stdout)]).toEqual([
      1,
      [
        running,
        ["DB", "unavailable", expect.stringContaining("nobody logs in")],
        ...dependencies.slice(1),
        ["tenancies", "unavailable", "They cannot be read. Fix DB first."],
      ],
    ]);
  });

  it("reads all pages, and exits 1 if one of them is not ok", async () => {
    const more = await Promise.all(Array.from({ length: 4 }, () => addTenancy(worker, [organizationId])));
    await readerMay("nothing");
    const { code, stdout } = await admin(worker, "ready", "--json");
    const { ready, tenancies, nextCursor } = JSON.parse(stdout);
    expect([code, ready, nextCursor]).toEqual([1, false, null]);
    const found = tenancies.map(({ tenancyOcid, ok }: { tenancyOcid: string; ok: boolean }) => [
      tenancyOcid,
      ok,
    ]);
    expect(found.sort()).toEqual(
      [[tenancyOcid, false], ...more.map((each) => [each.tenancyOcid, true])].sort(),
    );
  });

  it("exits 1 for an admin of an organization, who is refused, and 3 if there is no report", async () => {
    const user = await addUser(worker, tenancyOcid);
    const identityId = await addIdentity(worker, organizationId, tenancyOcid, { role: "admin" });
    const { body } = await worker.login({ identityId, userOcid: user.userOcid, headers: signAsGo(user) });
    const forbidden = await ask(worker.url, body.accessToken, "ready");
    expect([forbidden.code, forbidden.stdout, forbidden.stderr]).toEqual([
      1,
      "",
      expect.stringMatching(/\(403, req-\S+\); use ADMIN_TOKEN/),
    ]);

    for (const [answer, stderr] of [
      [{ reqId: "req-00000000000000", statusCode: 503, message: "Too slow", error: "x" }, /Too slow \(503, /],
      ["<html>", /answered 503, and not as an oci-auth-worker does; try again later/],
    ] as const) {
      const server = createServer((_, response) => {
        response.writeHead(503).end(typeof answer === "string" ? answer : JSON.stringify(answer));
      }).listen(0, "127.0.0.1");
      await new Promise((resolve) => server.once("listening", resolve));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const run = await ask(url, worker.secrets.ADMIN_TOKEN, "ready");
      server.close();
      expect([run.code, run.stdout, run.stderr]).toEqual([3, "", expect.stringMatching(stderr)]);
    }
  });
});

describe("oci-auth admin tenancies re-encrypt", () => {
  let worker: Worker;
  beforeAll(async () => {
    worker = await startWorker({ main: "test/rotating-worker.ts" });
    const organizationId = await addOrganization(worker, "re-encrypt");
    // More than a page.
    await Promise.all(Array.from({ length: 21 }, () => addTenancy(worker, [organizationId])));
  });
  afterAll(() => worker.close());

  const out = (...keys: object[]) =>
    worker.send("/_versions", {
      method: "PUT",
      body: JSON.stringify([{ ENCRYPTION_KEYS: JSON.stringify({ keys }) }]),
    });
  const newKey = (kid: string) => ({ kty: "oct", kid, k: randomBytes(32).toString("base64url") });

  it("moves all to a new first key, after which the old key can be dropped", async () => {
    const [one] = JSON.parse(worker.secrets.ENCRYPTION_KEYS ?? "").keys;
    const two = newKey("two");
    await out(two, one);
    const moved = await admin(worker, "tenancies", "re-encrypt");
    expect([moved.code, moved.stderr, moved.stdout.split(/ *\n/)]).toEqual([
      0,
      "",
      ["RE ENCRYPTED   21", "CURRENT        0", "CHANGED        0", "UNDECRYPTABLE  -", ""],
    ]);
    const again = await admin(worker, "tenancies", "re-encrypt", "--json");
    expect([again.code, JSON.parse(again.stdout)]).toEqual([
      0,
      { reEncrypted: 0, current: 21, changed: 0, undecryptable: [], nextCursor: null },
    ]);
    await out(two);
    expect(await admin(worker, "ready")).toMatchObject({ code: 0, stderr: "" });
  });

  it("names those that no key decrypts, and exits 1", async () => {
    await out(newKey("three"));
    const { code, stdout, stderr } = await admin(worker, "tenancies", "re-encrypt", "--json");
    const { reEncrypted, current, undecryptable } = JSON.parse(stdout);
    expect([code, reEncrypted, current, undecryptable.length]).toEqual([1, 0, 0, 21]);
    expect(stderr).toContain(`none of ENCRYPTION_KEYS decrypts ${undecryptable[0]}, `);
    expect(stderr).toMatch(/put their key back and run it again, or register them again/);
  });
});
