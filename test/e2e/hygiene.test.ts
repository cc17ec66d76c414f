/** What every answer and every log line has and has not, and what the repository and the bundle must not hold. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addIdentity, addOrganization, addTenancy, addUser } from "./oci-users.ts";
import { signAsGo } from "./signers.ts";
import { startWorker, type Worker } from "./worker.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

let worker: Worker;
beforeAll(async () => {
  worker = await startWorker();
});
afterAll(() => worker.close());

describe("headers", () => {
  it.each(["/health", "/openapi.json", "/.well-known/jwks.json", "/api/v1/organizations", "/nowhere"])(
    "of %s keep a browser from framing, running, sniffing or leaking it",
    async (path) => {
      const { headers } = await worker.send(path);
      expect(Object.fromEntries(headers)).toMatchObject({
        "content-type": "application/json",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "referrer-policy": "no-referrer",
        "strict-transport-security": "max-age=31536000; includeSubDomains",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "cache-control": path.startsWith("/.well-known/") ? "public, max-age=300" : "no-store",
      });
    },
  );

  it("let other pages read the published keys, and nothing else", async () => {
    const origin = "https://page.example.com";
    const allowed = async (path: string, method = "GET") => {
      const asks = { origin, "access-control-request-method": "GET" };
      const { headers } = await worker.send(path, { method, headers: asks });
      return headers.get("access-control-allow-origin");
    };
    for (const path of ["/.well-known/jwks.json", "/.well-known/openid-configuration"]) {
      expect([await allowed(path), await allowed(path, "OPTIONS")]).toEqual(["*", "*"]);
    }
    for (const path of [
      "/api/v1/organizations",
      "/api/v1/auth/oci-auth/login",
      "/oauth2/introspect",
      "/health",
    ]) {
      expect([await allowed(path), await allowed(path, "OPTIONS")]).toEqual([null, null]);
    }
  });
});

describe("the log", () => {
  const lines = () => worker.logs().map(({ message }) => JSON.parse(message) as Record<string, unknown>);
  /** What runs, as `GET /ready` says it. */
  let running: { release: string; versionId: string };
  beforeAll(async () => {
    const { release, versionId } = (await worker.admin("GET", "/ready")).body.version;
    running = { release, versionId };
  });

  it("has one line for each request, with its route, status, reason and waits", async () => {
    const organizationId = await addOrganization(worker, "logs");
    const { tenancyOcid } = await addTenancy(worker, [organizationId]);
    const user = await addUser(worker, tenancyOcid);
    const identityId = await addIdentity(worker, organizationId, tenancyOcid, {
      settings: { allowedUsernames: "x" },
    });
    worker.clearLogs();
    const refused = await worker.login({ identityId, userOcid: user.userOcid, headers: signAsGo(user) });
    const missing = await worker.send("/api/v1/identities/never%0Amind", {
      headers: { authorization: `Bearer ${worker.secrets.ADMIN_TOKEN}`, "cf-ray": "8c0ffee-FRA" },
    });
    const nowhere = await worker.send("/no/such/route");
    const listed = await worker.admin("GET", "/api/v1/organizations");
    await expect.poll(() => lines().length).toBe(4);
    expect(lines()).toEqual([
      {
        level: "info",
        ...running,
        reqId: refused.body.reqId,
        method: "POST",
        route: "/api/v1/auth/oci-auth/login",
        status: 401,
        reason: "username-not-allowed",
        waits: { d1: expect.any(Number), kv: expect.any(Number), oci: expect.any(Number) },
      },
      {
        level: "info",
        ...running,
        reqId: missing.body.reqId,
        method: "GET",
        route: "/api/v1/identities/:identityId",
        status: 404,
        reason: "not-found",
        waits: {},
        cfRay: "8c0ffee-FRA",
      },
      {
        level: "info",
        ...running,
        reqId: nowhere.body.reqId,
        method: "GET",
        route: null,
        status: 404,
        reason: "not-found",
        waits: {},
      },
      {
        level: "info",
        ...running,
        reqId: listed.headers.get("x-request-id"),
        method: "GET",
        route: "/api/v1/organizations",
        status: 200,
        waits: { d1: expect.any(Number) },
      },
    ]);
  });

  it("names in every line the release and the upload of it, a request's or not", async () => {
    worker.clearLogs();
    const organizationId = await addOrganization(worker, "versions");
    const { tenancyOcid } = await addTenancy(worker, [organizationId]);
    const user = await addUser(worker, tenancyOcid);
    const identityId = await addIdentity(worker, organizationId, tenancyOcid);
    await worker.emulator("PUT", "faults", { status: 500 });
    await worker.login({ identityId, userOcid: user.userOcid, headers: signAsGo(user) });
    await worker.emulator("DELETE", "faults");
    await expect.poll(lines).toContainEqual(expect.objectContaining({ reason: "oci-unavailable" }));
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    expect(running).toEqual({ release: version, versionId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(lines().map(({ route }) => route)).toContain(undefined);
    for (const line of lines()) expect(line).toMatchObject(running);
  });

  it("is written in one place", () => {
    const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" });
    const writing = files.filter(
      (name) =>
        name.endsWith(".ts") && /\bconsole(\.\w|\[)/.test(readFileSync(join(root, "src", name), "utf8")),
    );
    expect(writing).toEqual(["log.ts"]);
  });

  it("never has a token, a signature, a key or a whole authorization header", async () => {
    worker.clearLogs();
    const organizationId = await addOrganization(worker, "secrets");
    const { tenancyOcid, reader } = await addTenancy(worker, [organizationId]);
    const user = await addUser(worker, tenancyOcid);
    const identityId = await addIdentity(worker, organizationId, tenancyOcid);
    const headers = signAsGo(user);
    const { body } = await worker.login({ identityId, userOcid: user.userOcid, headers });
    await worker.login({ identityId, userOcid: user.userOcid, headers: { ...headers, date: "never" } });
    await worker.json("POST", "/api/v1/auth/token/renew", { accessToken: `${body.accessToken}x` });
    await worker.json("GET", "/api/v1/organizations", undefined, body.accessToken);
    await worker.emulator("PUT", "faults", { status: 500 });
    const stranger = await addUser(worker, tenancyOcid);
    await worker.login({ identityId, userOcid: stranger.userOcid, headers: signAsGo(stranger) });
    await worker.emulator("DELETE", "faults");
    const logged = JSON.stringify(worker.logs());
    expect(logged).toContain("oci-unavailable");
    const signature = /signature="([^"]+)"/.exec(headers.authorization)?.[1] ?? "";
    const key = reader.privateKey.split("\n")[5] ?? "";
    for (const secret of [
      body.accessToken,
      signature,
      key,
      worker.secrets.ADMIN_TOKEN ?? "",
      "PRIVATE",
      "Signature version",
    ]) {
      expect(secret.length).toBeGreaterThan(5);
      expect(logged).not.toContain(secret);
    }
  });
});

/** What would be a secret in a configuration file, by its name or by its form. */
function secretsIn(config: string): string[] {
  const found: string[] = [];
  for (const line of config.split("\n").map((text) => text.replace(/#.*/, ""))) {
    const assigned = /^\s*"?(ADMIN_TOKEN|TOKEN_SIGNING_KEYS|ENCRYPTION_KEYS)"?\s*=/.exec(line)?.[1];
    if (assigned !== undefined) found.push(assigned);
    if (/-----BEGIN|\\?"(d|k)\\?"\s*:/.test(line)) found.push("a private key");
    if (/[A-Za-z0-9_-]{40,}/.test(line)) found.push("a long random value");
  }
  return found;
}

describe("wrangler.toml", () => {
  it("holds no secret", () => {
    expect(secretsIn(readFileSync(join(root, "wrangler.toml"), "utf8"))).toEqual([]);
  });

  it.each([
    ["[vars]\nADMIN_TOKEN = 'x'", "ADMIN_TOKEN"],
    ['[env.staging.vars]\n"TOKEN_SIGNING_KEYS" = "x"', "TOKEN_SIGNING_KEYS"],
    ['KEYS = \'{"keys":[{"kty":"oct","k":"x"}]}\'', "a private key"],
    ["KEY = '-----BEGIN PRIVATE KEY-----'", "a private key"],
    ["OTHER = '41BKXsH_waRRyCeg4aSKh7nmjH8sJGAdFOM7UGQLMkE'", "a long random value"],
  ])("would be caught with %j", (config, what) => {
    expect(secretsIn(config)).toContain(what);
  });
});

it("SECURITY.md names tests that are there", () => {
  const text = readFileSync(join(root, "SECURITY.md"), "utf8");
  const named = [...text.matchAll(/`((?:[\w-]+\/)*[\w-]+\*?)`((?:,? "[^"]+")*)/g)]
    .map(([, path = "", words = ""]) => ({
      path,
      words: [...words.matchAll(/"([^"]+)"/g)].map(([, word]) => word),
    }))
    .filter(({ path }) =>
      /^(e2e|http|oci|directory|ledger|audit|identities|tenancies|keys|storage|tokens|login|every-call)\//.test(
        path,
      ),
    );
  expect(named.length).toBeGreaterThan(40);
  for (const { path, words } of named) {
    const folder = join(root, "test", path, "..");
    const start = path.split("/").at(-1)?.replace("*", "") ?? "";
    const isNamed = (name: string) =>
      path.endsWith("*") ? name.startsWith(start) : name === `${start}.test.ts`;
    const files = readdirSync(folder).filter(isNamed);
    expect([path, files.length > 0]).toEqual([path, true]);
    const tests = files.map((name) => readFileSync(join(folder, name), "utf8")).join("\n");
    for (const word of words) expect([path, word, tests.includes(word ?? "")]).toEqual([path, word, true]);
  }
});

/** The anchors of a page, as GitHub makes them of its headings. */
function anchorsOf(page: string): string[] {
  const headings = page.replaceAll(/^```.*?^```/gms, "").matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}

describe("the pages", () => {
  const inDocs = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" });
  const pages = [
    ...["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "bench/README.md"],
    ...inDocs.filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`),
  ];
  const read = (path: string) => readFileSync(join(root, path), "utf8");
  const linksOf = (page: string) =>
    [...read(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)].map(([, path = "", anchor]) => ({
      target: path === "" ? page : join(page, "..", path),
      anchor,
    }));

  it.each(pages)("%s links to files and headings that are there", (page) => {
    for (const { target, anchor } of linksOf(page)) {
      expect([target, existsSync(join(root, target))]).toEqual([target, true]);
      if (anchor !== undefined)
        expect([target, anchorsOf(read(target))]).toEqual([target, expect.arrayContaining([anchor])]);
    }
  });

  it("each decision is in the list of them, and has the four parts", () => {
    const listed = linksOf("docs/decisions/README.md").map(({ target }) => target);
    const decisions = pages.filter((page) => /^docs\/decisions\/(?!README)/.test(page));
    expect(decisions.length).toBeGreaterThan(8);
    expect(listed).toEqual(expect.arrayContaining(decisions));
    for (const decision of decisions) {
      expect([decision, anchorsOf(read(decision)).slice(1)]).toEqual([
        decision,
        ["context", "decision", "what-follows", "rejected"],
      ]);
    }
  });
});

it("every action of the workflows is pinned to a commit, beside the version that it is", () => {
  const folder = join(root, ".github/workflows");
  const workflows = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
  const used = workflows.flatMap((text) => text.match(/\buses:.*/g) ?? []);
  expect(used).not.toEqual([]);
  for (const line of used) expect(line).toMatch(/^uses: [\w-]+\/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
});

it("every dependency is pinned, and the lock file records no address", () => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
    expect([name, version]).toEqual([name, expect.stringMatching(/^\d+\.\d+\.\d+(?:-[a-z]+)?$/)]);
  }
  expect(readFileSync(join(root, "package-lock.json"), "utf8")).not.toContain('"resolved"');
});

it("one wrangler, one Miniflare and one workerd are installed, so tests run what is deployed", () => {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  const installed = Object.keys(packages).filter((path) => /\/(wrangler|miniflare|workerd)$/.test(path));
  expect(installed.sort()).toEqual(
    ["miniflare", "workerd", "wrangler"].map((name) => `node_modules/${name}`),
  );
});

it("LICENSE is the Apache License 2.0, word for word, and package.json names it", () => {
  const published = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30";
  expect(
    createHash("sha256")
      .update(readFileSync(join(root, "LICENSE")))
      .digest("hex"),
  ).toBe(published);
  expect(JSON.parse(readFileSync(join(root, "package.json"), "utf8")).license).toBe("Apache-2.0");
});

it("the bundle holds no development code, and is smaller than 116 KB compressed", async () => {
  const folder = mkdtempSync(join(tmpdir(), "oci-auth-bundle-"));
  try {
    const args = ["deploy", "--dry-run", "--env=", "--outdir", folder];
    await promisify(execFile)(join(root, "node_modules/.bin/wrangler"), args, { cwd: root });
    const bundle = readdirSync(folder)
      .filter((name) => name.endsWith(".js"))
      .map((name) => readFileSync(join(folder, name), "utf8"))
      .join("\n");
    expect(bundle).toContain("/api/v1/auth/oci-auth/login");
    expect(gzipSync(bundle).length).toBeLessThan(116_000);
    for (const marker of [
      "_emulator",
      "http-signature",
      "oci-common",
      "createTestHarness",
      ".dev.vars",
      "sourceMappingURL=data",
      // What the document alone has, and Zod's languages.
      "The examples tell one story",
      "#/components/schemas",
      "erwartet instanceof",
    ]) {
      expect([marker, bundle.includes(marker)]).toEqual([marker, false]);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
