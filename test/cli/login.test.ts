/** `oci-auth login`, as a process, against the built Worker: whose profile signs, with which keys, and what comes out. */
import { spawn, spawnSync } from "node:child_process";
import { createPrivateKey } from "node:crypto";
import { readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { decodeJwt } from "jose";
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
import { startWorker, type Worker } from "../e2e/worker.ts";
import { type BuiltCommand, buildCommand, type Run } from "./built-command.ts";
import { type HomeFolder, makeHomeFolder, profileOf, profileText } from "./home-folder.ts";
import { type Relay, startRelay } from "./relay.ts";

let command: BuiltCommand;
let worker: Worker;
let relay: Relay;
let rootId: string;
let tenancyOcid: string;
let alice: OciUser;
let bob: OciUser;
/** An identity for every user of the tenancy. */
let identityId: string;

beforeAll(async () => {
  command = buildCommand();
  worker = await startWorker();
  relay = await startRelay(worker.url);
  rootId = await addOrganization(worker, "acme");
  ({ tenancyOcid } = await addTenancy(worker, [rootId]));
  alice = await addUser(worker, tenancyOcid, { name: "alice@example.com" });
  bob = await addUser(worker, tenancyOcid, { name: "bob@example.com" });
  identityId = await addIdentity(worker, rootId, tenancyOcid);
});
afterAll(async () => {
  command.remove();
  await relay.close();
  await worker.close();
});

const home = () => makeHomeFolder(command.folder);

/** A home folder whose [DEFAULT] is Alice's. */
function homeOfAlice(): HomeFolder {
  const made = home();
  made.write(".oci/config", profileText("DEFAULT", profileOf(alice, made.key(alice))));
  return made;
}

function login(
  { env, path }: HomeFolder,
  args: readonly string[] = [],
  more: Record<string, string> = {},
): Promise<Run> {
  const target = { OCI_AUTH_URL: relay.origin, OCI_AUTH_IDENTITY_ID: identityId };
  return command.run(["login", ...args], { ...env, ...target, ...more }, path);
}

function loggedInUser(run: Run): string {
  if (run.code !== 0) throw new Error(`not logged in: ${run.stderr}`);
  return (decodeJwt(run.stdout.trim()) as { oci: { userOcid: string } }).oci.userOcid;
}

const lastRequest = () => relay.requests.at(-1);

/** Refused before any request was sent. */
async function expectUsage(refused: Promise<Run>, message: RegExp): Promise<void> {
  const before = relay.requests.length;
  const run = await refused;
  expect(run).toMatchObject({ code: 2, stdout: "" });
  expect(run.stderr).toMatch(message);
  expect(run.stderr.trim().split("\n")).toHaveLength(1);
  expect(relay.requests).toHaveLength(before);
}

describe("the profile", () => {
  it("is [DEFAULT] of ~/.oci/config", async () => {
    const run = await login(homeOfAlice());
    expect(loggedInUser(run)).toBe(alice.userOcid);
    expect(run.stderr).toBe("");
  });

  it.each<[string, readonly string[], Record<string, string>]>([
    ["--profile", ["--profile", "other.one"], {}],
    ["OCI_CLI_PROFILE", [], { OCI_CLI_PROFILE: "other.one" }],
    ["--profile before OCI_CLI_PROFILE", ["--profile", "other.one"], { OCI_CLI_PROFILE: "DEFAULT" }],
  ])("is the one of %s, and has from [DEFAULT] what it does not set", async (_, args, env) => {
    const folder = home();
    const { user, fingerprint, key_file } = profileOf(bob, folder.key(bob));
    folder.write(
      ".oci/config",
      profileText("DEFAULT", profileOf(alice, folder.key(alice))) +
        profileText("other.one", { user, fingerprint, key_file }),
    );
    expect(loggedInUser(await login(folder, args, env))).toBe(bob.userOcid);
  });

  it.each<[string, readonly string[], Record<string, string>]>([
    ["--config-file", ["--config-file", "~/bob.conf"], {}],
    ["OCI_CLI_CONFIG_FILE", [], { OCI_CLI_CONFIG_FILE: "~/bob.conf" }],
    [
      "--config-file before OCI_CLI_CONFIG_FILE",
      ["--config-file", "bob.conf"],
      { OCI_CLI_CONFIG_FILE: "~/.oci/config" },
    ],
  ])("is in the file of %s", async (_, args, env) => {
    const folder = homeOfAlice();
    folder.write("bob.conf", profileText("DEFAULT", profileOf(bob, folder.key(bob))));
    expect(loggedInUser(await login(folder, args, env))).toBe(bob.userOcid);
  });

  it("is in the file of OCI_CONFIG_FILE only without ~/.oci/config, as in Oracle's SDKs, and says so", async () => {
    const folder = home();
    const file = folder.write("bob.conf", profileText("DEFAULT", profileOf(bob, folder.key(bob))));
    const run = await login(folder, [], { OCI_CONFIG_FILE: file });
    expect([loggedInUser(run), run.stderr]).toEqual([bob.userOcid, ""]);

    const both = await login(homeOfAlice(), [], { OCI_CONFIG_FILE: file });
    expect(loggedInUser(both)).toBe(alice.userOcid);
    expect(both.stderr).toMatch(/\.oci\/config is read and not OCI_CONFIG_FILE.* use --config-file/);
  });

  it("is overridden by the variables of Oracle's command line", async () => {
    const folder = homeOfAlice();
    const env = {
      OCI_CLI_USER: bob.userOcid,
      OCI_CLI_FINGERPRINT: bob.fingerprint,
      OCI_CLI_KEY_FILE: folder.key(bob),
    };
    expect(loggedInUser(await login(folder, [], env))).toBe(bob.userOcid);
    await expectUsage(
      login(folder, [], { OCI_CLI_TENANCY: "x" }),
      /OCI_CLI_TENANCY: 'x' is not an OCID \(.*copy it/,
    );
  });

  it("is not needed if the variables have all settings; the key itself has precedence over a file", async () => {
    const env = {
      OCI_CLI_USER: bob.userOcid,
      OCI_CLI_FINGERPRINT: bob.fingerprint,
      OCI_CLI_TENANCY: bob.tenancyOcid,
      OCI_CLI_REGION: "us-ashburn-1",
      OCI_CLI_KEY_FILE: "/nowhere",
      OCI_CLI_KEY_CONTENT: bob.privateKey,
    };
    expect(loggedInUser(await login(home(), [], env))).toBe(bob.userOcid);
  });

  it("reads no key from the configuration file itself, like Oracle's tools", async () => {
    const folder = home();
    const { key_file, ...values } = profileOf(alice, "");
    folder.write(".oci/config", `${profileText("DEFAULT", values).trim()}\nkey_content=${"x"}\n`);
    await expectUsage(login(folder), /key_file is missing in \[DEFAULT\]/);
  });

  it("is not overridden by variables that are empty", async () => {
    const names = ["OCI_CLI_USER", "OCI_CLI_KEY_CONTENT", "OCI_CLI_CONFIG_FILE", "OCI_CLI_PROFILE"];
    const env = Object.fromEntries(names.map((name) => [name, ""]));
    expect(loggedInUser(await login(homeOfAlice(), [], env))).toBe(alice.userOcid);
  });

  it.each<[string, readonly string[], Record<string, string>, string]>([
    ["the profile", [], {}, "us-phoenix-1"],
    ["OCI_CLI_REGION", [], { OCI_CLI_REGION: "eu-frankfurt-1" }, "eu-frankfurt-1"],
    ["--region", ["--region", "ap-tokyo-1"], { OCI_CLI_REGION: "eu-frankfurt-1" }, "ap-tokyo-1"],
    ["a short code", ["--region", "iad"], {}, "us-ashburn-1"],
    ["a region that is too new to be known", ["--region", "xx-nowhere-9"], {}, "xx-nowhere-9"],
  ])("signs for the region of %s", async (_, args, env, region) => {
    const folder = home();
    folder.write(".oci/config", profileText("DEFAULT", profileOf(alice, folder.key(alice), "phx")));
    expect(loggedInUser(await login(folder, args, env))).toBe(alice.userOcid);
    expect(lastRequest()?.body.headers.host).toBe(`identity.${region}.oci.oraclecloud.com`);
  });

  it.each([
    ["~", "~/keys/alice.pem", "keys/alice.pem"],
    ["a path that starts at the working directory", "keys/alice.pem", "keys/alice.pem"],
    ["a path with a space", "~/my keys/alice.pem", "my keys/alice.pem"],
  ])("names its key file by %s", async (_, named, real) => {
    const folder = home();
    folder.key(alice, real);
    folder.write(".oci/config", profileText("DEFAULT", profileOf(alice, named)));
    expect(loggedInUser(await login(folder))).toBe(alice.userOcid);
  });

  it.each<[string, (folder: HomeFolder) => Record<string, string>, readonly string[], RegExp]>([
    [
      "no file at all",
      () => ({}),
      [],
      /there is no ~\/.oci\/config, and user, .* are missing .*oci setup config/,
    ],
    ["a missing file", () => ({}), ["--config-file", "x"], /cannot be read: ENOENT.*check --config-file/],
    [
      "a missing profile",
      (folder) => ({ OCI_CLI_CONFIG_FILE: folder.write("c", "[a]\n[b c]\n") }),
      ["--profile", "d"],
      /no profile \[d\] in .*, which has \[a\], \[b c\]; choose one with --profile/,
    ],
    [
      "a malformed line",
      (folder) => ({ OCI_CLI_CONFIG_FILE: folder.write("c", "[DEFAULT]\nMIIEsecret\n") }),
      [],
      /c: line 2 is neither .*; correct that line\n$/,
    ],
    [
      "two profiles of one name",
      (folder) => ({ OCI_CLI_CONFIG_FILE: folder.write("c", "[a]\nuser=x\n[b]\n[a]\nkey_file=y\n") }),
      ["--profile", "a"],
      /c: line 4 begins \[a\] a second time; correct that line\n$/,
    ],
    [
      "a setting twice",
      (folder) => ({
        OCI_CLI_CONFIG_FILE: folder.write("c", "[DEFAULT]\npass_phrase=one\nPass_Phrase: two\n"),
      }),
      [],
      /c: line 3 repeats a setting; correct that line\n$/,
    ],
    [
      "a line that continues the one before",
      (folder) => ({ OCI_CLI_CONFIG_FILE: folder.write("c", "[DEFAULT]\n pass_phrase=one\n\n  user=two\n") }),
      [],
      /c: line 4 is indented, as if it continued the line before; correct that line\n$/,
    ],
    [
      "a profile without a user and a region",
      (folder) => ({
        OCI_CLI_CONFIG_FILE: folder.write(
          "c",
          profileText("DEFAULT", { ...profileOf(alice, "k"), user: undefined, region: undefined }),
        ),
      }),
      [],
      /user, region are missing in \[DEFAULT\] of .*; add them there or set OCI_CLI_USER, OCI_CLI_REGION/,
    ],
    [
      "the profile of a session",
      (folder) => ({
        OCI_CLI_CONFIG_FILE: folder.write(
          "c",
          `${profileText("DEFAULT", { ...profileOf(alice, "k"), user: undefined }).trim()}\nsecurity_token_file=t\n`,
        ),
      }),
      [],
      /the profile of a session .*choose a profile with an API key/,
    ],
    [
      "an invalid region",
      (folder) => ({ ...aliceIn(folder), OCI_CLI_REGION: "nowhere" }),
      [],
      /OCI_CLI_REGION: 'nowhere' is not a region; use a name such as us-ashburn-1/,
    ],
    [
      "a region of another realm",
      (folder) => ({ ...aliceIn(folder), OCI_CLI_REGION: "uk-gov-london-1" }),
      [],
      /uk-gov-london-1 is of realm oc4, and the tenancy of realm oc1; use a region of the tenancy/,
    ],
    [
      "a user of another realm",
      (folder) => ({ ...aliceIn(folder), OCI_CLI_USER: newOcid("user", "oc4") }),
      [],
      /the user is of realm oc4 and the tenancy of realm oc1/,
    ],
    [
      "a tenancy in the user's place",
      (folder) => ({ ...aliceIn(folder), OCI_CLI_USER: tenancyOcid }),
      [],
      /OCI_CLI_USER: .* is the OCID of a tenancy, not of a user/,
    ],
    [
      "a missing key file",
      (folder) => ({ ...aliceIn(folder), OCI_CLI_KEY_FILE: "nowhere.pem" }),
      [],
      /the key file cannot be read: ENOENT.*nowhere\.pem.*correct OCI_CLI_KEY_FILE/,
    ],
    [
      "a public key in the private one's place",
      (folder) => ({ ...aliceIn(folder), OCI_CLI_KEY_CONTENT: alice.publicKey }),
      [],
      /OCI_CLI_KEY_CONTENT: this is a public key/,
    ],
    [
      "a key with another fingerprint",
      (folder) => ({ ...aliceIn(folder), OCI_CLI_KEY_CONTENT: bob.privateKey }),
      [],
      /the key's fingerprint is .*, but fingerprint of \[DEFAULT\] is .*; correct the fingerprint/,
    ],
    [
      "an invalid fingerprint",
      (folder) => ({ ...aliceIn(folder), OCI_CLI_FINGERPRINT: "AA" }),
      [],
      /OCI_CLI_FINGERPRINT: 'AA' is not a fingerprint .* and the key's is/,
    ],
  ])("is refused with %s, before any request", async (_, prepare, args, message) => {
    const folder = home();
    await expectUsage(login(folder, args, prepare(folder)), message);
  });
});

function aliceIn(folder: HomeFolder): Record<string, string> {
  return {
    OCI_CLI_CONFIG_FILE: folder.write(
      "alice.conf",
      profileText("DEFAULT", profileOf(alice, folder.key(alice))),
    ),
  };
}

describe("the key", () => {
  const passphrase = `it's #1; "a" = b`;
  const pem = (type: "pkcs1" | "pkcs8", encryption = {}) =>
    createPrivateKey(alice.privateKey)
      .export({ type, format: "pem", ...encryption })
      .toString();
  const encrypted = (type: "pkcs1" | "pkcs8") => pem(type, { cipher: "aes-256-cbc", passphrase });

  /** A home folder whose [DEFAULT] has the key in this form. */
  function homeWith(text: string, pass_phrase?: string): HomeFolder {
    const folder = home();
    const keyFile = folder.write("key.pem", text);
    folder.write(".oci/config", profileText("DEFAULT", { ...profileOf(alice, keyFile), pass_phrase }));
    return folder;
  }

  it.each<[string, () => string]>([
    ["PKCS#8", () => pem("pkcs8")],
    ["PKCS#1", () => pem("pkcs1")],
    ["PKCS#8 with the console's last line", () => `${pem("pkcs8")}OCI_API_KEY\n`],
  ])("may be in %s", async (_, text) => {
    expect(loggedInUser(await login(homeWith(text())))).toBe(alice.userOcid);
  });

  it.each(["pkcs1", "pkcs8"] as const)("may be encrypted (%s), with its pass_phrase", async (type) => {
    expect(loggedInUser(await login(homeWith(encrypted(type), passphrase)))).toBe(alice.userOcid);
    const env = { OCI_CLI_PASSPHRASE: passphrase };
    expect(loggedInUser(await login(homeWith(encrypted(type), "wrong"), [], env))).toBe(alice.userOcid);
  });

  it("has its passphrase prompted for in a terminal, on stderr and without showing it", async () => {
    const folder = homeWith(encrypted("pkcs8"));
    const env = { ...folder.env, OCI_AUTH_URL: relay.origin, OCI_AUTH_IDENTITY_ID: identityId };
    const token = join(folder.path, "token");
    const args = ["login", "--sink", token];
    const run = await command.runInTerminal(args, env, "Passphrase of", `${passphrase}\r`);
    expect(run.code).toBe(0);
    expect(run.stdout).toContain(`Passphrase of ${join(folder.path, "key.pem")}`);
    expect(run.stdout).not.toContain(passphrase);
    expect(decodeJwt(readFileSync(token, "utf8"))).toMatchObject({ identityId });

    const wrong = await command.runInTerminal(["login"], env, "Passphrase of", "wrong\r");
    expect(wrong.code).toBe(2);
    expect(wrong.stdout).toContain("cannot be decrypted; is the passphrase right?; type it again");
    const left = await command.runInTerminal(["login"], env, "Passphrase of", "\u0003");
    expect(left.code).toBe(1);
    expect(left.stdout).toContain("cancelled at the prompt");
  });

  it("is refused without a passphrase and a terminal, and with a wrong one, which is not shown", async () => {
    await expectUsage(
      login(homeWith(encrypted("pkcs8"))),
      /key\.pem is encrypted, and there is neither a passphrase nor a terminal .*set OCI_CLI_PASSPHRASE/,
    );
    const wrong = login(homeWith(encrypted("pkcs8"), "wr0ng-one"));
    await expectUsage(
      wrong,
      /cannot be decrypted; is the passphrase right\?; correct pass_phrase of \[DEFAULT\]/,
    );
    expect((await wrong).stderr).not.toContain("wr0ng-one");
  });
});

describe("the answer", () => {
  it("is only the token, or the Worker's JSON", async () => {
    const folder = homeOfAlice();
    expect((await login(folder)).stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const { stdout } = await login(folder, ["--output", "json"]);
    expect(JSON.parse(stdout)).toEqual({
      accessToken: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      expiresIn: 3600,
      accessTokenMaxTTL: 2592000,
      tokenType: "Bearer",
    });
  });

  it("is what a shell can evaluate, with --output env", async () => {
    const { stdout } = await login(homeOfAlice(), ["--output", "env"]);
    const shell = spawnSync("sh", ["-c", `${stdout}\nsh -c 'printf %s "$OCI_AUTH_TOKEN"'`], {
      encoding: "utf8",
    });
    expect(decodeJwt(shell.stdout)).toMatchObject({ identityId });
  });

  it("goes to a file that is its owner's alone, and nowhere else", async () => {
    const folder = homeOfAlice();
    const sink = folder.write("token", "an old one", 0o644);
    expect(await login(folder, ["--sink", "token"])).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(statSync(sink).mode & 0o777).toBe(0o600);
    expect(readFileSync(sink, "utf8")).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    await login(folder, ["--sink", "~/token.json", "--output", "json"]);
    expect(JSON.parse(readFileSync(join(folder.path, "token.json"), "utf8"))).toMatchObject({
      expiresIn: 3600,
    });
    expect(readdirSync(folder.path).filter((name) => name.startsWith(".token"))).toEqual([]);
  });

  it("is not requested if the file could not be written", async () => {
    const folder = homeOfAlice();
    await expectUsage(
      login(folder, ["--sink", "no/folder/token"]),
      /cannot be written.*ENOENT.*check --sink/,
    );
    await expectUsage(login(folder, ["--sink", "."]), /is not a regular file; name another with --sink/);
    symlinkSync(folder.write("real", "kept"), join(folder.path, "link"));
    await expectUsage(login(folder, ["--sink", "link"]), /is not a regular file/);
    expect(readFileSync(join(folder.path, "real"), "utf8")).toBe("kept");
  });

  it("is for the sub-organization of --organization-slug, before OCI_AUTH_ORGANIZATION_SLUG", async () => {
    const subId = await addOrganization(worker, "payments", rootId);
    await worker.admin("PUT", `/api/v1/organizations/${subId}/identities/${identityId}`);
    const folder = homeOfAlice();
    const env = { OCI_AUTH_ORGANIZATION_SLUG: "payments" };
    expect(decodeJwt((await login(folder, [], env)).stdout)).toMatchObject({ orgId: subId });
    const other = await login(folder, ["--organization-slug", "other"], env);
    expect(other).toMatchObject({ code: 1, stdout: "" });
    expect(other.stderr).toMatch(/Sub organization with slug other not found .*check --organization-slug/);
  });

  it("is for --url and --identity-id before their variables", async () => {
    const env = { OCI_AUTH_URL: "https://auth.invalid", OCI_AUTH_IDENTITY_ID: "other" };
    const args = ["--url", relay.origin, "--identity-id", identityId];
    expect(loggedInUser(await login(homeOfAlice(), args, env))).toBe(alice.userOcid);
  });
});

describe("the signature", () => {
  /** A machine whose clock is stopped, so that two logins are in one second, which no other test uses. */
  function stoppedClock(folder: HomeFolder): Record<string, string> {
    const code = `const now = ${Date.now() + 60_000}; globalThis.Date = class extends Date {
      constructor(...args) { super(...(args.length === 0 ? [now] : args)); }
      static now() { return now; }
    };`;
    return { NODE_OPTIONS: `--require ${folder.write("stopped-clock.cjs", code)}` };
  }

  it("is never made twice with rsa-pss-sha256, even in one second, and is with rsa-sha256", async () => {
    const settings = { signatureReuse: "reject" };
    const once = ["--identity-id", await addIdentity(worker, rootId, tenancyOcid, { settings })];
    const folder = homeOfAlice();
    const clock = stoppedClock(folder);
    const pss = [...once, "--algorithm", "rsa-pss-sha256"];
    expect(loggedInUser(await login(folder, pss, clock))).toBe(alice.userOcid);
    expect(lastRequest()?.body.headers.authorization).toContain('algorithm="rsa-pss-sha256"');
    expect(loggedInUser(await login(folder, pss, clock))).toBe(alice.userOcid);

    expect(loggedInUser(await login(folder, once, clock))).toBe(alice.userOcid);
    expect(lastRequest()?.body.headers.authorization).toContain('algorithm="rsa-sha256"');
    const again = await login(folder, once, clock);
    expect(again).toMatchObject({ code: 1, stdout: "" });
    expect(again.stderr).toMatch(/signature was used before.*sign with --algorithm rsa-pss-sha256/);
  });
});

describe("exit code 1, with what it means and what to do, when the Worker refuses", () => {
  it("a user who is not allowed", async () => {
    const settings = { allowedUsernames: "carol@example.com" };
    const id = await addIdentity(worker, rootId, tenancyOcid, { settings });
    const run = await login(homeOfAlice(), ["--identity-id", id]);
    expect(run).toMatchObject({ code: 1, stdout: "" });
    expect(run.stderr).toMatch(
      /^oci-auth: Access denied: OCI account username not allowed \(401, req-[\w-]{14}\): .*; have an administrator add it to allowedUsernames.*\n$/,
    );
  });

  it("a user whose name no list can hold", async () => {
    const user = await addUser(worker, tenancyOcid, { name: "smith,john" });
    const id = await addIdentity(worker, rootId, tenancyOcid, {
      settings: { allowedUsernames: "smith,john" },
    });
    const folder = home();
    folder.write(".oci/config", profileText("DEFAULT", profileOf(user, folder.key(user))));
    const run = await login(folder, ["--identity-id", id]);
    expect(run).toMatchObject({ code: 1, stdout: "" });
    expect(run.stderr).toMatch(
      /username has a comma.* \(401, req-[\w-]{14}\): .*; rename the user in OCI.*\n$/,
    );
  });

  it("an identity that does not exist", async () => {
    const run = await login(homeOfAlice(), ["--identity-id", "nobody"]);
    expect(run).toMatchObject({ code: 1, stdout: "" });
    expect(run.stderr).toMatch(/OCI auth method not found .* \(404, .*check --identity-id/);
  });

  it("a server that is not an oci-auth-worker, whose redirects are not followed", async () => {
    const requests: string[] = [];
    const server = createServer((request, response) => {
      requests.push(request.url ?? "");
      response.writeHead(307, { location: `${relay.origin}${request.url}` }).end();
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const before = relay.requests.length;
    const run = await login(homeOfAlice(), [
      "--url",
      `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ]);
    server.close();
    expect(run).toMatchObject({ code: 1, stdout: "" });
    expect(run.stderr).toMatch(/answered 307 \(a redirect, which is not followed\).*check --url/);
    expect(requests).toEqual(["/api/v1/auth/oci-auth/login"]);
    expect(relay.requests).toHaveLength(before);
  });
});

describe("exit code 2, before any request,", () => {
  it.each<[string, readonly string[], Record<string, string>, RegExp]>([
    ["without a Worker", [], { OCI_AUTH_IDENTITY_ID: "x" }, /no Worker is named; give --url/],
    ["without an identity", ["--url", "https://a.example"], {}, /no identity is named; give --identity-id/],
    [
      "with http to another machine",
      ["--url", "http://auth.example.com"],
      {},
      /others on the network could read/,
    ],
    [
      "with --watch and no file",
      ["--url", "https://a.example", "--identity-id", "x", "--watch"],
      {},
      /--sink <file>/,
    ],
    ["with an unknown option", ["--nonsense"], {}, /unknown option '--nonsense'/],
    ["with an unknown output", ["--output", "xml"], {}, /Allowed choices are token, json, env/],
    [
      "with an unknown algorithm",
      ["--algorithm", "md5"],
      {},
      /Allowed choices are rsa-sha256, rsa-pss-sha256/,
    ],
  ])("%s", async (_, args, env, message) => {
    const run = await command.run(["login", ...args], { ...homeOfAlice().env, ...env });
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toMatch(message);
  });
});

describe("exit code 3, when trying again may help,", () => {
  it("if nothing listens", async () => {
    const run = await login(homeOfAlice(), ["--url", `http://127.0.0.1:${await freePort()}`]);
    expect(run).toMatchObject({ code: 3, stdout: "" });
    expect(run.stderr).toMatch(/cannot be reached: .*ECONNREFUSED.*check --url and the network/);
  });

  it("if OCI cannot be called about a user who is not known yet", async () => {
    const folder = home();
    const carol = await addUser(worker, tenancyOcid);
    folder.write(".oci/config", profileText("DEFAULT", profileOf(carol, folder.key(carol))));
    await worker.emulator("PUT", "faults", { status: 500 });
    const run = await login(folder);
    await worker.emulator("DELETE", "faults");
    expect(run).toMatchObject({ code: 3, stdout: "" });
    expect(run.stderr).toMatch(
      /OCI cannot be asked about this user .* \(503, .*; try again later \(in 5 s\)/,
    );
    expect(loggedInUser(await login(folder))).toBe(carol.userOcid);
  });
});

describe("the help", () => {
  const wrong = "the command line, the configuration or a file is wrong; correct it and run it again";

  it.each([
    [["--help"], `  2  ${wrong}\n`],
    [["login", "--help"], `  2  ${wrong}\n`],
    [["admin", "--help"], `  2  ${wrong}\n`],
    [["probe", "--help"], `  2  ${wrong}\n`],
    // For the doctor, a wrong file is a finding.
    [["doctor", "--help"], "  2  the command line is wrong; correct it and run it again\n"],
  ])("of %j tells the exit codes", async (args, usage) => {
    const run = await command.run(args);
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(run.stdout).toMatch(/Exit codes:\n {2}0 {2}\S/);
    expect(run.stdout).toContain(usage);
    if (args.length > 1) expect(run.stdout).toMatch(/Examples:\n {2}\$ /);
  });

  it("has an example that passes the token to curl, and not among its arguments", async () => {
    const { stdout } = await command.run(["login", "--help"]);
    const [example = ""] = stdout.match(/(?<=^ {2}\$ ).*\bcurl\b.*$/m) ?? [];
    const received: (string | undefined)[] = [];
    const api = createServer(({ headers }, response) => {
      received.push(headers.authorization);
      response.end();
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => api.once("listening", resolve));
    const { port } = api.address() as AddressInfo;
    const line = example.replace("https://api.example.com/", `http://127.0.0.1:${port}/`);
    expect(line).not.toBe(example);

    const folder = homeOfAlice();
    const shim = (name: string, text: string) => folder.write(`bin/${name}`, `#!/bin/sh\n${text}\n`, 0o700);
    shim("oci-auth", `exec '${process.execPath}' '${join(command.folder, "oci-auth.cjs")}' "$@"`);
    shim("curl", `printf '%s\\n' "$@" > '${folder.path}/arguments'; PATH=$USUAL_PATH exec curl "$@"`);
    const env = {
      ...folder.env,
      PATH: `${folder.path}/bin:${process.env.PATH}`,
      USUAL_PATH: process.env.PATH,
      OCI_AUTH_URL: relay.origin,
      OCI_AUTH_IDENTITY_ID: identityId,
    };
    const shell = spawn("sh", ["-c", line], { env });
    expect(await new Promise((resolve) => shell.once("exit", resolve))).toBe(0);
    api.close();
    expect(received).toEqual([expect.stringMatching(/^Bearer eyJ[\w-]+\.[\w-]+\.[\w-]+$/)]);
    expect(readFileSync(join(folder.path, "arguments"), "utf8")).toBe(`-H\n@-\nhttp://127.0.0.1:${port}/\n`);
  });

  it.each(["cli", "admin"])("and docs/%s.md say the same of a 2", (page) => {
    const text = readFileSync(new URL(`../../docs/${page}.md`, import.meta.url), "utf8");
    expect(text).toContain(`\n| 2 | ${wrong} |`);
  });
});
