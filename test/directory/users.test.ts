import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, type Mock, vi } from "vitest";
import type { UserEntry } from "../../src/directory/user-entry.ts";
import {
  type KeyProof,
  type LookupBudget,
  type Resolution,
  UserDirectory,
} from "../../src/directory/users.ts";
import { verificationKey } from "../../src/directory/verification-keys.ts";
import { lookupBudget } from "../../src/http/rate-limit.ts";
import type { IdentityClient, OciAnswer, OciApiKey, OciUser } from "../../src/oci/identity-client.ts";
import type { ApiKeyId } from "../../src/oci/key-id.ts";
import { Timings } from "../../src/timings.ts";
import { base64, newEcKeyPair, newRsaKeyPair } from "../oci/key-pairs.ts";
import { newTenancyOcid, newUserOcid } from "../oci/ocids.ts";

const key = newRsaKeyPair();
const otherKey = newRsaKeyPair();
const ecKey = newEcKeyPair();
const shortKey = newRsaKeyPair(1024);

const limits = { directoryTtlSeconds: 300, directoryStaleSeconds: 3600 };

let background: Promise<unknown>[] = [];
const waitUntil = (promise: Promise<unknown>) => void background.push(promise);
const budget = vi.fn(async (_tenancyOcid: string, _cacheIsReadable: boolean) => true);
const proved: KeyProof = async () => {};

let logged: Record<"warn" | "error", Mock>;

const start = Date.parse("2026-11-24T03:04:57Z");
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: start });
  logged = {
    warn: vi.spyOn(console, "warn").mockReturnValue(),
    error: vi.spyOn(console, "error").mockReturnValue(),
  };
  background = [];
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function wait(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000);
}

/** A user that no other test has: the directory remembers users for an isolate. */
function newSigner({ fingerprint } = key): ApiKeyId {
  return { tenancyOcid: newTenancyOcid(), userOcid: newUserOcid(), fingerprint };
}

const answer = <T>(value: T): OciAnswer<T> => ({ kind: "answer", value });
const notFound = { kind: "not-found", failure: { status: 404, why: "OCI says 404" } } as const;
const unavailable = { kind: "unavailable", failure: { status: 503, why: "OCI says 503" } } as const;

function userOf({ tenancyOcid, userOcid }: ApiKeyId, about: Partial<OciUser> = {}): OciUser {
  return { id: userOcid, compartmentId: tenancyOcid, name: "alice", lifecycleState: "ACTIVE", ...about };
}

function apiKeyOf(
  { userOcid }: ApiKeyId,
  { publicPem, fingerprint } = key,
  about: Partial<OciApiKey> = {},
): OciApiKey {
  return { keyValue: publicPem, fingerprint, userId: userOcid, lifecycleState: "ACTIVE", ...about };
}

interface Says {
  user?: OciAnswer<OciUser>;
  keys?: OciAnswer<OciApiKey[]>;
}

/** OCI as it answers about one user, and how often it was asked. */
function ociOf(signer: ApiKeyId, says: Says = {}) {
  let said = says;
  const getUser = vi.fn(async () => said.user ?? answer(userOf(signer)));
  const listApiKeys = vi.fn(async () => said.keys ?? answer([apiKeyOf(signer)]));
  return {
    open: async () => ({ getUser, listApiKeys }) as unknown as IdentityClient,
    getUser,
    listApiKeys,
    says: (now: Says) => {
      said = now;
    },
    questions: () => [getUser.mock.calls.length, listApiKeys.mock.calls.length],
  };
}
type Oci = ReturnType<typeof ociOf>;

const ociDown = { user: unavailable, keys: unavailable } as const;

function directoryWith({
  kv = env.DIRECTORY,
  ownBudget = budget,
  ...settings
}: Partial<typeof limits> & { kv?: KVNamespace; ownBudget?: LookupBudget } = {}): UserDirectory {
  const access = { kv, background: { waitUntil }, timings: new Timings() };
  return new UserDirectory(access, { ...limits, ...settings }, ownBudget);
}

/** One login's question of the directory. What it leaves to the background is not waited for. */
async function ask(
  signer: ApiKeyId,
  { open }: Pick<Oci, "open">,
  {
    kv = env.DIRECTORY,
    prove = proved,
    ...settings
  }: Partial<typeof limits> & { kv?: KVNamespace; prove?: KeyProof } = {},
): Promise<Resolution> {
  const directory = directoryWith({ kv, ...settings });
  const cached = await directory.read(signer, Date.now());
  return directory.resolve(signer, cached, prove, open, Date.now());
}

async function resolve(...question: Parameters<typeof ask>): Promise<Resolution> {
  const resolution = await ask(...question);
  await Promise.all(background);
  return resolution;
}

function entryOf(signer: ApiKeyId, about: Partial<UserEntry> = {}): UserEntry {
  return {
    version: 1,
    tenancyOcid: signer.tenancyOcid,
    userOcid: signer.userOcid,
    name: "alice",
    lifecycleState: "ACTIVE",
    keys: [
      {
        userId: signer.userOcid,
        fingerprint: key.fingerprint,
        lifecycleState: "ACTIVE",
        publicKey: base64(key.spki),
      },
    ],
    fetchedAt: Date.now(),
    ...about,
  };
}

const kvKey = ({ tenancyOcid, userOcid }: ApiKeyId) => `${tenancyOcid}/${userOcid}`;
const stored = (signer: ApiKeyId) => env.DIRECTORY.get(kvKey(signer));
const store = (signer: ApiKeyId, entry: unknown) =>
  env.DIRECTORY.put(kvKey(signer), typeof entry === "string" ? entry : JSON.stringify(entry));

/** A user whose entry was fetched so many seconds ago. */
async function knownSigner(secondsAgo: number): Promise<ApiKeyId> {
  const signer = newSigner();
  await store(signer, entryOf(signer, { fetchedAt: Date.now() - secondsAgo * 1000 }));
  return signer;
}

/** KV, with some of its calls replaced. */
function kvWith(replaced: Partial<Record<"get" | "put" | "delete", () => Promise<unknown>>>): KVNamespace {
  const { DIRECTORY } = env;
  return {
    get: DIRECTORY.get.bind(DIRECTORY),
    put: DIRECTORY.put.bind(DIRECTORY),
    delete: DIRECTORY.delete.bind(DIRECTORY),
    ...replaced,
  } as unknown as KVNamespace;
}
const kvDown = () => Promise.reject(new Error("KV is down"));

function found(source: "cache" | "oci" | "stale", { spki, fingerprint } = key) {
  return {
    kind: "found",
    username: "alice",
    key: expect.objectContaining({ fingerprint, publicKey: base64(spki) }),
    source,
  };
}
const refused = (reason: string) => ({ kind: "refused", reason });
const cannotTell = { kind: "unavailable" };

describe("a user who is not known yet", () => {
  it("is asked about with both calls side by side, once, and then known", async () => {
    const signer = newSigner();
    const oci = ociOf(signer);
    const steps: string[] = [];
    oci.getUser.mockImplementation(async () => {
      steps.push("asked for the user");
      await new Promise((resolve) => setTimeout(resolve, 1));
      steps.push("answered");
      return answer(userOf(signer));
    });
    oci.listApiKeys.mockImplementation(async () => {
      steps.push("asked for the keys");
      await new Promise((resolve) => setTimeout(resolve, 1));
      steps.push("answered");
      return answer([apiKeyOf(signer)]);
    });

    expect(await resolve(signer, oci)).toEqual(found("oci"));
    expect(steps).toEqual(["asked for the user", "asked for the keys", "answered", "answered"]);
    expect(oci.getUser.mock.calls).toEqual([[signer.userOcid]]);
    expect(oci.listApiKeys.mock.calls).toEqual([[signer.userOcid]]);

    wait(299);
    expect(await resolve(signer, oci)).toEqual(found("cache"));
    expect(oci.questions()).toEqual([1, 1]);
  });

  it("is asked about once by many logins at a time", async () => {
    const signer = newSigner();
    const oci = ociOf(signer);
    const kv = kvWith({ get: async () => null });
    const logins = await Promise.all(Array.from({ length: 50 }, () => ask(signer, oci, { kv })));
    expect(logins).toEqual(Array(50).fill(found("oci")));
    expect(oci.questions()).toEqual([1, 1]);
  });

  it("is answered for from this isolate while KV does not show the entry yet", async () => {
    const signer = newSigner();
    const oci = ociOf(signer);
    const kv = kvWith({ get: async () => null });
    await resolve(signer, oci, { kv });
    wait(59);
    expect(await resolve(signer, oci, { kv })).toEqual(found("cache"));
    expect(oci.questions()).toEqual([1, 1]);
  });

  it("keeps the domain that is in the name", async () => {
    const signer = newSigner();
    const oci = ociOf(signer, { user: answer(userOf(signer, { name: "domain/alice+1@example.com" })) });
    expect(await resolve(signer, oci)).toMatchObject({ username: "domain/alice+1@example.com" });
  });

  it.each([
    ["for the stale limit", { directoryTtlSeconds: 300, directoryStaleSeconds: 3600 }, 3600],
    [
      "for the time that it is fresh, where that is longer",
      { directoryTtlSeconds: 900, directoryStaleSeconds: 0 },
      900,
    ],
    ["for the minute that KV insists on", { directoryTtlSeconds: 1, directoryStaleSeconds: 1 }, 60],
  ])("is kept in KV %s", async (_, settings, expirationTtl) => {
    const signer = newSigner();
    const put = vi.spyOn(env.DIRECTORY, "put");
    await resolve(signer, ociOf(signer), settings);
    expect(put).toHaveBeenCalledExactlyOnceWith(kvKey(signer), expect.any(String), { expirationTtl });
    expect(await stored(signer)).not.toBeNull();
  });

  it("is not answered for by the user of the same OCID in another tenancy", async () => {
    const elsewhere = newSigner();
    const signer = { ...elsewhere, tenancyOcid: newTenancyOcid() };
    expect(await resolve(elsewhere, ociOf(elsewhere))).toEqual(found("oci"));
    await env.DIRECTORY.put(elsewhere.userOcid, JSON.stringify(entryOf(elsewhere)));
    await store(signer, entryOf(elsewhere));

    const oci = ociOf(elsewhere);
    expect(await resolve(signer, oci)).toEqual(refused("user-unknown"));
    expect(oci.questions()).toEqual([1, 1]);
    expect(await stored(signer)).toBeNull();
    expect(await resolve(elsewhere, ociOf(elsewhere, ociDown))).toEqual(found("cache"));
  });

  it("does not share a question with the user of the same OCID in another tenancy", async () => {
    const elsewhere = newSigner();
    const signer = { ...elsewhere, tenancyOcid: newTenancyOcid() };
    const oci = ociOf(elsewhere);
    expect(await Promise.all([resolve(elsewhere, oci), resolve(signer, oci)])).toEqual([
      found("oci"),
      refused("user-unknown"),
    ]);
    expect(oci.questions()).toEqual([2, 2]);
  });
});

describe("a cached entry counts as absent", () => {
  const [known] = entryOf(newSigner()).keys;
  it.each<[string, (signer: ApiKeyId) => unknown]>([
    ["if it is of another tenancy", (signer) => entryOf(signer, { tenancyOcid: newTenancyOcid() })],
    ["if it is of another user", (signer) => entryOf(signer, { userOcid: newUserOcid() })],
    ["if it is another user's altogether", () => entryOf(newSigner())],
    ["if it is of a later version", (signer) => ({ ...entryOf(signer), version: 2 })],
    ["if it is of no version", (signer) => ({ ...entryOf(signer), version: undefined })],
    [
      "if it says that the user is inactive",
      (signer) => ({ ...entryOf(signer), lifecycleState: "INACTIVE" }),
    ],
    [
      "if a key in it is another user's",
      (signer) => entryOf(signer, { keys: [{ ...known, userId: newUserOcid() }] as never }),
    ],
    [
      "if one key of two is another user's",
      (signer) => entryOf(signer, { keys: [...entryOf(signer).keys, ...entryOf(newSigner()).keys] }),
    ],
    ["if it does not say when it was fetched", (signer) => ({ ...entryOf(signer), fetchedAt: undefined })],
    ["if it has no name", (signer) => ({ ...entryOf(signer), name: undefined })],
    ["if its name is empty", (signer) => entryOf(signer, { name: "" })],
    ["if its name has 513 characters", (signer) => entryOf(signer, { name: "a".repeat(513) })],
    [
      "if it is from more than a minute ahead",
      (signer) => entryOf(signer, { fetchedAt: Date.now() + 60_001 }),
    ],
    ["if it has no list of keys", (signer) => ({ ...entryOf(signer), keys: undefined })],
    ["if it is cut short", (signer) => JSON.stringify(entryOf(signer)).slice(0, -1)],
    ["if it is not JSON", () => "<html>"],
    ["if it is null", () => "null"],
    ["if it is a list", (signer) => [entryOf(signer)]],
    ["if it is empty", () => ""],
  ])("%s", async (_, make) => {
    const signer = newSigner();
    await store(signer, make(signer));
    const down = ociOf(signer, ociDown);
    expect(await resolve(signer, down)).toEqual(cannotTell);
    expect(down.questions()).toEqual([1, 1]);
    expect(await resolve(signer, ociOf(signer))).toEqual(found("oci"));
    expect(JSON.parse((await stored(signer)) ?? "")).toEqual(entryOf(signer));
  });
});

describe("of a user's keys,", () => {
  it.each<[string, (signer: ApiKeyId) => OciApiKey]>([
    [
      "a key whose fingerprint is another's",
      (signer) => apiKeyOf(signer, { ...otherKey, fingerprint: ecKey.fingerprint }),
    ],
    ["a key of an elliptic curve", (signer) => apiKeyOf(signer, ecKey)],
    ["a key of 1024 bits", (signer) => apiKeyOf(signer, shortKey)],
    ["a key that is no PEM", (signer) => apiKeyOf(signer, otherKey, { keyValue: "ssh-rsa AAAA" })],
    ["a key of no content", (signer) => apiKeyOf(signer, otherKey, { keyValue: "" })],
    [
      "a key whose PEM is no key",
      (signer) => apiKeyOf(signer, otherKey, { keyValue: otherKey.publicPem.replace("MII", "AAA") }),
    ],
  ])("%s is left out and the others stay", async (_, make) => {
    const signer = newSigner();
    const leftOut = make(signer);
    const oci = ociOf(signer, { keys: answer([leftOut, apiKeyOf(signer)]) });
    expect(await resolve({ ...signer, fingerprint: leftOut.fingerprint }, oci)).toEqual(
      refused("key-unknown"),
    );
    expect(await resolve(signer, oci)).toEqual(found("cache"));
    expect(JSON.parse((await stored(signer)) ?? "")).toEqual(entryOf(signer));
  });

  it.each(["CREATING", "INACTIVE", "DELETING", "DELETED", "active", ""])(
    "one in the state '%s' verifies nothing",
    async (lifecycleState) => {
      const signer = newSigner();
      const oci = ociOf(signer, {
        keys: answer([apiKeyOf(signer, key, { lifecycleState }), apiKeyOf(signer, otherKey)]),
      });
      expect(await resolve(signer, oci)).toEqual(refused("key-unknown"));
      wait(29);
      expect(await resolve(signer, oci)).toEqual(refused("key-unknown"));
      expect(await resolve({ ...signer, fingerprint: otherKey.fingerprint }, oci)).toEqual(
        found("cache", otherKey),
      );
    },
  );

  it("none at all is an answer", async () => {
    const signer = newSigner();
    expect(await resolve(signer, ociOf(signer, { keys: answer([]) }))).toEqual(refused("key-unknown"));
  });

  it.each<[string, { publicKey: string; fingerprint: string }]>([
    ["with another key's fingerprint", { publicKey: base64(key.spki), fingerprint: otherKey.fingerprint }],
    ["of an elliptic curve", { publicKey: base64(ecKey.spki), fingerprint: ecKey.fingerprint }],
    ["of 1024 bits", { publicKey: base64(shortKey.spki), fingerprint: shortKey.fingerprint }],
    ["that is not base64", { publicKey: "*", fingerprint: key.fingerprint }],
  ])("one that is cached %s never verifies", async (_, cached) => {
    const signer = { ...newSigner(), fingerprint: cached.fingerprint };
    const keys = [{ ...cached, userId: signer.userOcid, lifecycleState: "ACTIVE" }];
    await store(signer, entryOf(signer, { keys }));
    const resolution = await resolve(signer, ociOf(signer));
    for (const algorithm of ["rsa-sha256", "rsa-pss-sha256"] as const) {
      const verifying =
        resolution.kind === "found" ? await verificationKey(resolution.key, algorithm) : undefined;
      expect(verifying).toBeUndefined();
    }
  });

  it("one becomes a key for the algorithm that is asked for and no other", async () => {
    const cached = { publicKey: base64(key.spki), fingerprint: key.fingerprint };
    expect(await verificationKey(cached, "rsa-sha256")).toMatchObject({
      algorithm: { name: "RSASSA-PKCS1-v1_5" },
    });
    expect(await verificationKey(cached, "rsa-pss-sha256")).toMatchObject({ algorithm: { name: "RSA-PSS" } });
  });
});

describe("a fresh entry", () => {
  it.each([-60, 0, 1, 299.999])("that is %f s old answers without a question", async (age) => {
    const signer = await knownSigner(age);
    const oci = ociOf(signer);
    expect(await resolve(signer, oci)).toEqual(found("cache"));
    expect(oci.questions()).toEqual([0, 0]);
  });

  it("without the fingerprint is fetched again, since the key may be new", async () => {
    const signer = await knownSigner(30);
    const oci = ociOf(signer, { keys: answer([apiKeyOf(signer), apiKeyOf(signer, otherKey)]) });
    const newKey = { ...signer, fingerprint: otherKey.fingerprint };
    expect(await resolve(newKey, oci)).toEqual(found("oci", otherKey));
    expect(await resolve(newKey, oci)).toEqual(found("cache", otherKey));
    expect(oci.questions()).toEqual([1, 1]);
  });

  it("without the fingerprint is fetched again at most once in 30 s", async () => {
    const signer = await knownSigner(100);
    const oci = ociOf(signer);
    const unknownKey = { ...signer, fingerprint: otherKey.fingerprint };
    for (const [pause, questions] of [
      [0, 1],
      [0, 1],
      [29.999, 1],
      [0.001, 2],
      [29, 2],
      [1, 3],
    ] as const) {
      wait(pause);
      expect(await resolve(unknownKey, oci)).toEqual(refused("key-unknown"));
      expect(oci.questions()).toEqual([questions, questions]);
    }
    expect(await resolve(signer, oci)).toEqual(found("cache"));
  });

  it("is fetched again at most once in 30 s for all the unknown fingerprints of a user", async () => {
    const signer = await knownSigner(100);
    const oci = ociOf(signer);
    const unknown = [otherKey, ecKey, shortKey].map(({ fingerprint }) => ({ ...signer, fingerprint }));
    expect(await Promise.all(unknown.map((keyId) => resolve(keyId, oci)))).toEqual(
      Array(3).fill(refused("key-unknown")),
    );
    expect(oci.questions()).toEqual([1, 1]);
  });

  it("without the fingerprint is not fetched again within 30 s where another location has just fetched it", async () => {
    const signer = await knownSigner(29);
    const oci = ociOf(signer);
    expect(await resolve({ ...signer, fingerprint: otherKey.fingerprint }, oci)).toEqual(
      refused("key-unknown"),
    );
    expect(oci.questions()).toEqual([0, 0]);
  });

  it("asks at most once in 30 s about an unknown fingerprint while OCI cannot be asked, and still answers", async () => {
    const signer = await knownSigner(100);
    const oci = ociOf(signer, ociDown);
    const unknownKey = { ...signer, fingerprint: otherKey.fingerprint };
    for (const questions of [1, 1, 1]) {
      expect(await resolve(unknownKey, oci)).toEqual(cannotTell);
      expect(oci.questions()).toEqual([questions, questions]);
      expect(await resolve(signer, oci)).toEqual(found("cache"));
      wait(10);
    }
    expect(await resolve(unknownKey, oci)).toEqual(cannotTell);
    expect(oci.questions()).toEqual([2, 2]);
  });

  it("gives way to OCI's word that the user is gone, which a question about another key brings", async () => {
    const signer = await knownSigner(100);
    const oci = ociOf(signer, { user: notFound });
    expect(await resolve({ ...signer, fingerprint: otherKey.fingerprint }, oci)).toEqual(
      refused("user-unknown"),
    );
    expect(await resolve(signer, oci)).toEqual(refused("user-unknown"));
  });

  it("does not exist where the directory is set to keep nothing fresh", async () => {
    const signer = await knownSigner(0);
    const oci = ociOf(signer);
    expect(await resolve(signer, oci, { directoryTtlSeconds: 0 })).toEqual(found("oci"));
    wait(1);
    expect(await resolve(signer, oci, { directoryTtlSeconds: 0 })).toEqual(found("oci"));
    expect(oci.questions()).toEqual([2, 2]);
  });
});

describe("a stale entry", () => {
  it("is fetched again before it answers", async () => {
    const signer = await knownSigner(300);
    const oci = ociOf(signer, { keys: answer([apiKeyOf(signer, otherKey)]) });
    expect(await resolve(signer, oci)).toEqual(refused("key-unknown"));
    expect(oci.questions()).toEqual([1, 1]);
    expect(await resolve({ ...signer, fingerprint: otherKey.fingerprint }, oci)).toEqual(
      found("cache", otherKey),
    );
  });

  const noAnswers: [string, (signer: ApiKeyId) => Oci | Pick<Oci, "open">][] = [
    ["OCI answers neither call", (signer) => ociOf(signer, ociDown)],
    ["Get User has no answer", (signer) => ociOf(signer, { user: unavailable })],
    ["List API Keys has no answer", (signer) => ociOf(signer, { keys: unavailable })],
    ["Get User tells of another user", (signer) => ociOf(signer, { user: answer(userOf(newSigner())) })],
    [
      "List API Keys tells of another user",
      (signer) => ociOf(signer, { keys: answer([apiKeyOf(signer), apiKeyOf(newSigner(), otherKey)]) }),
    ],
    [
      "the tenancy's credential cannot be opened",
      () => ({ open: () => Promise.reject(new TypeError("ENCRYPTION_KEYS has no key with kid 'one'")) }),
    ],
  ];
  it.each(noAnswers)("still answers until the stale limit, where %s", async (_, make) => {
    const signer = await knownSigner(3599);
    const oci = make(signer);
    expect(await resolve(signer, oci)).toEqual(found("stale"));
    expect(await resolve({ ...signer, fingerprint: otherKey.fingerprint }, oci)).toEqual(cannotTell);
    expect(await stored(signer)).not.toBeNull();
    wait(1);
    expect(await resolve(signer, oci)).toEqual(cannotTell);
  });

  it.each(noAnswers)("answers nobody past the stale limit, where %s", async (_, make) => {
    const signer = await knownSigner(3600);
    expect(await resolve(signer, make(signer))).toEqual(cannotTell);
  });

  it.each(noAnswers)("is needed: a user without one is not answered for, where %s", async (_, make) => {
    const signer = newSigner();
    expect(await resolve(signer, make(signer))).toEqual(cannotTell);
    expect(await stored(signer)).toBeNull();
  });

  it("answers for nobody where the directory is set to allow nothing stale", async () => {
    const signer = await knownSigner(300);
    expect(await resolve(signer, ociOf(signer, ociDown), { directoryStaleSeconds: 0 })).toEqual(cannotTell);
  });

  it("does not turn fresh because it answered", async () => {
    const signer = await knownSigner(400);
    const oci = ociOf(signer, ociDown);
    await resolve(signer, oci);
    oci.says({});
    wait(30);
    expect(await resolve(signer, oci)).toEqual(found("oci"));
  });

  it("is looked up only for whoever proves its key, and nothing is opened for anyone else", async () => {
    const signer = await knownSigner(400);
    const { questions, ...oci } = ociOf(signer);
    const open = vi.fn(oci.open);
    const prove = vi.fn<KeyProof>().mockRejectedValue(new Error("the signature does not verify"));
    for (let count = 0; count < 20; count++) {
      await expect(resolve(signer, { open }, { prove })).rejects.toThrow("the signature does not verify");
    }
    expect([open.mock.calls.length, ...questions()]).toEqual([0, 0, 0]);
    expect(prove.mock.calls).toEqual(Array(20).fill([found("stale").key]));
    prove.mockImplementation(async () => expect(open).not.toHaveBeenCalled());
    expect(await resolve(signer, { open }, { prove })).toEqual(found("oci"));
    expect(questions()).toEqual([1, 1]);
  });

  it("answers nobody who does not prove its key after OCI failed, either", async () => {
    const signer = await knownSigner(400);
    const oci = ociOf(signer, ociDown);
    expect(await resolve(signer, oci)).toEqual(found("stale"));
    const prove = () => Promise.reject(new Error("the signature does not verify"));
    await expect(resolve(signer, oci, { prove })).rejects.toThrow("the signature does not verify");
  });

  it("is the only one whose key has to be proved here: step 9 verifies the others", async () => {
    const prove = vi.fn<KeyProof>();
    const [fresh, unknown, stale] = [await knownSigner(100), newSigner(), await knownSigner(400)];
    const madeUp = { ...stale, fingerprint: otherKey.fingerprint };
    for (const signer of [fresh, unknown, madeUp]) await resolve(signer, ociOf(signer), { prove });
    expect(prove).not.toHaveBeenCalled();
  });

  it("answers for 30 s after a failure without a call to OCI", async () => {
    const signer = await knownSigner(400);
    const oci = ociOf(signer, ociDown);
    for (const [pause, questions] of [
      [0, 1],
      [0, 1],
      [29.999, 1],
      [0.001, 2],
      [29, 2],
      [1, 3],
    ] as const) {
      wait(pause);
      expect(await resolve(signer, oci)).toEqual(found("stale"));
      expect(oci.questions()).toEqual([questions, questions]);
    }
  });

  it("without the fingerprint is fetched again once in 30 s while OCI cannot be asked, and beyond that counted", async () => {
    const signer = await knownSigner(400);
    const oci = ociOf(signer, ociDown);
    const madeUp = [otherKey, ecKey, shortKey].map(({ fingerprint }) => ({ ...signer, fingerprint }));
    for (const questions of [1, 3]) {
      budget.mockClear().mockResolvedValue(false);
      const answers = [];
      for (const keyId of madeUp) answers.push(await resolve(keyId, oci));
      budget.mockResolvedValue(true);
      expect(answers).toEqual([cannotTell, { kind: "over-budget" }, { kind: "over-budget" }]);
      expect(budget).toHaveBeenCalledTimes(2);
      expect(oci.questions()).toEqual([questions, questions]);
      for (const _ of [1, 2]) expect(await resolve(signer, oci)).toEqual(found("stale"));
      expect(oci.questions()).toEqual([questions + 1, questions + 1]);
      wait(30);
    }
  });

  it("is not kept from the call that ends its key by the failure of one that a stranger had made", async () => {
    const signer = await knownSigner(400);
    const oci = ociOf(signer, ociDown);
    expect(await resolve({ ...signer, fingerprint: otherKey.fingerprint }, oci)).toEqual(cannotTell);
    oci.says({ keys: answer([]) });
    expect(await resolve(signer, oci)).toEqual(refused("key-unknown"));
  });

  it("without the fingerprint is fetched again though it is 1 s old, and that is counted", async () => {
    const signer = await knownSigner(1);
    const oci = ociOf(signer, { keys: answer([apiKeyOf(signer, otherKey)]) });
    budget.mockClear();
    const newKey = { ...signer, fingerprint: otherKey.fingerprint };
    expect(await resolve(newKey, oci, { directoryTtlSeconds: 0 })).toEqual(found("oci", otherKey));
    expect(budget).toHaveBeenCalledTimes(1);
  });
});

describe("OCI's definite answer", () => {
  const definite: [string, (signer: ApiKeyId) => Says, string][] = [
    ["404 to Get User", () => ({ user: notFound }), "user-unknown"],
    ["404 to List API Keys", () => ({ keys: notFound }), "user-unknown"],
    ["404 to both", () => ({ user: notFound, keys: notFound }), "user-unknown"],
    ["404 to Get User alone of two calls", () => ({ user: notFound, keys: unavailable }), "user-unknown"],
    [
      "404 to List API Keys alone of two calls",
      () => ({ user: unavailable, keys: notFound }),
      "user-unknown",
    ],
    ...(
      [
        ["that the user is of another tenancy", { compartmentId: newTenancyOcid() }, "user-unknown"],
        ["that the user is inactive", { lifecycleState: "INACTIVE" }, "user-inactive"],
        ["that the user is deleted", { lifecycleState: "DELETED" }, "user-inactive"],
        ["that the user is in a state that is new", { lifecycleState: "active" }, "user-inactive"],
        ["that the user may not use keys", { capabilities: { canUseApiKeys: false } }, "user-inactive"],
      ] as const
    ).flatMap(([what, about, reason]): typeof definite => [
      [what, (signer) => ({ user: answer(userOf(signer, about)) }), reason],
      [
        `${what}, alone of two calls`,
        (signer) => ({ user: answer(userOf(signer, about)), keys: unavailable }),
        reason,
      ],
    ]),
  ];

  it.each(definite)("%s refuses a user who is not known yet, and is not kept", async (_, make, reason) => {
    const signer = newSigner();
    const oci = ociOf(signer, make(signer));
    expect(await resolve(signer, oci)).toEqual(refused(reason));
    expect(await stored(signer)).toBeNull();
    oci.says({});
    expect(await resolve(signer, oci)).toEqual(found("oci"));
  });

  it.each(definite)("%s wins over a stale entry, and deletes it", async (_, make, reason) => {
    const signer = await knownSigner(400);
    const oci = ociOf(signer, make(signer));
    expect(await resolve(signer, oci)).toEqual(refused(reason));
    expect(await stored(signer)).toBeNull();
    oci.says(ociDown);
    expect(await resolve(signer, oci)).toEqual(cannotTell);
  });

  it.each([
    ["cannot delete it", () => kvWith({ delete: kvDown })],
    ["still shows it from its own cache", () => kvWith({ delete: async () => undefined })],
  ])(
    "wins over a stale entry also where KV %s, however often OCI cannot be asked after it",
    async (_, makeKv) => {
      const signer = await knownSigner(400);
      const oci = ociOf(signer, { user: notFound });
      const kv = makeKv();
      expect(await resolve(signer, oci, { kv })).toEqual(refused("user-unknown"));
      oci.says(ociDown);
      expect(await resolve(signer, oci, { kv })).toEqual(cannotTell);
      wait(59);
      expect(await resolve(signer, oci, { kv })).toEqual(cannotTell);
    },
  );

  it("about a key wins over the entry that KV still shows, however often OCI cannot be asked after it", async () => {
    const signer = await knownSigner(400);
    const oci = ociOf(signer, { keys: answer([]) });
    const settings = { kv: kvWith({ put: kvDown }), directoryTtlSeconds: 0 };
    expect(await resolve(signer, oci, settings)).toEqual(refused("key-unknown"));
    wait(1);
    oci.says(ociDown);
    expect(await resolve(signer, oci, settings)).toEqual(cannotTell);
    expect(await resolve(signer, oci, settings)).toEqual(cannotTell);
  });

  it("404 is logged as what it can mean: no such user, or no such policy", async () => {
    const signer = newSigner();
    await resolve(signer, ociOf(signer, { user: notFound }));
    expect(logged.warn).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/user is gone.*policy/));
  });
});

describe("a failure", () => {
  it("of OCI is not cached: the next login asks again", async () => {
    const signer = newSigner();
    const oci = ociOf(signer, ociDown);
    expect(await resolve(signer, oci)).toEqual(cannotTell);
    expect(await resolve(signer, oci)).toEqual(cannotTell);
    expect(oci.questions()).toEqual([2, 2]);
    oci.says({});
    expect(await resolve(signer, oci)).toEqual(found("oci"));
  });

  it("of OCI is logged", async () => {
    const signer = newSigner();
    await resolve(signer, ociOf(signer, ociDown));
    expect(logged.error).toHaveBeenCalledExactlyOnceWith(expect.stringContaining("OCI says 503"));
  });

  it.each([
    ["read", kvWith({ get: kvDown })],
    ["written", kvWith({ put: kvDown })],
    ["read or written", kvWith({ get: kvDown, put: kvDown, delete: kvDown })],
  ])("of KV, which cannot be %s, fails no login", async (_, kv) => {
    const signer = newSigner();
    const oci = ociOf(signer);
    expect(await resolve(signer, oci, { kv })).toEqual(found("oci"));
    expect(await resolve(signer, oci, { kv })).toEqual(found("cache"));
    expect(oci.questions()).toEqual([1, 1]);
    wait(301);
    expect(await resolve(signer, oci, { kv })).toEqual(found("oci"));
  });

  it("of KV to delete leaves OCI's word as it is", async () => {
    const signer = await knownSigner(400);
    const oci = ociOf(signer, { user: answer(userOf(signer, { lifecycleState: "INACTIVE" })) });
    expect(await resolve(signer, oci, { kv: kvWith({ delete: kvDown }) })).toEqual(refused("user-inactive"));
  });
});

describe("a question that takes its time", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"], now: start });
  });

  function slowOci(signer: ApiKeyId) {
    const oci = ociOf(signer);
    const { promise, resolve: answerNow } = Promise.withResolvers<OciAnswer<OciUser>>();
    oci.getUser.mockReturnValue(promise);
    return { ...oci, answerNow: () => answerNow(answer(userOf(signer))) };
  }

  /** A login that waits: what it got so far. */
  async function waiting(signer: ApiKeyId, oci: Oci): Promise<{ got?: Resolution }> {
    const login: { got?: Resolution } = {};
    const directory = directoryWith();
    const cached = await directory.read(signer, Date.now());
    void directory.resolve(signer, cached, proved, oci.open, Date.now()).then((got) => {
      login.got = got;
    });
    return login;
  }

  it("keeps a login waiting for 3 s, and answers the next one", async () => {
    const signer = newSigner();
    const oci = slowOci(signer);
    const login = await waiting(signer, oci);
    await vi.advanceTimersByTimeAsync(2999);
    expect(login).toEqual({});
    await vi.advanceTimersByTimeAsync(1);
    expect(login).toEqual({ got: cannotTell });

    oci.answerNow();
    await Promise.all(background);
    expect(await ask(signer, oci)).toEqual(found("cache"));
    expect(oci.questions()).toEqual([1, 1]);
    expect(await stored(signer)).not.toBeNull();
  });

  it("lets a stale entry answer after 3 s", async () => {
    const signer = await knownSigner(400);
    const login = await waiting(signer, slowOci(signer));
    await vi.advanceTimersByTimeAsync(3000);
    expect(login).toEqual({ got: found("stale") });
  });

  it("is joined by a later login, which has its own 3 s", async () => {
    const signer = newSigner();
    const oci = slowOci(signer);
    const first = await waiting(signer, oci);
    await vi.advanceTimersByTimeAsync(2000);
    const second = await waiting(signer, oci);
    await vi.advanceTimersByTimeAsync(1000);
    expect([first, second]).toEqual([{ got: cannotTell }, {}]);
    oci.answerNow();
    await vi.advanceTimersByTimeAsync(0);
    expect([first, second]).toEqual([{ got: cannotTell }, { got: found("oci") }]);
    expect(oci.questions()).toEqual([1, 1]);
  });

  it("is not joined once it is hopeless, and its late answer does not overwrite a newer one", async () => {
    const signer = newSigner();
    const hopeless = slowOci(signer);
    await waiting(signer, hopeless);
    await vi.advanceTimersByTimeAsync(3001);
    const gone = ociOf(signer, { user: notFound });
    expect(await ask(signer, gone)).toEqual(refused("user-unknown"));
    expect(gone.questions()).toEqual([1, 1]);
    hopeless.answerNow();
    await Promise.all(background);
    expect(await stored(signer)).toBeNull();
    expect(await ask(signer, ociOf(signer, ociDown))).toEqual(cannotTell);
  });

  it("does not bring back a user who was forgotten meanwhile", async () => {
    const signer = newSigner();
    const oci = slowOci(signer);
    await waiting(signer, oci);
    await directoryWith().forget(signer.tenancyOcid, signer.userOcid, Date.now());
    oci.answerNow();
    await Promise.all(background);
    expect(await stored(signer)).toBeNull();
    expect(await ask(signer, ociOf(signer, ociDown))).toEqual(cannotTell);
  });
});

describe("a cached key", () => {
  it("whose fingerprint is not its own is asked for again, though its entry is fresh", async () => {
    const signer = newSigner();
    const entry = entryOf(signer, { fetchedAt: Date.now() - 100_000 });
    const forged = entry.keys.map((each) => ({ ...each, publicKey: base64(newRsaKeyPair().spki) }));
    await store(signer, { ...entry, keys: forged });
    expect(await resolve(signer, ociOf(signer))).toEqual(found("oci"));
  });
});

describe("the budget for questions about unknown users and keys", () => {
  it("is the address's and then its tenancy's, and the tenancy's alone while KV cannot be read", async () => {
    const signer = newSigner();
    const counted: string[] = [];
    const binding = (name: string, left: number): RateLimit => ({
      limit: async ({ key }) => {
        counted.push(`${name} ${key}`);
        left -= 1;
        return { success: left >= 0 };
      },
    });
    const of = ([address, tenancy]: readonly [number, number]) =>
      lookupBudget(
        {
          ...env,
          ADDRESS_QUESTIONS: binding("address", address),
          TENANCY_QUESTIONS: binding("tenancy", tenancy),
        },
        "192.0.2.1",
      );
    const { tenancyOcid } = signer;
    const [address, tenancy] = [`address ${tenancyOcid} 192.0.2.1`, `tenancy ${tenancyOcid}`];
    for (const [allowed, cacheIsReadable, left, keys] of [
      [true, true, [1, 1], [address, tenancy]],
      [false, true, [0, 1], [address]],
      [false, true, [1, 0], [address, tenancy]],
      [true, false, [0, 1], [tenancy]],
      [false, false, [1, 0], [tenancy]],
    ] as const) {
      counted.length = 0;
      expect(await of(left)(tenancyOcid, cacheIsReadable)).toBe(allowed);
      expect(counted).toEqual(keys);
    }
  });

  it("is asked by tenancy, refuses without asking OCI, and is not remembered", async () => {
    const signer = newSigner();
    const oci = ociOf(signer);
    budget.mockClear().mockResolvedValue(false);
    const logins = await Promise.all(Array.from({ length: 20 }, () => ask(signer, oci)));
    budget.mockResolvedValue(true);
    expect(logins).toEqual(Array(20).fill({ kind: "over-budget" }));
    expect(new Set(budget.mock.calls.map((call) => call.join()))).toEqual(
      new Set([`${signer.tenancyOcid},true`]),
    );
    expect(oci.questions()).toEqual([0, 0]);
    await Promise.all(background);
    expect(await resolve(signer, oci)).toEqual(found("oci"));
  });

  it("does not hold back a user with an entry who joined the question of a request that saw none", async () => {
    const signer = await knownSigner(301);
    const oci = ociOf(signer);
    budget.mockClear().mockImplementation(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return false;
    });
    const kv = kvWith({ get: async () => null });
    const logins = await Promise.all([ask(signer, oci, { kv }), ask(signer, oci)]);
    budget.mockResolvedValue(true);
    expect(logins).toEqual([{ kind: "over-budget" }, found("oci")]);
    await Promise.all(background);
  });

  it("that one address has used up does not hold back another that joined its question", async () => {
    const signer = newSigner();
    const oci = ociOf(signer);
    const from = async (allowed: boolean) => {
      const ownBudget = async () => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return allowed;
      };
      const directory = directoryWith({ ownBudget });
      return directory.resolve(signer, "absent", proved, oci.open, Date.now());
    };
    const logins = await Promise.all([false, false, true, true, false].map(from));
    expect(logins.slice(0, 2)).toEqual([{ kind: "over-budget" }, { kind: "over-budget" }]);
    expect(logins.slice(2, 4)).toEqual([found("oci"), found("oci")]);
    expect(oci.questions()).toEqual([1, 1]);
    await Promise.all(background);
  });

  it("is told that KV cannot be read, when everyone is unknown", async () => {
    const signer = newSigner();
    budget.mockClear();
    expect(await resolve(signer, ociOf(signer), { kv: kvWith({ get: kvDown }) })).toEqual(found("oci"));
    expect(budget.mock.calls).toEqual([[signer.tenancyOcid, false]]);
  });

  it.each([
    ["stale", 301],
    ["past the stale limit", 3700],
    ["fresh, without the fingerprint", 100],
    ["stale, without the fingerprint", 301],
  ])("is not asked for a user with an entry that is %s", async (what, secondsAgo) => {
    const signer = await knownSigner(secondsAgo);
    const other = { ...signer, fingerprint: key.fingerprint.replace(/^../, "zz") };
    budget.mockClear().mockResolvedValue(false);
    await resolve(what.endsWith("fingerprint") ? other : signer, ociOf(signer));
    budget.mockResolvedValue(true);
    expect(budget.mock.calls).toEqual([]);
  });
});

describe("while OCI answers 429", () => {
  const throttled = { user: { ...unavailable, throttledSeconds: 20 } } as const;

  /** A tenancy whose credential OCI has just answered with 429. */
  async function throttledTenancy(says: Says = throttled) {
    const stranger = newSigner();
    expect(await resolve(stranger, ociOf(stranger, says))).toEqual(cannotTell);
    const { tenancyOcid } = stranger;
    return {
      newcomer: () => ({ ...newSigner(), tenancyOcid }),
      async known(secondsAgo: number): Promise<ApiKeyId> {
        const signer = { ...newSigner(), tenancyOcid };
        await store(signer, entryOf(signer, { fetchedAt: Date.now() - secondsAgo * 1000 }));
        return signer;
      },
    };
  }

  it.each([
    ["Get User", throttled],
    ["List API Keys", { keys: { ...unavailable, throttledSeconds: 20 } }],
    [
      "List API Keys, and Get User nothing usable",
      { ...ociDown, keys: { ...unavailable, throttledSeconds: 20 } },
    ],
  ] as [string, Says][])("to %s, unknown users wait as long as it says, uncounted", async (_, says) => {
    const { newcomer } = await throttledTenancy(says);
    const signer = newcomer();
    const oci = ociOf(signer);
    budget.mockClear();
    for (const pause of [0, 19.999]) {
      wait(pause);
      expect(await resolve(signer, oci)).toEqual(cannotTell);
    }
    expect([oci.questions(), budget.mock.calls]).toEqual([[0, 0], []]);
    wait(0.001);
    expect(await resolve(signer, oci)).toEqual(found("oci"));
  });

  it.each([
    ["fresh", 100],
    ["stale", 400],
  ])("a key that a %s entry does not have waits too", async (_, secondsAgo) => {
    const { known } = await throttledTenancy();
    const signer = await known(secondsAgo);
    const oci = ociOf(signer);
    const madeUp = { ...signer, fingerprint: otherKey.fingerprint };
    expect(await resolve(madeUp, oci)).toEqual(cannotTell);
    expect(oci.questions()).toEqual([0, 0]);
    wait(20);
    expect(await resolve(madeUp, oci)).toEqual(refused("key-unknown"));
    expect(oci.questions()).toEqual([1, 1]);
  });

  it("a stale entry is still fetched again for whoever proves its key: a revoked one ends", async () => {
    const { known } = await throttledTenancy();
    const signer = await known(400);
    const oci = ociOf(signer, { keys: answer([]) });
    expect(await resolve(signer, oci)).toEqual(refused("key-unknown"));
    expect(oci.questions()).toEqual([1, 1]);
  });

  it("a fresh entry answers, and other tenancies do not wait", async () => {
    const { known } = await throttledTenancy();
    const [signer, elsewhere] = [await known(100), newSigner()];
    expect(await resolve(signer, ociOf(signer))).toEqual(found("cache"));
    expect(await resolve(elsewhere, ociOf(elsewhere))).toEqual(found("oci"));
  });
});

describe("while KV cannot be read", () => {
  const unreadable = { kv: kvWith({ get: kvDown }) };

  it.each<[string, (signer: ApiKeyId) => Promise<unknown>]>([
    ["from KV", (signer) => store(signer, entryOf(signer))],
    ["from OCI, and cannot be written to KV", () => Promise.resolve()],
  ])("what this isolate had %s answers while it is fresh, and no longer", async (_, prepare) => {
    const signer = newSigner();
    await prepare(signer);
    await resolve(signer, ociOf(signer), { kv: kvWith({ put: kvDown }) });
    const oci = ociOf(signer);
    budget.mockClear();
    wait(299.999);
    expect(await resolve(signer, oci, unreadable)).toEqual(found("cache"));
    expect([oci.questions(), budget.mock.calls]).toEqual([[0, 0], []]);
    wait(0.001);
    oci.says(ociDown);
    expect(await resolve(signer, oci, unreadable)).toEqual(cannotTell);
  });

  it("OCI's answer answers for as long as one that KV has", async () => {
    const signer = newSigner();
    expect(await resolve(signer, ociOf(signer), unreadable)).toEqual(found("oci"));
    wait(299);
    expect(await resolve(signer, ociOf(signer, ociDown), unreadable)).toEqual(found("cache"));
  });

  it("a user whom OCI said to be gone stays gone, though KV showed the entry after that", async () => {
    const signer = await knownSigner(100);
    const lagging = kvWith({ delete: async () => undefined });
    const madeUp = { ...signer, fingerprint: otherKey.fingerprint };
    expect(await resolve(signer, ociOf(signer), { kv: lagging })).toEqual(found("cache"));
    expect(await resolve(madeUp, ociOf(signer, { user: notFound }), { kv: lagging })).toEqual(
      refused("user-unknown"),
    );
    expect(await resolve(signer, ociOf(signer, ociDown), { kv: lagging })).toEqual(cannotTell);
    wait(61);
    expect(await resolve(signer, ociOf(signer, ociDown), unreadable)).toEqual(cannotTell);
  });

  it("a user who is gone from KV, purged elsewhere, stays gone", async () => {
    const signer = await knownSigner(100);
    expect(await resolve(signer, ociOf(signer))).toEqual(found("cache"));
    await env.DIRECTORY.delete(kvKey(signer));
    wait(10);
    expect(await resolve(signer, ociOf(signer, ociDown))).toEqual(cannotTell);
    expect(await resolve(signer, ociOf(signer, ociDown), unreadable)).toEqual(cannotTell);
  });
});

describe("this isolate's own copy of an entry", () => {
  /** KV, and how often it was read. */
  function countedKv() {
    const get = vi.fn(env.DIRECTORY.get.bind(env.DIRECTORY) as () => Promise<unknown>);
    return { kv: kvWith({ get }), reads: () => get.mock.calls.length };
  }

  it("answers for ten seconds, and then KV is read again", async () => {
    const signer = await knownSigner(100);
    const { kv, reads } = countedKv();
    for (const seconds of [0, 5, 4.9]) {
      wait(seconds);
      expect(await resolve(signer, ociOf(signer), { kv })).toEqual(found("cache"));
    }
    expect(reads()).toBe(1);

    const unknown = { ...signer, fingerprint: otherKey.fingerprint };
    await store(signer, entryOf(signer, { keys: [], fetchedAt: Date.now() }));
    wait(0.1);
    expect(await resolve(unknown, ociOf(signer, ociDown), { kv })).toEqual(refused("key-unknown"));
    expect(await resolve(signer, ociOf(signer, ociDown), { kv })).toEqual(refused("key-unknown"));
    expect(reads()).toBe(2);
  });

  it("answers after OCI's answer too, without a read", async () => {
    const signer = newSigner();
    const { kv, reads } = countedKv();
    expect(await resolve(signer, ociOf(signer), { kv })).toEqual(found("oci"));
    expect(await resolve(signer, ociOf(signer), { kv })).toEqual(found("cache"));
    expect(reads()).toBe(1);
  });

  it("is no fresher than the entry", async () => {
    const signer = await knownSigner(295);
    const { kv, reads } = countedKv();
    const oci = ociOf(signer);
    expect(await resolve(signer, oci, { kv })).toEqual(found("cache"));
    wait(5);
    expect(await resolve(signer, oci, { kv })).toEqual(found("oci"));
    expect(oci.questions()).toEqual([1, 1]);
    expect(reads()).toBe(1);
  });

  it("is none of what is absent: that is read each time", async () => {
    const signer = newSigner();
    const { kv, reads } = countedKv();
    for (const read of [1, 2, 3]) {
      expect(await resolve(signer, ociOf(signer, ociDown), { kv })).toEqual(cannotTell);
      expect(reads()).toBe(read);
    }
  });

  it("is forgotten with the user", async () => {
    const signer = await knownSigner(100);
    expect(await resolve(signer, ociOf(signer))).toEqual(found("cache"));
    await directoryWith().forget(signer.tenancyOcid, signer.userOcid, Date.now());
    expect(await resolve(signer, ociOf(signer, ociDown))).toEqual(cannotTell);
  });
});

describe("forgetting a user", () => {
  const forget = (kv: KVNamespace, { tenancyOcid, userOcid }: ApiKeyId) =>
    directoryWith({ kv }).forget(tenancyOcid, userOcid, Date.now());

  it("makes KV and this isolate ask again", async () => {
    const signer = newSigner();
    const oci = ociOf(signer);
    await resolve(signer, oci);
    await forget(env.DIRECTORY, signer);
    expect(await stored(signer)).toBeNull();
    expect(await resolve(signer, oci)).toEqual(found("oci"));
    expect(oci.questions()).toEqual([2, 2]);
  });

  it("leaves other users known, the one of the same OCID in another tenancy too", async () => {
    const signer = newSigner();
    const elsewhere = { ...signer, tenancyOcid: newTenancyOcid() };
    await store(signer, entryOf(signer));
    await store(elsewhere, entryOf(elsewhere));
    await forget(env.DIRECTORY, signer);
    const oci = ociOf(elsewhere);
    expect(await resolve(elsewhere, oci)).toEqual(found("cache"));
    expect(oci.questions()).toEqual([0, 0]);
  });

  it("is not undone by a write in flight, which it waits for", async () => {
    const signer = newSigner();
    const order: string[] = [];
    const { promise: landing, resolve: land } = Promise.withResolvers<void>();
    const put = async () => {
      await landing;
      await store(signer, entryOf(signer));
      order.push("written");
    };
    const kv = kvWith({ put });
    expect(await ask(signer, ociOf(signer), { kv })).toEqual(found("oci"));
    await vi.waitUntil(() => background.length > 0);
    const forgotten = forget(kv, signer).then(() => order.push("forgotten"));
    await new Promise((resolve) => setTimeout(resolve, 20));
    land();
    await forgotten;
    expect(order).toEqual(["written", "forgotten"]);
    expect(await stored(signer)).toBeNull();
  });

  it("holds here whatever KV still shows, and whatever was read from it before", async () => {
    const signer = await knownSigner(100);
    const lagging = kvWith({ delete: async () => undefined });
    const directory = directoryWith({ kv: lagging });
    const before = await directory.read(signer, Date.now());
    await forget(lagging, signer);
    const down = ociOf(signer, ociDown);
    expect(await directory.resolve(signer, before, proved, down.open, Date.now())).toEqual(cannotTell);
    for (const kv of [lagging, kvWith({ get: kvDown })]) {
      expect(await resolve(signer, down, { kv })).toEqual(cannotTell);
    }
    wait(1);
    expect(await resolve(signer, ociOf(signer), { kv: lagging })).toEqual(found("oci"));
    expect(await resolve(signer, down, { kv: lagging })).toEqual(found("cache"));
  });

  it("says so if KV cannot", async () => {
    await expect(forget(kvWith({ delete: kvDown }), newSigner())).rejects.toThrow("KV is down");
  });
});
