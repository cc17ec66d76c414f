/** The command line, as a process, with a server that answers wrongly or an output that cannot be written. */
import { mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Sink } from "../../cli/login/sink.ts";
import { Failure } from "../../cli/terminal/failure.ts";
import { reasonOf } from "../../cli/worker/connection-error.ts";
import { newOcid } from "../e2e/oci-users.ts";
import { newRsaKey } from "../e2e/rsa-keys.ts";
import { type BuiltCommand, buildCommand, type Run, type Started } from "./built-command.ts";
import { type HomeFolder, makeHomeFolder, profileOf, profileText } from "./home-folder.ts";

let command: BuiltCommand;
let home: HomeFolder;
const servers: Server[] = [];
const watches: Started[] = [];
beforeAll(() => {
  command = buildCommand();
  home = makeHomeFolder(command.folder);
  const key = newRsaKey();
  const user = { ...key, name: "", tenancyOcid: newOcid("tenancy"), userOcid: newOcid("user") };
  home.write(".oci/config", profileText("DEFAULT", profileOf(user, home.key(user))));
});
afterAll(() => {
  for (const watch of watches) watch.kill("SIGKILL");
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  command.remove();
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server in the Worker's place, and the requests that it got. */
async function standIn(answer: Answer) {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    request.resume().once("end", () => answer(request, response));
  }).listen(0, "127.0.0.1");
  servers.push(server);
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  const env = {
    ...home.env,
    OCI_AUTH_URL: origin,
    OCI_AUTH_IDENTITY_ID: "7d4f0f7e-2f0b-4d55-9d38-0c8f4c6b1a22",
    OCI_AUTH_ADMIN_TOKEN: "x".repeat(40),
  };
  return { requests, origin, env, run: (...args: string[]) => command.run(args, env) };
}

function startWatch(sink: string, env: Record<string, string>): Started {
  const watch = command.start(["login", "--sink", sink, "--watch"], env);
  watches.push(watch);
  return watch;
}

function always(body: unknown, status = 200, headers: Record<string, string> = {}): Answer {
  return (_, response) => response.writeHead(status, headers).end(JSON.stringify(body));
}

const refusal = (statusCode: number, message: unknown, reqId = "req-uV1PNuuRpSBs1f") => ({
  reqId,
  statusCode,
  message,
  error: "x",
});
const token = { accessToken: "a.b.c", expiresIn: 2, accessTokenMaxTTL: 2_592_000, tokenType: "Bearer" };

describe("what a server says reaches no terminal as it is:", () => {
  // A terminal executes the first two; the third reverses text.
  const evil = "\u001b[2J\u009b31m\u202e";
  const obeyed = /[^\P{Cc}\n]|\u202e/u;

  it.each<[what: string, args: string[], answer: unknown, status: number]>([
    ["a refusal of admin", ["admin", "identities", "list"], refusal(400, evil, `req-${evil}`), 400],
    [
      "OCI's answer about a credential",
      ["admin", "tenancies", "get", "x"],
      {
        ...refusal(400, "no"),
        details: { oci: { status: 401, code: evil, message: evil, opcRequestId: evil } },
      },
      400,
    ],
    ["a cursor", ["admin", "identities", "list"], { identities: [], nextCursor: evil }, 200],
    ["a field's name", ["admin", "identities", "get", "x"], { identity: { [evil]: evil } }, 200],
    [
      "a trusted address",
      ["admin", "oci-auth", "get", "x"],
      { identityOciAuth: { accessTokenTrustedIps: [{ ipAddress: evil }] } },
      200,
    ],
    ["a refusal of a login", ["login"], refusal(401, evil, `req-${evil}`), 401],
    ["a field beside the token", ["login", "--output", "json"], { ...token, [evil]: evil }, 200],
    ["a refusal of a probe", ["probe", "--identity-id", "x"], refusal(401, evil, `req-${evil}`), 401],
    ["a refusal of the doctor", ["doctor"], refusal(401, evil, `req-${evil}`), 401],
  ])("%s", async (_, args, answer, status) => {
    const { run } = await standIn(always(answer, status));
    const { stdout, stderr } = await run(...args);
    expect(stdout + stderr).not.toMatch(obeyed);
    expect((stdout + stderr).toLowerCase()).toContain("\\u001b");
  });

  it("a prompt", async () => {
    const { env } = await standIn(always({ tenancy: { tenancyOcid: evil } }));
    const args = ["admin", "tenancies", "delete", "x"];
    const { stdout } = await command.runInTerminal(args, env, "and its credential?", "n\r");
    expect(stdout).toContain("Delete tenancy \\u001b[2J\\u009b31m\\u202e and its credential?");
  });
});

describe("an answer that never ends, exits", () => {
  it.each([
    ["list --all", ["organizations", "list", "--all"], { organizations: [], nextCursor: "again" }],
    [
      "re-encrypt",
      ["tenancies", "re-encrypt"],
      { reEncrypted: 1, current: 0, changed: 0, undecryptable: [], nextCursor: "again" },
    ],
  ])("1 where pages lead back to one that was read: %s", async (_, args, page) => {
    const { run, requests } = await standIn(always(page));
    const { code, stdout, stderr } = await run("admin", ...args);
    expect([code, stdout, stderr]).toEqual([
      1,
      "",
      expect.stringMatching(/with pages that never end; .*\n$/),
    ]);
    expect(requests).toHaveLength(2);
  });

  it.each([[["login"]], [["admin", "identities", "list"]]])("3 for an endless body: %j", async (args) => {
    const { run } = await standIn((_, response) => {
      const megabyte = Buffer.alloc(1024 * 1024, " ");
      const more = () => {
        while (!response.destroyed && response.write(megabyte));
      };
      response.on("drain", more);
      more();
    });
    const { code, stderr } = await run(...args);
    expect([code, stderr]).toEqual([3, expect.stringMatching(/its answer is longer than 32 MiB; .*\n$/)]);
  });
});

describe("joined pages keep what the first page reported:", () => {
  /** Two pages: the first with `first`, the second like `page`. */
  const pages =
    (page: object, first: object): Answer =>
    ({ url }, response) =>
      response.end(JSON.stringify(url?.includes("cursor=2") ? page : { ...page, ...first, nextCursor: "2" }));

  it("a dependency that failed on the first page", async () => {
    const well = { DB: { ok: true }, AUDIT_DB: { ok: true } };
    const page = { ready: true, dependencies: well, tenancies: [], nextCursor: null };
    const failed = { ok: false, problem: "unavailable", message: "It does not answer." };
    const first = { ready: false, dependencies: { ...well, AUDIT_DB: failed } };
    const { run, requests } = await standIn(pages(page, first));
    const { code, stdout, stderr } = await run("admin", "ready", "--json");
    expect([code, requests.length, JSON.parse(stdout)]).toEqual([1, 2, { ...page, ...first }]);
    expect(stderr).toMatch(/^oci-auth: not ready: AUDIT_DB; /);
  });

  it("credentials that changed meanwhile", async () => {
    const page = { reEncrypted: 3, current: 0, changed: 0, undecryptable: [], nextCursor: null };
    const { run, requests } = await standIn(pages(page, { changed: 2 }));
    const { code, stdout, stderr } = await run("admin", "tenancies", "re-encrypt", "--json");
    expect([code, requests.length, JSON.parse(stdout)]).toEqual([
      1,
      2,
      { ...page, reEncrypted: 6, changed: 2 },
    ]);
    expect(stderr).toBe("oci-auth: 2 changed meanwhile and were left; run it again\n");
  });
});

describe("an answer in a form that no Worker sends", () => {
  it("is a refusal, whatever its issues are", async () => {
    const { run } = await standIn(always(refusal(422, [null, { path: ["a"], message: "b" }]), 422));
    const { code, stderr } = await run("login");
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^oci-auth: a: b \(422, [^\n]+\n$/)]);
  });

  it("may have a Retry-After that is a date", async () => {
    const headers = { "retry-after": new Date(Date.now() + 600_000).toUTCString() };
    const { run } = await standIn(always(refusal(503, "no"), 503, headers));
    const { code, stderr } = await run("admin", "identities", "list");
    expect([code, stderr]).toEqual([3, expect.stringMatching(/; try again in (?:59\d|600) s\n$/)]);
  });

  it.each<[what: string, jwksUri: (origin: string) => string, message: RegExp]>([
    ["no URL for its keys", () => "jwks", /token \(there is no discovery document\)/],
    ["a key that is none", (origin) => `${origin}/jwks`, /token \(.+\)/],
    ["a path for its keys that has a host's form", (origin) => `${origin}//a.invalid/jwks`, /token \(.+\)/],
  ])("fails a probe, with its report: %s", async (_, jwksUri, message) => {
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const accessToken = `${part({ alg: "RS256", kid: "k" })}.${part({})}.AAAA`;
    let logins = 0;
    const { run, origin, requests } = await standIn((request, response) => {
      const { url } = request;
      if (url?.startsWith("/.well-known")) {
        return always({ issuer: origin, jwks_uri: jwksUri(origin) })(request, response);
      }
      if (url?.endsWith("/jwks")) {
        return always({ keys: [{ kty: "RSA", kid: "k", alg: "RS256" }] })(request, response);
      }
      logins += 1;
      if (logins === 1) return always({ ...token, accessToken })(request, response);
      always(refusal(401, "no"), 401)(request, response);
    });
    const { code, stdout, stderr } = await run("probe", "--json", "--identity-id", "x");
    expect([code, stderr]).toEqual([1, expect.stringMatching(message)]);
    expect(JSON.parse(stdout).checks[1]).toMatchObject({ name: "token", ok: false });
    if (jwksUri(origin).startsWith(origin)) expect(requests).toContain(`GET ${jwksUri("")}`);
  });
});

it.each([
  ["..", ["members", "remove", "..", "x", "--yes"]],
  [".", ["identities", "delete", ".", "--yes"]],
  ["", ["organizations", "suspend", ""]],
])("refuses an id that would make the path another operation's: %j", async (id, args) => {
  const { run, requests } = await standIn(always({}));
  const { code, stderr } = await run("admin", ...args);
  expect([code, requests]).toEqual([2, []]);
  expect(stderr).toMatch(new RegExp(`^oci-auth: '${id.replaceAll(".", "\\.")}' is not a valid \\w+-id; `));
});

it("treats an empty OCI_AUTH_URL as none, and shows its help", async () => {
  const env = { ...home.env, OCI_AUTH_URL: "" };
  expect(await command.run(["login", "--help"], env)).toMatchObject({ code: 0, stderr: "" });
  const all: Promise<Run>[] = [["login"], ["probe"], ["admin", "identities", "list"]].map((args) =>
    command.run(args, env),
  );
  for (const { code, stderr } of await Promise.all(all)) {
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^oci-auth: no Worker is named; give --url/)]);
  }
});

it("needs no home folder if no path starts there", async () => {
  const { env } = await standIn(always(token));
  const homeless = `require("node:os").homedir = () => { throw new Error("uv_os_homedir returned ENOENT"); };`;
  const more = {
    NODE_OPTIONS: `--require ${home.write("homeless.cjs", homeless)}`,
    OCI_CLI_CONFIG_FILE: join(home.path, ".oci/config"),
  };
  expect(await command.run(["login"], { ...env, ...more })).toEqual({
    code: 0,
    stdout: "a.b.c\n",
    stderr: "",
  });
  const without = await command.run(["login"], { ...env, ...more, OCI_CLI_CONFIG_FILE: "" });
  expect([without.code, without.stderr]).toEqual([
    2,
    expect.stringMatching(/^oci-auth: there is no ~\/\.oci/),
  ]);
});

it("says why none of a host's addresses can be reached", () => {
  const each = [new Error("connect ECONNREFUSED ::1:1"), new Error("connect ECONNREFUSED 127.0.0.1:1")];
  const error = new TypeError("fetch failed", { cause: new AggregateError(each, "") });
  expect(reasonOf(error)).toBe("connect ECONNREFUSED ::1:1, connect ECONNREFUSED 127.0.0.1:1");
});

describe("the file of a token", () => {
  it("that cannot be written is a failure that a watch survives, even if nothing can be removed either", () => {
    const folder = join(home.path, "gone");
    mkdirSync(folder);
    const sink = new Sink(join(folder, "token"));
    rmdirSync(folder);
    // Nobody, not even root, can make or remove a path below a file.
    writeFileSync(folder, "");
    expect(() => sink.write("x")).toThrow(Failure);
  });

  it("whose name is too long is refused before any request", async () => {
    const { run, requests } = await standIn(always(token));
    const { code, stderr } = await run("login", "--sink", "t".repeat(300));
    expect([code, requests]).toEqual([2, []]);
    expect(stderr).toMatch(
      /^oci-auth: the token cannot be written to .*ENAMETOOLONG[^\n]*; check --sink[^\n]*\n$/,
    );
  });
});

it("exits 2 if standard output cannot be written, in one sentence", async () => {
  const { env } = await standIn(always(token));
  const { code, stderr } = await command.runOnFullDisk(["login"], env);
  expect([code, stderr]).toEqual([
    2,
    expect.stringMatching(/^oci-auth: the output cannot be written: ENOSPC[^\n]*; [^\n]*\n$/),
  ]);
});

it("logs in again when a token has expired that could not be renewed, even if renewals keep failing", async () => {
  const { env, requests } = await standIn((request, response) => {
    const isLogin = request.url?.endsWith("/login") === true;
    const answer = isLogin ? always(token) : always(refusal(429, "Too many requests"), 429);
    answer(request, response);
  });
  const watch = startWatch(join(home.path, "renewed"), env);
  const logins = () => requests.filter((path) => path.endsWith("/login")).length;
  await expect.poll(logins, { timeout: 20_000 }).toBe(2);
  expect(watch.stderr()).toContain("Too many requests");
  watch.kill("SIGTERM");
  expect((await watch.ended).code).toBe(0);
});

it("continues watching when nobody reads its messages any more", async () => {
  const { env, requests } = await standIn(always(token));
  const sink = join(home.path, "token");
  const watch = startWatch(sink, env);
  await expect.poll(watch.stderr, { timeout: 10_000 }).toContain("logged in");
  watch.leaveUnread();
  await expect.poll(() => requests.length, { timeout: 10_000 }).toBe(4);
  expect(readFileSync(sink, "utf8")).toBe("a.b.c");
  watch.kill("SIGTERM");
  expect((await watch.ended).code).toBe(0);
});

it("is one file of at most 500 KB that can be executed, without Zod's languages and without OpenAPI", () => {
  const { size, mode } = statSync(join(command.folder, "oci-auth.cjs"));
  expect(size).toBeLessThanOrEqual(500_000);
  expect(mode & 0o111).toBe(0o111);
});
