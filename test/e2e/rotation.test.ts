/**
 * The secrets are rotated, in the steps of docs/operate.md and with the files that `oci-auth secrets rotate` writes for
 * them, while the Worker serves; and what happens without them.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createLocalJWKSet, exportJWK, generateKeyPair, type JSONWebKeySet, jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BuiltCommand, buildCommand } from "../cli/built-command.ts";
import { addIdentity, addOrganization, addTenancy, addUser, type OciUser } from "./oci-users.ts";
import { newRsaKey } from "./rsa-keys.ts";
import { signAsGo } from "./signers.ts";
import { issuer, startWorker, type Worker } from "./worker.ts";

const tokenSeconds = 300;

let command: BuiltCommand;
let worker: Worker;
let organizationId: string;
let identityId: string;
let tenancyOcid: string;
let user: OciUser;

beforeAll(async () => {
  command = buildCommand();
  worker = await startWorker({
    main: "test/rotating-worker.ts",
    vars: { MAX_TOKEN_TTL_SECONDS: String(tokenSeconds) },
  });
  organizationId = await addOrganization(worker, "rotation");
  ({ tenancyOcid } = await addTenancy(worker, [organizationId]));
  user = await addUser(worker, tenancyOcid);
  identityId = await addIdentity(worker, organizationId, tenancyOcid);
});
afterAll(async () => {
  command.remove();
  await worker.close();
});

type Secrets = Record<string, string>;

/** What is out: one version of the secrets, or two while a deployment spreads. */
async function out(...versions: Secrets[]): Promise<void> {
  const { status } = await worker.send("/_versions", { method: "PUT", body: JSON.stringify(versions) });
  if (status !== 200) throw new Error("the versions were not taken");
}

/** What the steps of a rotation deploy, from the secrets that are kept. */
async function stepsFrom(kept: Secrets): Promise<Secrets[]> {
  const folder = mkdtempSync(join(command.folder, "rotation-"));
  writeFileSync(join(folder, "secrets.json"), JSON.stringify(kept));
  const [name = ""] = Object.keys(kept);
  const run = await command.run(["secrets", "rotate", name, "--from", "secrets.json"], {}, folder);
  if (run.code !== 0) throw new Error(run.stderr);
  return readdirSync(folder)
    .filter((file) => file.startsWith(`secrets.${name}.`))
    .sort()
    .map((file) => ({ [name]: readFileSync(join(folder, file), "utf8") }));
}

const login = () => worker.login({ identityId, userOcid: user.userOcid, headers: signAsGo(user) });

async function newSigningKey(): Promise<object> {
  return exportJWK((await generateKeyPair("ES256", { extractable: true })).privateKey);
}
const signedBy = (...keys: object[]): Secrets => ({ TOKEN_SIGNING_KEYS: JSON.stringify({ keys }) });

interface CachedKeys {
  keys: JSONWebKeySet;
  askedAt: number;
  maxAge: number;
}

/**
 * Services that verify tokens, under a load of logins. Time stands still until `pass` moves it, so that minutes of a
 * cache's life pass in moments and nothing depends on how fast this machine is. A service keeps the keys for as long
 * as the answer says that it may, to the second, and asks for no new ones before: the worst that one may do.
 */
class Services {
  #now = 0;
  #stopped = false;
  readonly #streams: Promise<void>[] = [];
  readonly #tokens: { text: string; issuedAt: number }[] = [];
  readonly #caches: CachedKeys[];
  verifications = 0;
  readonly failures: string[] = [];
  logins = 0;

  /** As many services as there are `ages`: so old, in seconds, is what each has cached at the start. */
  constructor(keys: JSONWebKeySet, ages: readonly number[]) {
    this.#caches = ages.map((age) => ({ keys, askedAt: -age, maxAge: 300 }));
  }

  start(): this {
    for (let stream = 0; stream < 3; stream++) this.#streams.push(this.#logIn());
    return this;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#streams);
  }

  /** Lets time pass, and in each half of a minute some logins, and every living token be verified by each service. */
  async pass(seconds: number): Promise<void> {
    for (const end = this.#now + seconds; this.#now < end; ) {
      this.#now += 30;
      const enough = this.logins + 3;
      await expect.poll(() => this.logins, { interval: 2, timeout: 10_000 }).toBeGreaterThanOrEqual(enough);
      // Of the oldest that live, and of the newest; all of them were verified when they were new.
      const living = this.#tokens.filter(({ issuedAt }) => this.#now - issuedAt < tokenSeconds);
      for (const token of [...living.slice(0, 3), ...living.slice(-3)]) await this.#verifyEverywhere(token);
    }
  }

  async #logIn(): Promise<void> {
    while (!this.#stopped) {
      const issuedAt = this.#now;
      const { status, body } = await login();
      if (status !== 200) {
        this.failures.push(`a login: ${JSON.stringify(body)}`);
        continue;
      }
      const token = { text: body.accessToken as string, issuedAt };
      this.#tokens.push(token);
      await this.#verifyEverywhere(token);
      const { body: asked } = await worker.introspect(token.text);
      if (asked.active !== true) this.failures.push("the Worker itself, asked about its token");
      this.logins += 1;
    }
  }

  async #verifyEverywhere({ text, issuedAt }: { text: string; issuedAt: number }): Promise<void> {
    for (const cache of this.#caches) {
      try {
        if (this.#now - cache.askedAt >= cache.maxAge) await this.#refresh(cache);
        await jwtVerify(text, createLocalJWKSet(cache.keys), { issuer, audience: "api" });
        this.verifications += 1;
      } catch (error) {
        this.failures.push(
          `a token of ${issuedAt} s at ${this.#now} s, keys of ${cache.askedAt} s: ${error}`,
        );
      }
    }
  }

  async #refresh(cache: CachedKeys): Promise<void> {
    const askedAt = this.#now;
    const { headers, body } = await worker.send("/.well-known/jwks.json");
    const maxAge = Number(/max-age=(\d+)/.exec(headers.get("cache-control") ?? "")?.[1]);
    // Two verifications at a time may both ask; the later question counts.
    if (askedAt >= cache.askedAt) Object.assign(cache, { keys: body, askedAt, maxAge });
  }
}

const cacheAges = [0, 45, 90, 150, 240, 285];
const spreading = 30;

async function startServices(oldKey: object): Promise<Services> {
  await out(signedBy(oldKey));
  const { body } = await worker.send("/.well-known/jwks.json");
  return new Services(body, cacheAges).start();
}

/** A deployment: old and new serve side by side for a while, and then the new alone. */
async function deploy(services: Services, before: Secrets, after: Secrets): Promise<void> {
  await out(before, after);
  await services.pass(spreading);
  await out(after);
}

describe("TOKEN_SIGNING_KEYS", () => {
  it("are rotated under load, and not one verification fails", async () => {
    const oldKey = await newSigningKey();
    const [added, first, dropped] = await stepsFrom(signedBy(oldKey));
    if (!added || !first || !dropped) throw new Error("a step is missing");
    const services = await startServices(oldKey);
    await services.pass(60);
    await deploy(services, signedBy(oldKey), added);
    await services.pass(300);
    await deploy(services, added, first);
    await services.pass(tokenSeconds);
    await deploy(services, first, dropped);
    await services.pass(330);
    await services.stop();
    expect(services.failures).toEqual([]);
    expect(services.logins).toBeGreaterThan(100);
    expect(services.verifications).toBeGreaterThan(services.logins * cacheAges.length);
  });

  it.each<[what: string, rotate: (services: Services, oldKey: object, newKey: object) => Promise<void>]>([
    [
      "the new key signs before every service can know it",
      async (services, oldKey, newKey) => {
        await deploy(services, signedBy(oldKey), signedBy(oldKey, newKey));
        await services.pass(120);
        await deploy(services, signedBy(oldKey, newKey), signedBy(newKey, oldKey));
        await services.pass(30);
      },
    ],
    [
      "the new key is not published first",
      async (services, oldKey, newKey) => {
        await deploy(services, signedBy(oldKey), signedBy(newKey, oldKey));
      },
    ],
    [
      "the old key is dropped while its tokens live",
      async (services, oldKey, newKey) => {
        await deploy(services, signedBy(oldKey), signedBy(oldKey, newKey));
        await services.pass(300);
        await deploy(services, signedBy(oldKey, newKey), signedBy(newKey, oldKey));
        await services.pass(60);
        await deploy(services, signedBy(newKey, oldKey), signedBy(newKey));
        await services.pass(90);
      },
    ],
  ])("fail verifications when a wait is left out: %s", async (_, rotate) => {
    const [oldKey, newKey] = [await newSigningKey(), await newSigningKey()];
    const services = await startServices(oldKey);
    await rotate(services, oldKey, newKey);
    await services.stop();
    expect(services.failures.length).toBeGreaterThan(0);
    expect(services.failures.join()).toContain("no applicable key found in the JSON Web Key Set");
  });
});

describe("ENCRYPTION_KEYS", () => {
  const newKey = (kid: string) => ({ kty: "oct", kid, k: randomBytes(32).toString("base64url") });
  const encryptedBy = (...keys: object[]): Secrets => ({ ENCRYPTION_KEYS: JSON.stringify({ keys }) });
  const reEncrypt = (query = "") => worker.admin("POST", `/api/v1/oci/tenancies/re-encrypt${query}`);
  /** A user who is in no cache, so that OCI has to be asked. */
  const newcomer = async () => {
    const someone = await addUser(worker, tenancyOcid);
    return () => worker.login({ identityId, userOcid: someone.userOcid, headers: signAsGo(someone) });
  };
  const problems = async () => {
    const { body } = await worker.admin("GET", "/ready");
    return body.tenancies.map(({ problem }: { problem?: string }) => problem ?? "ok");
  };
  const keyIds = async () => {
    const { DB } = await worker.env();
    const { results } = await DB.prepare("SELECT encrypted_private_key AS text FROM oci_tenancies").all();
    return results.map(({ text }) => String(text).split(".")[1]);
  };
  const registeredNow = async () => (await worker.admin("GET", "/api/v1/oci/tenancies")).body.tenancies;

  let oldKey: object;
  beforeAll(async () => {
    [oldKey] = JSON.parse(worker.secrets.ENCRYPTION_KEYS ?? "").keys;
    await out({});
    await addTenancy(worker, [organizationId]);
    await addTenancy(worker, [organizationId]);
  });

  it("without re-encryption cannot lose the old key: new users wait, and /ready says why", async () => {
    await out(encryptedBy(newKey("two")));
    const logIn = await newcomer();
    expect(await logIn()).toMatchObject({ status: 503, body: { error: "ServiceUnavailable" } });
    expect(await problems()).toEqual(["undecryptable", "undecryptable", "undecryptable"]);
    const lost = await reEncrypt();
    expect(lost).toMatchObject({ status: 200, body: { reEncrypted: 0, current: 0, changed: 0 } });
    expect(lost.body.undecryptable).toHaveLength(3);
    expect(await keyIds()).toEqual(["one", "one", "one"]);
    await out(encryptedBy(oldKey));
    expect(await logIn()).toMatchObject({ status: 200 });
  });

  it("are rotated in steps, and new users log in at each", async () => {
    const [added, moved, dropped] = await stepsFrom(encryptedBy(oldKey));
    if (!added || !moved || !dropped) throw new Error("a step is missing");
    const [two] = JSON.parse(dropped.ENCRYPTION_KEYS ?? "").keys;
    const logsIn = async () => expect(await (await newcomer())()).toMatchObject({ status: 200 });
    const before = await registeredNow();
    for (const versions of [[encryptedBy(oldKey), added], [added], [added, moved], [moved]]) {
      await out(...versions);
      await logsIn();
      await logsIn();
    }
    // A tenancy that is registered from now on has the new key already.
    await addTenancy(worker, [organizationId]);
    expect(await keyIds()).toEqual(["one", "one", "one", two.kid]);

    const first = await reEncrypt("?limit=2");
    expect(first.body).toMatchObject({ reEncrypted: 2, current: 0, changed: 0, undecryptable: [] });
    const second = await reEncrypt(`?limit=2&cursor=${first.body.nextCursor}`);
    expect(second.body).toEqual({
      reEncrypted: 1,
      current: 1,
      changed: 0,
      undecryptable: [],
      nextCursor: null,
    });
    expect((await reEncrypt()).body).toMatchObject({ reEncrypted: 0, current: 4, undecryptable: [] });
    expect(await keyIds()).toEqual([two.kid, two.kid, two.kid, two.kid]);
    expect((await registeredNow()).slice(0, 3)).toEqual(before);
    await logsIn();

    await out(dropped);
    await logsIn();
    expect(await problems()).toEqual(["ok", "ok", "ok", "ok"]);

    const { body } = await worker.admin("GET", "/api/v1/audit-events?limit=100");
    const events = body.auditEvents.filter(({ type }: { type: string }) => type === "tenancy.re-encrypt");
    expect(events).toHaveLength(3);
    for (const { actor, outcome, details } of events) {
      expect({ actor, outcome, ...details }).toEqual({
        actor: "operator",
        outcome: "success",
        tenancyOcid: expect.stringMatching(/^ocid1\.tenancy\./),
        from: "one",
        to: two.kid,
      });
    }
    oldKey = two;
  });

  it("a credential that is registered while the others are re-encrypted stays, whichever comes first", async () => {
    const three = newKey("three");
    await out(encryptedBy(three, oldKey));
    const [{ tenancyOcid: registered }] = (await registeredNow()).slice(-1);
    const reader = await addUser(worker, registered, { name: "another reader" });
    const put = worker.admin("PUT", `/api/v1/oci/tenancies/${registered}`, {
      region: "us-ashburn-1",
      organizationIds: [organizationId],
      userOcid: reader.userOcid,
      fingerprint: reader.fingerprint,
      privateKey: reader.privateKey,
    });
    const runs = await Promise.all([...Array.from({ length: 8 }, () => reEncrypt()), put]);
    expect(runs.map(({ status }) => status)).toEqual(Array(9).fill(200));
    await out(encryptedBy(three));
    // Had an old ciphertext won over the new registration, its key would not be the fingerprint's.
    expect(await problems()).toEqual(["ok", "ok", "ok", "ok"]);
    expect(await keyIds()).toEqual(["three", "three", "three", "three"]);
    const done = runs.slice(0, 8).map(({ body }) => body);
    for (const { reEncrypted, current, changed } of done) expect(reEncrypted + current + changed).toBe(4);
  });
});

describe("an OCI credential", () => {
  it("is replaced while both keys stand in OCI, and one that OCI refuses replaces nothing", async () => {
    await out({});
    const { tenancyOcid: rotated, reader } = await addTenancy(worker, [organizationId]);
    const rotatedId = await addIdentity(worker, organizationId, rotated);
    const newKey = newRsaKey();
    const keysInOci = (...keys: { publicKey: string }[]) =>
      worker.emulator("PUT", `users/${reader.userOcid}`, {
        tenancyOcid: rotated,
        name: reader.name,
        apiKeys: keys.map(({ publicKey }) => ({ publicKey })),
      });
    const put = () =>
      worker.admin("PUT", `/api/v1/oci/tenancies/${rotated}`, {
        region: "us-ashburn-1",
        organizationIds: [organizationId],
        userOcid: reader.userOcid,
        fingerprint: newKey.fingerprint,
        privateKey: newKey.privateKey,
      });
    const newcomerLogsIn = async () => {
      const { userOcid, ...key } = await addUser(worker, rotated);
      const headers = signAsGo({ userOcid, ...key });
      expect(await worker.login({ identityId: rotatedId, userOcid, headers })).toMatchObject({ status: 200 });
    };
    expect(await put()).toMatchObject({ status: 400 });
    await newcomerLogsIn();
    await keysInOci(reader, newKey);
    await newcomerLogsIn();
    expect(await put()).toMatchObject({ status: 200 });
    await newcomerLogsIn();
    await keysInOci(newKey);
    await newcomerLogsIn();
  });
});

describe("ADMIN_TOKEN", () => {
  it("is replaced, and the old one is refused from then on", async () => {
    const [next] = await stepsFrom({ ADMIN_TOKEN: worker.secrets.ADMIN_TOKEN ?? "" });
    await out({ ...worker.secrets, ...next });
    const ask = (bearer: string | undefined) =>
      worker.json("GET", "/api/v1/organizations", undefined, bearer);
    expect(await ask(worker.secrets.ADMIN_TOKEN)).toMatchObject({ status: 401 });
    expect(await ask(next?.ADMIN_TOKEN)).toMatchObject({ status: 200 });
    await out({});
  });
});
