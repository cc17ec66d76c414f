/**
 * What docs/verify.md says of keys: for how long each example keeps them, and when it asks for them again. The issuer
 * is a stand-in whose keys the test changes, and the clocks of the examples are set forward in place of waiting.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { freePort } from "../../dev/free-port.ts";
import { writeExamples } from "./examples.ts";
import { answers, endAll, until } from "./processes.ts";
import { servicesOf } from "./services.ts";

const folder = mkdtempSync(join(tmpdir(), "oci-auth-rotation-"));
const clock = join(folder, "clock");
const setClock = (seconds: number) => writeFileSync(clock, `${seconds}`);

/** Ways to set a clock forward by the seconds that the file says, without a change of what reads it. */
const clocks = {
  "clock.mjs": `
    import { readFileSync } from "node:fs";
    const now = Date.now;
    Date.now = () => now() + 1000 * Number(readFileSync(process.env.CLOCK, "utf8"));`,
  "sitecustomize.py": [
    "import os, time",
    "started = time.monotonic",
    "def monotonic():",
    "    with open(os.environ['CLOCK']) as file:",
    "        return started() + float(file.read())",
    "time.monotonic = monotonic",
  ].join("\n"),
};
const goClock = `
func now() time.Time {
	text, _ := os.ReadFile(os.Getenv("CLOCK"))
	ahead, _ := time.ParseDuration(string(text) + "s")
	return time.Now().Add(ahead)
}
func since(t time.Time) time.Duration { return now().Sub(t) }
`;
const withGoClock = (code: string) =>
  code.replaceAll("time.Now()", "now()").replaceAll("time.Since(", "since(") + goClock;

let server: Server;
let issuer: string;
let published: JWK[] = [];
let fetched = 0;

beforeAll(async () => {
  writeExamples(folder, (name, code) => (name === "verify.go" ? withGoClock(code) : code));
  for (const [name, code] of Object.entries(clocks)) writeFileSync(join(folder, name), code);
  setClock(0);
  server = createServer(({ url }, response) => {
    if (url === "/.well-known/jwks.json") fetched += 1;
    const jwks_uri = `${issuer}/.well-known/jwks.json`;
    const discovery = { issuer, jwks_uri, id_token_signing_alg_values_supported: ["ES256"] };
    response.writeHead(200, { "content-type": "application/json", "cache-control": "max-age=300" });
    response.end(JSON.stringify(url === "/.well-known/jwks.json" ? { keys: published } : discovery));
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  endAll();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A key's public half, and a token that it signed. */
async function newKey(kid: string): Promise<{ jwk: JWK; token: string }> {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const token = await new SignJWT()
    .setProtectedHeader({ alg: "ES256", kid })
    .setIssuer(issuer)
    .setAudience("api")
    .setSubject(kid)
    .setIssuedAt()
    .setExpirationTime("1h")
    .sign(privateKey);
  return { jwk: { ...(await exportJWK(publicKey)), kid, alg: "ES256", use: "sig" }, token };
}

interface Keeping {
  /** For how many seconds a key is trusted after the last fetch. */
  readonly keeps: number;
  /** How many seconds must pass after a fetch until a token with an unknown key makes it ask again. */
  readonly asksAgainAfter: number;
}

describe.each<[name: string, Keeping]>([
  ["jose.ts", { keeps: 600, asksAgainAfter: 30 }],
  ["hono.ts", { keeps: 0, asksAgainAfter: 0 }],
  ["express.ts", { keeps: 600, asksAgainAfter: 30 }],
  ["verify.py", { keeps: 300, asksAgainAfter: 0 }],
  ["verify.go", { keeps: 300, asksAgainAfter: 30 }],
])("%s, whose keys are rotated,", (name, { keeps, asksAgainAfter }) => {
  let url: string;
  let old: Awaited<ReturnType<typeof newKey>>;
  let next: Awaited<ReturnType<typeof newKey>>;
  let unpublished: Awaited<ReturnType<typeof newKey>>;

  /** The status of each of some requests with this token, and how often the keys were fetched meanwhile. */
  const ask = async (token: string, times = 1) => {
    const before = fetched;
    const statuses = new Set<number>();
    for (let asked = 0; asked < times; asked++) {
      statuses.add((await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status);
    }
    return { statuses: [...statuses], fetches: fetched - before };
  };

  beforeEach(async () => {
    [old, next, unpublished] = [await newKey("old"), await newKey("new"), await newKey("unpublished")];
    published = [old.jwk];
    setClock(0);
    const PORT = `${await freePort()}`;
    url = `http://127.0.0.1:${PORT}/`;
    const env = { ISSUER: issuer, AUDIENCE: "api", PORT, CLOCK: clock };
    const service = await servicesOf(folder)[name]?.({
      ...env,
      ...(name.endsWith(".py") ? { PYTHONPATH: folder } : {}),
      ...(/^(jose|express)/.test(name) ? { NODE_OPTIONS: `--import ${join(folder, "clock.mjs")}` } : {}),
    });
    if (service === undefined) throw new Error(`there is no way to run ${name}`);
    await until(service, () => answers(url));
    expect(await ask(old.token)).toEqual({ statuses: [200], fetches: 1 });
  });

  it("takes a token of a new key as soon as it may ask for it, and goes on with the old one", async () => {
    published = [old.jwk, next.jwk];
    if (asksAgainAfter > 0) {
      setClock(asksAgainAfter - 1);
      expect(await ask(next.token)).toEqual({ statuses: [401], fetches: 0 });
    }
    setClock(asksAgainAfter + 1);
    expect(await ask(next.token)).toEqual({ statuses: [200], fetches: 1 });
    expect(await ask(old.token, 3)).toEqual({ statuses: [200], fetches: keeps === 0 ? 3 : 0 });
  });

  it(asksAgainAfter > 0 ? "is not made to ask by made-up keys" : "asks for every made-up key", async () => {
    const bounded = asksAgainAfter > 0;
    setClock(asksAgainAfter - 1);
    expect(await ask(unpublished.token, 5)).toEqual({ statuses: [401], fetches: bounded ? 0 : 5 });
    setClock(asksAgainAfter + 1);
    expect(await ask(unpublished.token, 5)).toEqual({ statuses: [401], fetches: bounded ? 1 : 5 });
    setClock(2 * asksAgainAfter);
    expect(await ask(unpublished.token, 5)).toEqual({ statuses: [401], fetches: bounded ? 0 : 5 });
    setClock(2 * asksAgainAfter + 2);
    expect(await ask(unpublished.token, 5)).toEqual({ statuses: [401], fetches: bounded ? 1 : 5 });
  });

  it(`trusts a key that was dropped for ${keeps} s and no longer`, async () => {
    published = [next.jwk];
    if (keeps > 0) {
      setClock(keeps - 2);
      expect(await ask(old.token)).toEqual({ statuses: [200], fetches: 0 });
    }
    setClock(keeps + 1);
    expect(await ask(old.token)).toMatchObject({ statuses: [401] });
    expect(await ask(next.token)).toMatchObject({ statuses: [200] });
  });
});
