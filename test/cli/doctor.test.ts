/** `oci-auth doctor`, as a process: with a correct set-up, and with each fault in turn. */
import { createPrivateKey } from "node:crypto";
import { chmodSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../dev/free-port.ts";
import {
  addIdentity,
  addOrganization,
  addTenancy,
  addUser,
  newOcid,
  type OciUser,
} from "../e2e/oci-users.ts";
import { newRsaKey } from "../e2e/rsa-keys.ts";
import { startWorker, type Worker } from "../e2e/worker.ts";
import { type BuiltCommand, buildCommand } from "./built-command.ts";
import {
  type HomeFolder,
  makeHomeFolder,
  type ProfileValues,
  profileOf,
  profileText,
} from "./home-folder.ts";
import { startRelay } from "./relay.ts";

let command: BuiltCommand;
let worker: Worker;
let rootId: string;
let tenancyOcid: string;
let user: OciUser;
let identityId: string;
const servers: Server[] = [];

beforeAll(async () => {
  command = buildCommand();
  worker = await startWorker();
  rootId = await addOrganization(worker, "acme");
  ({ tenancyOcid } = await addTenancy(worker, [rootId]));
  user = await addUser(worker, tenancyOcid, { name: "alice@example.com" });
  identityId = await addIdentity(worker, rootId, tenancyOcid);
});
afterAll(async () => {
  command.remove();
  for (const server of servers) server.close();
  await worker.close();
});

interface Finding {
  readonly name: string;
  readonly ok: boolean | null;
  readonly says: string;
  readonly next?: string;
}

const everyCheck = [
  ...["configuration file", "configuration file mode", "profile", "OCIDs", "region"],
  ...["key file", "key file mode", "private key", "fingerprint", "Worker", "clock", "login"],
];

function homeWith(change: ProfileValues = {}, owner = user): HomeFolder {
  const folder = makeHomeFolder(command.folder);
  const values = { ...profileOf(owner, folder.key(owner, "key.pem")), ...change };
  folder.write(".oci/config", profileText("DEFAULT", values));
  return folder;
}

async function examine(folder: HomeFolder, args: readonly string[] = [], more: Record<string, string> = {}) {
  const target = { OCI_AUTH_URL: worker.url.origin, OCI_AUTH_IDENTITY_ID: identityId };
  const run = await command.run(["doctor", "--json", ...args], { ...folder.env, ...target, ...more });
  const { ok, checks }: { ok: boolean; checks: Finding[] } = JSON.parse(run.stdout);
  return { ...run, ok, checks, notOk: checks.filter((check) => check.ok === false) };
}

type Examined = Awaited<ReturnType<typeof examine>>;

/** Exactly one check fails, and those that depend on it are skipped. */
function expectFault(
  { code, ok, stderr, checks, notOk }: Examined,
  name: string,
  says: RegExp,
  next: RegExp,
): void {
  expect(notOk).toEqual([
    { name, ok: false, says: expect.stringMatching(says), next: expect.stringMatching(next) },
  ]);
  expect([code, ok]).toEqual([1, false]);
  expect(stderr).toBe(`oci-auth: not ok: ${name}; follow the advice above, and run it again\n`);
  for (const check of checks.filter(({ ok }) => ok === null)) {
    expect(check.says).toBe("not checked: it depends on a check that failed above");
  }
}

const leftOut = ({ checks }: Examined) => checks.filter(({ ok }) => ok === null).map(({ name }) => name);

describe("with a correct set-up", () => {
  it("says ok of every check, and exits 0", async () => {
    const { code, ok, stderr, checks } = await examine(homeWith());
    expect(checks.map(({ name, ok, says }) => [name, ok ? "ok" : says])).toEqual(
      everyCheck.map((name) => [name, "ok"]),
    );
    expect([code, ok, stderr]).toEqual([0, true, ""]);
    expect(checks.find(({ name }) => name === "clock")?.says).toBe("agrees with the Worker's");
  });

  it("prints a line for each check", async () => {
    const { env } = homeWith();
    const args = ["doctor", "--url", worker.url.origin, "--identity-id", identityId];
    const { code, stdout, stderr } = await command.run([...args, "--algorithm", "rsa-pss-sha256"], env);
    expect([code, stderr]).toEqual([0, ""]);
    const lines = stdout.trimEnd().split("\n");
    expect(lines.map((line) => line.slice(0, 32).trimEnd())).toEqual(
      everyCheck.map((name) => `ok      ${name}`),
    );
    expect(lines.at(-1)).toMatch(/logged in as .*, for 3600 s$/);
    expect(stdout).not.toMatch(/eyJ/);
  });

  it("reads all settings from the environment, without a file", async () => {
    const folder = makeHomeFolder(command.folder);
    const { code, checks } = await examine(folder, [], {
      OCI_CLI_USER: user.userOcid,
      OCI_CLI_TENANCY: tenancyOcid,
      OCI_CLI_FINGERPRINT: user.fingerprint,
      OCI_CLI_REGION: "iad",
      OCI_CLI_KEY_CONTENT: user.privateKey,
    });
    expect(code).toBe(0);
    expect(checks.map(({ name }) => name)).toEqual(everyCheck.filter((name) => !name.endsWith(" mode")));
  });
});

describe("of the profile", () => {
  it("says that there is none, and still checks the Worker", async () => {
    const found = await examine(makeHomeFolder(command.folder));
    expectFault(found, "profile", /no ~\/.oci\/config, and user, .*/, /oci setup config.*OCI_CLI_USER/);
    expect(found.checks.filter(({ ok }) => ok).map(({ name }) => name)).toEqual([
      "configuration file",
      "Worker",
      "clock",
    ]);
  });

  it("says which profiles exist when the named one does not", async () => {
    const found = await examine(homeWith(), ["--profile", "prod"]);
    expectFault(found, "configuration file", /no profile \[prod\] in .*, which has \[DEFAULT\]/, /--profile/);
  });

  it("says what is missing, and checks the rest", async () => {
    const found = await examine(homeWith({ region: undefined }));
    expectFault(
      found,
      "profile",
      /region is missing in \[DEFAULT\] of/,
      /add it there or set OCI_CLI_REGION/,
    );
    expect(leftOut(found)).toEqual(["region", "login"]);
  });

  it("says that others can access the file", async () => {
    const folder = homeWith();
    chmodSync(`${folder.path}/.oci/config`, 0o644);
    const found = await examine(folder);
    expectFault(found, "configuration file mode", /\(mode 0644\)/, /^chmod 600 '.*\/\.oci\/config'$/);
    expect(leftOut(found)).toEqual([]);
  });

  it.each<[string, string, () => ProfileValues, RegExp, RegExp]>([
    [
      "a user that is not an OCID",
      "OCIDs",
      () => ({ user: "alice" }),
      /user of \[DEFAULT\]: 'alice' is not an OCID/,
      /copy/,
    ],
    [
      "a user of another realm",
      "OCIDs",
      () => ({ user: newOcid("user", "oc4") }),
      /the user is of realm oc4 and the tenancy of realm oc1/,
      /same profile/,
    ],
    [
      "an invalid region",
      "region",
      () => ({ region: "nowhere" }),
      /region of \[DEFAULT\]: 'nowhere' is not a region/,
      /us-ashburn-1/,
    ],
    [
      "a region of another realm",
      "region",
      () => ({ region: "uk-gov-london-1" }),
      /uk-gov-london-1 is of realm oc4, and the tenancy of realm oc1/,
      /a region of the tenancy/,
    ],
    [
      "a missing key file",
      "key file",
      () => ({ key_file: "~/none.pem" }),
      /cannot be read: ENOENT.*none\.pem/,
      /correct key_file of \[DEFAULT\]/,
    ],
    [
      "another key's fingerprint",
      "fingerprint",
      () => ({ fingerprint: newRsaKey().fingerprint }),
      /the key's fingerprint is [0-9a-f:]{47}, but fingerprint of \[DEFAULT\] is [0-9a-f:]{47}$/,
      /correct the fingerprint, or name the file/,
    ],
  ])("says that it has %s", async (_, check, change, says, next) => {
    const found = await examine(homeWith(change()));
    expectFault(found, check, says, next);
    expect(leftOut(found)).toContain("login");
  });

  it("warns that OCI_CONFIG_FILE is not read", async () => {
    const folder = homeWith();
    const { code, checks } = await examine(folder, [], { OCI_CONFIG_FILE: "~/other" });
    expect(code).toBe(0);
    expect(checks[0]?.says).toMatch(/is read and not OCI_CONFIG_FILE/);
  });
});

describe("of the key", () => {
  const pem = (encryption = {}) =>
    createPrivateKey(user.privateKey)
      .export({ type: "pkcs8", format: "pem", ...encryption })
      .toString();
  const encrypted = () => pem({ cipher: "aes-256-cbc", passphrase: "right" });

  it("says that others can access its file", async () => {
    const folder = homeWith();
    chmodSync(`${folder.path}/key.pem`, 0o640);
    const found = await examine(folder);
    expectFault(found, "key file mode", /key\.pem \(mode 0640\)/, /^chmod 600 '.*key\.pem'$/);
    expect(leftOut(found)).toEqual([]);
  });

  it.each<[string, () => string, string | undefined, RegExp, RegExp]>([
    [
      "is truncated",
      () => pem().slice(0, 800),
      undefined,
      /cannot be read; is a part of it missing\?/,
      /in PEM/,
    ],
    ["is a public key", () => user.publicKey, undefined, /this is a public key/, /give the private key/],
    [
      "has another passphrase",
      encrypted,
      "wr0ng-one",
      /cannot be decrypted/,
      /correct pass_phrase of \[DEFAULT\]/,
    ],
    [
      "has a passphrase that is not given",
      encrypted,
      undefined,
      /is encrypted, and there is neither/,
      /OCI_CLI_PASSPHRASE/,
    ],
  ])("says that it %s", async (_, text, pass_phrase, says, next) => {
    const folder = homeWith({ pass_phrase });
    folder.write("key.pem", text());
    const found = await examine(folder);
    expectFault(found, "private key", says, next);
    expect(leftOut(found)).toEqual(["fingerprint", "login"]);
    expect(found.stdout).not.toContain("wr0ng-one");
  });

  it("is decrypted with its passphrase", async () => {
    const folder = homeWith({ pass_phrase: "right" });
    folder.write("key.pem", encrypted());
    expect(await examine(folder)).toMatchObject({ code: 0, notOk: [] });
  });
});

describe("of the Worker", () => {
  it("says that it cannot be reached", async () => {
    const found = await examine(homeWith(), ["--url", `http://127.0.0.1:${await freePort()}`]);
    expectFault(found, "Worker", /cannot be reached: .*ECONNREFUSED/, /check --url and the network/);
    expect(leftOut(found)).toEqual(["clock", "login"]);
  });

  it("says that the server is not a Worker", async () => {
    const server = createServer((_, response) => {
      response.writeHead(200, { "content-type": "text/html" }).end("<p>hello</p>");
    }).listen(0, "127.0.0.1");
    servers.push(server);
    await new Promise((resolve) => server.once("listening", resolve));
    const found = await examine(homeWith(), [
      "--url",
      `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ]);
    expectFault(found, "Worker", /answered 200, and not as an oci-auth-worker does/, /check --url/);
  });

  it("says that neither it nor the identity is named", async () => {
    const found = await examine(homeWith(), [], { OCI_AUTH_IDENTITY_ID: "" });
    expectFault(found, "login", /no identity is named/, /give --identity-id/);
    const { env } = homeWith();
    const { code, stdout } = await command.run(["doctor"], env);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^not ok {2}Worker +no Worker is named\n +give --url or set OCI_AUTH_URL$/m);
  });

  /** A machine whose clock is wrong by this many seconds. */
  function shiftedClock(folder: HomeFolder, seconds: number): Record<string, string> {
    const code = `const real = Date; const now = () => real.now() + ${seconds * 1000};
      globalThis.Date = class extends real {
        constructor(...args) { super(...(args.length === 0 ? [now()] : args)); }
        static now() { return now(); }
      };`;
    return { NODE_OPTIONS: `--require ${folder.write("clock.cjs", code)}` };
  }

  it.each([
    [3600, "ahead of"],
    [-900, "behind"],
  ])("says by how much this machine's clock is wrong, and how to set it (%i s)", async (seconds, where) => {
    const folder = homeWith();
    const { code, notOk } = await examine(folder, [], shiftedClock(folder, seconds));
    expect(code).toBe(1);
    const off = /clock is (\d+) s (.+) the Worker's, which says .* GMT; a login may be 300 s off$/.exec(
      notOk[0]?.says ?? "",
    );
    expect(off?.[2]).toBe(where);
    expect(Math.abs(Number(off?.[1]) - Math.abs(seconds))).toBeLessThanOrEqual(5);
    expect(notOk).toMatchObject([
      { name: "clock", next: expect.stringMatching(/timedatectl set-ntp true, or chronyc makestep/) },
      { name: "login", says: expect.stringMatching(/the signed date.*this machine's clock is wrong/) },
    ]);
  });

  it("warns of a clock that is wrong, but within the limit", async () => {
    const folder = homeWith();
    const { code, checks } = await examine(folder, [], shiftedClock(folder, 150));
    expect(code).toBe(0);
    expect(checks.find(({ name }) => name === "clock")?.says).toMatch(
      /^1[45]\d s ahead of the Worker's; 300 s are allowed, but/,
    );
  });
});

describe("of the login, says what the Worker answered and what it means", () => {
  const newIdentity = (settings: Record<string, unknown> = {}) =>
    addIdentity(worker, rootId, tenancyOcid, { settings });

  it.each<[string, () => Promise<string>, RegExp, RegExp]>([
    [
      "a user who is not allowed",
      () => newIdentity({ allowedUsernames: "bob@example.com" }),
      /username not allowed \(401, req-[\w-]{14}\): OCI's name of this user is not among/,
      /add it to allowedUsernames/,
    ],
    [
      "another tenancy",
      async () => addIdentity(worker, rootId, (await addTenancy(worker, [rootId])).tenancyOcid),
      /isn't part of tenancy \(401, .*: this identity is for users of another tenancy/,
      /choose a profile of that tenancy/,
    ],
    [
      "an identity without OCI Auth",
      async () => {
        const id = await newIdentity();
        await worker.admin("DELETE", `/api/v1/auth/oci-auth/identities/${id}`);
        return id;
      },
      /OCI auth method not found .* \(404, .*: there is no such identity, or it has no OCI Auth/,
      /check --identity-id/,
    ],
    [
      "a suspended identity",
      async () => {
        const id = await newIdentity();
        await worker.admin("PATCH", `/api/v1/identities/${id}`, { suspended: true });
        return id;
      },
      /suspended.* \(403, .*: an administrator suspended it/,
      /have it resumed/,
    ],
  ])("to %s", async (_, identity, says, next) => {
    expectFault(await examine(homeWith(), ["--identity-id", await identity()]), "login", says, next);
  });

  it("to a key that OCI does not know", async () => {
    const key = newRsaKey();
    const owner = { ...user, ...key };
    const says =
      /not an active key of an active OCI user \(401, .*not among this user's API keys or is inactive/;
    expectFault(await examine(homeWith({}, owner)), "login", says, /compare the fingerprint .* OCI console/);
  });

  it("to an inactive user", async () => {
    const owner = await addUser(worker, tenancyOcid, { lifecycleState: "INACTIVE" });
    const says = /not an active key of an active OCI user \(401, .*the user is deleted, blocked/;
    expectFault(await examine(homeWith({}, owner)), "login", says, /OCI console/);
  });

  it("for a sub-organization that does not exist, and one that the identity is not a member of", async () => {
    const none = await examine(homeWith(), ["--organization-slug", "none"]);
    expectFault(
      none,
      "login",
      /slug none not found \(404, .*no such sub-organization/,
      /--organization-slug/,
    );
    await addOrganization(worker, "payments", rootId);
    const other = await examine(homeWith(), ["--organization-slug", "payments"]);
    expectFault(other, "login", /payments \(401, .*is not a member of that organization/, /add it there/);
  });

  it("while OCI cannot be called", async () => {
    const stranger = await addUser(worker, tenancyOcid);
    await worker.emulator("PUT", "faults", { status: 500 });
    const found = await examine(homeWith({}, stranger));
    await worker.emulator("DELETE", "faults");
    expectFault(found, "login", /OCI cannot be asked .* \(503, req-/, /try again later \(in 5 s\)/);
  });

  it("to too many logins from its address", async () => {
    const address = "192.0.2.9";
    const relay = await startRelay(worker.url, address);
    const wrong = () =>
      worker.send("/api/v1/auth/oci-auth/login", {
        method: "POST",
        headers: { "content-type": "application/json", "cf-connecting-ip": address },
        body: JSON.stringify({
          identityId,
          userOcid: "x",
          headers: { authorization: "x", host: "x", date: "x" },
        }),
      });
    // Windows follow the wall clock: one may end while it is being filled, or before the doctor logs in.
    let found: Examined | undefined;
    for (let round = 0; round < 3 && found?.notOk.length !== 1; round += 1) {
      for (let sent = 0, status = 0; status !== 429 && sent < 2500; sent += 20) {
        const answers = await Promise.all(Array.from({ length: 20 }, wrong));
        status = answers.at(-1)?.status ?? 0;
      }
      found = await examine(homeWith(), ["--url", relay.origin]);
    }
    await relay.close();
    if (found === undefined) throw new Error("never examined");
    expectFault(found, "login", /Too many logins from this address.* \(429, /, /wait, .* \(in \d+ s\)/);
  });
});
