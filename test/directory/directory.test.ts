import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, type Mock, vi } from "vitest";
import { Directory, type Resolution } from "../../src/directory/directory.ts";
import type { DirectoryEntry } from "../../src/directory/entry.ts";
import { verificationKey } from "../../src/directory/verification-keys.ts";
import type { IdentityClient, OciAnswer, OciApiKey, OciUser } from "../../src/oci/identity-client.ts";
import type { ApiKeyId } from "../../src/oci/key-id.ts";
import { base64, newEcKeyPair, newRsaKeyPair } from "../oci/key-pairs.ts";
import { newTenancyOcid, newUserOcid } from "../oci/ocids.ts";

const key = newRsaKeyPair();
const otherKey = newRsaKeyPair();
const ecKey = newEcKeyPair();
const shortKey = newRsaKeyPair(1024);

const limits = { directoryTtlSeconds: 300, directoryStaleSeconds: 3600 };

let background: Promise<unknown>[] = [];
const waitUntil = (promise: Promise<unknown>) => void background.push(promise);
const budget = vi.fn(async (_tenancyOcid: string) => true);

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

/** One login's question of the directory. What it leaves to the background is not waited for. */
async function ask(
  signer: ApiKeyId,
  { open }: Pick<Oci, "open">,
  { kv = env.DIRECTORY, ...settings }: Partial<typeof limits> & { kv?: KVNamespace } = {},
): Promise<Resolution> {
  const directory = new Directory(kv, { ...limits, ...settings }, { waitUntil }, budget);
  const cached = await directory.read(signer.tenancyOcid, signer.userOcid);
  return directory.resolve(signer, cached, open, Date.now());
}

async function resolve(...question: Parameters<typeof ask>): Promise<Resolution> {
  const resolution = await ask(...question);
  await Promise.all(background);
  return resolution;
}

function entryOf(signer: ApiKeyId, about: Partial<DirectoryEntry> = {}): DirectoryEntry {
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
  it.each([0, 1, 299.999])("that is %f s old answers without a question", async (age) => {
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
    expect(await resolve(signer, oci)).toEqual(found("oci"));
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
    const directory = new Directory(env.DIRECTORY, limits, { waitUntil }, budget);
    const cached = await directory.read(signer.tenancyOcid, signer.userOcid);
    void directory.resolve(signer, cached, oci.open, Date.now()).then((got) => {
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
    await new Directory(env.DIRECTORY, limits, { waitUntil }, budget).forget(
      signer.tenancyOcid,
      signer.userOcid,
    );
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
  it("is asked by tenancy, refuses without asking OCI, and is not remembered", async () => {
    const signer = newSigner();
    const oci = ociOf(signer);
    budget.mockClear().mockResolvedValue(false);
    const logins = await Promise.all(Array.from({ length: 20 }, () => ask(signer, oci)));
    budget.mockResolvedValue(true);
    expect(logins).toEqual(Array(20).fill({ kind: "over-budget" }));
    expect(new Set(budget.mock.calls.flat())).toEqual(new Set([signer.tenancyOcid]));
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
      const directory = new Directory(env.DIRECTORY, limits, { waitUntil }, ownBudget);
      return directory.resolve(signer, undefined, oci.open, Date.now());
    };
    const logins = await Promise.all([false, false, true, true, false].map(from));
    expect(logins.slice(0, 2)).toEqual([{ kind: "over-budget" }, { kind: "over-budget" }]);
    expect(logins.slice(2, 4)).toEqual([found("oci"), found("oci")]);
    expect(oci.questions()).toEqual([1, 1]);
    await Promise.all(background);
  });

  it("is asked for a stale entry without the fingerprint, which bounds what OCI is asked while it fails", async () => {
    const signer = await knownSigner(301);
    const oci = ociOf(signer, { user: unavailable });
    const madeUp = { ...signer, fingerprint: signer.fingerprint.replace(/^../, "zz") };
    budget.mockClear().mockResolvedValueOnce(true).mockResolvedValue(false);
    const logins = [await resolve(madeUp, oci), await resolve(madeUp, oci), await resolve(signer, oci)];
    budget.mockResolvedValue(true);
    expect(logins).toEqual([{ kind: "unavailable" }, { kind: "over-budget" }, found("stale")]);
    expect(oci.questions()).toEqual([2, 2]);
  });

  it.each([
    ["stale", 301],
    ["past the stale limit", 3700],
    ["fresh, without the fingerprint", 100],
  ])("is not asked for a user with an entry that is %s", async (what, secondsAgo) => {
    const signer = await knownSigner(secondsAgo);
    const other = { ...signer, fingerprint: key.fingerprint.replace(/^../, "zz") };
    budget.mockClear().mockResolvedValue(false);
    await resolve(what.startsWith("fresh") ? other : signer, ociOf(signer));
    budget.mockResolvedValue(true);
    expect(budget.mock.calls).toEqual([]);
  });
});

describe("forgetting a user", () => {
  const forget = (kv: KVNamespace, { tenancyOcid, userOcid }: ApiKeyId) =>
    new Directory(kv, limits, { waitUntil }, budget).forget(tenancyOcid, userOcid);

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

  it("says so if KV cannot", async () => {
    await expect(forget(kvWith({ delete: kvDown }), newSigner())).rejects.toThrow("KV is down");
  });
});
