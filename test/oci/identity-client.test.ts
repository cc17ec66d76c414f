import { afterEach, beforeEach, describe, expect, it, type Mock, vi } from "vitest";
import { IdentityClient } from "../../src/oci/identity-client.ts";
import { identityOrigin } from "../../src/oci/identity-host.ts";
import { parseApiKeyId } from "../../src/oci/key-id.ts";
import { importPublicKey } from "../../src/oci/public-key.ts";
import { parseRequestSignature } from "../../src/oci/request-signature.ts";
import { ociTimeoutMilliseconds } from "../../src/oci/signed-call.ts";
import { signingString } from "../../src/oci/signing-string.ts";
import { verifySignature } from "../../src/oci/verify.ts";
import { newRsaKeyPair } from "./key-pairs.ts";
import { newTenancyOcid, newUserOcid } from "./ocids.ts";
import { accepted } from "./parsed-values.ts";

const key = newRsaKeyPair();
const tenancyOcid = newTenancyOcid();
const userOcid = newUserOcid();
const keyId = { tenancyOcid, userOcid: newUserOcid(), fingerprint: key.fingerprint };
const origin = identityOrigin(tenancyOcid, "eu-frankfurt-1");
const client = new IdentityClient(origin, { keyId, pkcs8: key.pkcs8 });

const user = { id: userOcid, compartmentId: tenancyOcid, name: "alice", lifecycleState: "ACTIVE" };
const apiKey = {
  keyValue: key.publicPem,
  fingerprint: key.fingerprint,
  userId: userOcid,
  lifecycleState: "ACTIVE",
};
const notFound = {
  code: "NotAuthorizedOrNotFound",
  message: "Authorization failed or requested resource not found",
};

let fetched: Mock<typeof fetch>;
beforeEach(() => {
  fetched = vi.spyOn(globalThis, "fetch");
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function ociAnswers(
  status: number,
  body: BodyInit | object | null,
  headers: Record<string, string> = {},
): void {
  const isBody = typeof body === "string" || body instanceof ReadableStream || body === null;
  fetched.mockResolvedValue(new Response(isBody ? body : JSON.stringify(body), { status, headers }));
}

describe("calls", () => {
  it.each([
    ["Get User", () => client.getUser(userOcid), `/20160918/users/${userOcid}`],
    ["List API Keys", () => client.listApiKeys(userOcid), `/20160918/users/${userOcid}/apiKeys`],
    [
      "List Users",
      () => client.listUsers(tenancyOcid, 2),
      `/20160918/users?compartmentId=${tenancyOcid}&limit=2`,
    ],
  ] as const)(
    "%s of the origin that it was given, once, signed with the credential's key",
    async (_, call, path) => {
      const date = "Tue, 24 Nov 2026 03:04:57 GMT";
      vi.setSystemTime(date);
      ociAnswers(200, []);
      await call();

      expect(fetched).toHaveBeenCalledTimes(1);
      const [url, init] = fetched.mock.calls[0] ?? [];
      expect(String(url)).toBe(`https://identity.eu-frankfurt-1.oci.oraclecloud.com${path}`);
      expect(init?.method ?? "GET").toBe("GET");
      expect(init?.redirect).toBe("manual");

      const headers = new Headers(init?.headers);
      expect(headers.get("x-date")).toBe(date);
      const signature = accepted(parseRequestSignature(headers.get("authorization") ?? ""));
      expect(accepted(parseApiKeyId(signature.keyId))).toEqual(keyId);
      const values = {
        "(request-target)": `get ${path}`,
        host: "identity.eu-frankfurt-1.oci.oraclecloud.com",
        "x-date": date,
        date: "",
      };
      expect(signature.headers.toSorted()).toEqual(["(request-target)", "host", "x-date"]);
      const signed = signingString(signature.headers.map((name) => [name, values[name]] as const));
      const publicKey = accepted(await importPublicKey(key.spki, signature.algorithm));
      expect(await verifySignature(publicKey, signature.algorithm, signature.signature, signed)).toBe(true);
    },
  );

  it("nothing, if the credential cannot sign", async () => {
    const broken = new IdentityClient(origin, { keyId, pkcs8: key.pkcs8.slice(0, 100) });
    expect(await broken.getUser(userOcid)).toMatchObject({ kind: "unavailable" });
    expect(fetched).not.toHaveBeenCalled();
  });
});

describe("treats as an answer", () => {
  it.each([
    ["with only the required fields", {}],
    ["that may use API keys", { capabilities: { canUseApiKeys: true } }],
    ["that may not use API keys", { capabilities: { canUseApiKeys: false } }],
    ["with capabilities that are null", { capabilities: { canUseApiKeys: null } }],
    ["without capabilities", { capabilities: null }],
    ["of an identity domain", { name: "domain/alice+1@example.com" }],
    ["in another state", { lifecycleState: "INACTIVE" }],
    ["whose name has 512 characters", { name: "é".repeat(512) }],
  ])("a user %s", async (_, more) => {
    ociAnswers(200, { ...user, ...more });
    expect(await client.getUser(userOcid)).toEqual({ kind: "answer", value: { ...user, ...more } });
  });

  it("a user with fields that it does not know, and keeps none of them", async () => {
    ociAnswers(200, { ...user, description: "", inactiveStatus: null, freeformTags: { a: "b" } });
    expect(await client.getUser(userOcid)).toEqual({ kind: "answer", value: user });
  });

  it("a list of API keys", async () => {
    ociAnswers(200, [{ ...apiKey, keyId: "a/b/c", timeCreated: "2026-11-24T03:04:57Z" }, apiKey]);
    expect(await client.listApiKeys(userOcid)).toEqual({ kind: "answer", value: [apiKey, apiKey] });
  });

  it("an empty list of API keys", async () => {
    ociAnswers(200, []);
    expect(await client.listApiKeys(userOcid)).toEqual({ kind: "answer", value: [] });
  });

  it("a list of users, of which it keeps only the ids, whatever the names", async () => {
    ociAnswers(200, [user, { ...user, name: "a".repeat(513) }]);
    const listed = { id: userOcid };
    expect(await client.listUsers(tenancyOcid, 2)).toEqual({ kind: "answer", value: [listed, listed] });
  });

  it("a body of exactly 256 KiB", async () => {
    ociAnswers(200, JSON.stringify(user).padEnd(256 * 1024));
    expect(await client.getUser(userOcid)).toEqual({ kind: "answer", value: user });
  });

  it("a body with a character split between two chunks", async () => {
    const bytes = new TextEncoder().encode(JSON.stringify({ ...user, name: "zoë" }));
    const body = new ReadableStream({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    ociAnswers(200, body);
    expect(await client.getUser(userOcid)).toEqual({ kind: "answer", value: { ...user, name: "zoë" } });
  });
});

describe("treats as a definite 'no such user'", () => {
  it.each([
    ["Get User", () => client.getUser(userOcid)],
    ["List API Keys", () => client.listApiKeys(userOcid)],
  ] as const)("a 404 to %s that says so in OCI's words", async (_, call) => {
    ociAnswers(404, notFound, { "opc-request-id": "ABC/DEF" });
    expect(await call()).toMatchObject({
      kind: "not-found",
      failure: { status: 404, ...notFound, opcRequestId: "ABC/DEF" },
    });
  });
});

describe("treats as no answer", () => {
  const html = "<html><body>Not Found</body></html>";
  it.each<[string, number, object | string | null]>([
    ["a 404 that is not OCI's", 404, html],
    ["a 404 without a body", 404, null],
    ["a 404 with other JSON", 404, { error: "NotFound" }],
    ["a 404 with a list", 404, [notFound]],
    ["a 404 with a code that is not text", 404, { ...notFound, code: 404 }],
    ["a 400", 400, { code: "InvalidParameter", message: "Invalid" }],
    ["a 401 to us", 401, { code: "NotAuthenticated", message: "Failed to authenticate" }],
    ["a 401 with a 404's body", 401, notFound],
    ["a 403 to us", 403, { code: "NotAllowed", message: "Not allowed" }],
    ["a 403 that has a user in it", 403, user],
    ["a 409", 409, { code: "Conflict", message: "Conflict" }],
    ["a 429", 429, { code: "TooManyRequests", message: "Too many requests" }],
    ["a 500", 500, { code: "InternalServerError", message: "Internal error" }],
    ["a 500 that has a user in it", 500, user],
    ["a 502 in HTML", 502, html],
    ["a 503", 503, { code: "ServiceUnavailable", message: "Unavailable" }],
    ["a 503 with a 404's body", 503, notFound],
    ["a 201", 201, user],
    ["a 204", 204, null],
    ["a 200 in HTML", 200, html],
    ["a 200 without a body", 200, null],
    ["a 200 with truncated JSON", 200, JSON.stringify(user).slice(0, -1)],
    ["a 200 with two JSON values", 200, `${JSON.stringify(user)}{}`],
    ["a 200 with null", 200, "null"],
    ["a 200 with a list for a user", 200, [user]],
    ["a 200 with an error's body", 200, notFound],
    ["a user without an id", 200, { ...user, id: undefined }],
    ["a user without a compartment", 200, { ...user, compartmentId: undefined }],
    ["a user without a name", 200, { ...user, name: undefined }],
    ["a user with an empty name", 200, { ...user, name: "" }],
    ["a user whose name has 513 characters", 200, { ...user, name: "a".repeat(513) }],
    ["a user without a state", 200, { ...user, lifecycleState: undefined }],
    ["a user with a number for an id", 200, { ...user, id: 1 }],
    ["a user with text for a capability", 200, { ...user, capabilities: { canUseApiKeys: "false" } }],
  ])("%s", async (_, status, body) => {
    ociAnswers(status, body);
    expect(await client.getUser(userOcid)).toMatchObject({ kind: "unavailable", failure: { status } });
  });

  it.each<[string, object | string]>([
    ["a user for a list", user],
    ["a list of one key and something else", [apiKey, null]],
    ["a key without its text", [{ ...apiKey, keyValue: undefined }]],
    ["a key without a fingerprint", [{ ...apiKey, fingerprint: undefined }]],
    ["a key without its user", [{ ...apiKey, userId: undefined }]],
    ["a key without a state", [{ ...apiKey, lifecycleState: undefined }]],
    ["more keys than a user can have", Array(101).fill({ ...apiKey, keyValue: "" })],
  ])("%s, in a list of API keys", async (_, body) => {
    ociAnswers(200, body);
    expect(await client.listApiKeys(userOcid)).toMatchObject({ kind: "unavailable" });
  });

  it.each([301, 302, 303, 307, 308])("a redirect (%i), which it does not follow", async (status) => {
    ociAnswers(status, user, { location: "https://evil.example.com/" });
    expect(await client.getUser(userOcid)).toMatchObject({ kind: "unavailable", failure: { status } });
    expect(fetched).toHaveBeenCalledTimes(1);
  });

  it("a body that is one byte over 256 KiB", async () => {
    ociAnswers(200, JSON.stringify(user).padEnd(256 * 1024 + 1));
    expect(await client.getUser(userOcid)).toMatchObject({ kind: "unavailable" });
  });

  it("an endless body, which it stops reading", async () => {
    const cancelled = vi.fn();
    const body = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)),
      cancel: cancelled,
    });
    ociAnswers(200, body);
    expect(await client.getUser(userOcid)).toMatchObject({ kind: "unavailable" });
    expect(cancelled).toHaveBeenCalledTimes(1);
  });

  it.each([
    ["a connection that fails", () => Promise.reject(new Error("Network connection lost."))],
    ["a failure that is not an Error", () => Promise.reject("lost")],
    [
      "a connection that fails in the middle of the body",
      async () =>
        new Response(
          new ReadableStream({ start: (controller) => controller.error(new Error("Connection reset")) }),
        ),
    ],
  ])("%s", async (_, answer) => {
    fetched.mockImplementation(answer);
    const failed = await client.getUser(userOcid);
    expect(failed).toMatchObject({ kind: "unavailable" });
    expect(failed).not.toHaveProperty("failure.status");
  });

  it.each([
    ["does not say", undefined, 5],
    ["says a time", "17", 17],
    ["says a time, with space around it", " 17 ", 17],
    ["says zero", "0", 1],
    ["says a minute", "60", 60],
    ["says more than a minute", "61", 60],
    ["says more than a number holds", "9".repeat(400), 60],
    ["says a date", "Tue, 24 Nov 2026 03:05:00 GMT", 3],
    ["says a date in the past", "Tue, 24 Nov 2026 03:04:00 GMT", 1],
    ["says a date in the far future", "Wed, 25 Nov 2026 03:04:57 GMT", 60],
    ["says a negative time", "-1", 5],
    ["says a fraction", "1.5", 5],
    ["says nothing", "", 5],
    ["says something else", "soon", 5],
  ])("a 429, and if Retry-After %s, makes no call for that long", async (_, retryAfter, throttledSeconds) => {
    vi.setSystemTime("2026-11-24T03:04:57Z");
    ociAnswers(429, notFound, retryAfter === undefined ? {} : { "retry-after": retryAfter });
    expect(await client.getUser(userOcid)).toMatchObject({ kind: "unavailable", throttledSeconds });
  });

  it("a 503 with a Retry-After, and does not treat it as a 429", async () => {
    ociAnswers(503, {}, { "retry-after": "17" });
    expect(await client.getUser(userOcid)).not.toHaveProperty("throttledSeconds");
  });

  it("an error answer, whose text it keeps for the log", async () => {
    const said = { code: "TooManyRequests", message: "Too many requests" };
    ociAnswers(429, said, { "opc-request-id": "ABC/DEF" });
    expect(await client.getUser(userOcid)).toMatchObject({
      failure: { status: 429, ...said, opcRequestId: "ABC/DEF", why: "OCI says 429" },
    });
  });
});

describe("times out after 3 s", () => {
  let deadline: AbortController;
  beforeEach(() => {
    deadline = new AbortController();
    vi.spyOn(AbortSignal, "timeout").mockReturnValue(deadline.signal);
  });
  const expire = () => deadline.abort(new DOMException("The operation timed out", "TimeoutError"));

  /** Rejects as the runtime's own fetch does. */
  const whenAborted = (signal: AbortSignal | null | undefined) =>
    new Promise<never>((_, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason));
    });

  it("without an answer", async () => {
    fetched.mockImplementation((_, init) => whenAborted(init?.signal));
    const answer = client.getUser(userOcid);
    await vi.waitUntil(() => fetched.mock.calls.length > 0);
    expire();
    expect(await answer).toMatchObject({
      kind: "unavailable",
      failure: { why: expect.stringContaining("Timeout") },
    });
    expect(AbortSignal.timeout).toHaveBeenCalledExactlyOnceWith(3000);
    expect(ociTimeoutMilliseconds).toBe(3000);
  });

  it("with half an answer", async () => {
    const reading = vi.fn();
    fetched.mockImplementation(async (_, init) => {
      const body = new ReadableStream({
        async pull(controller) {
          reading();
          if (reading.mock.calls.length === 1) controller.enqueue(new TextEncoder().encode('{"id":'));
          else await whenAborted(init?.signal);
        },
      });
      return new Response(body);
    });
    const answer = client.getUser(userOcid);
    await vi.waitUntil(() => reading.mock.calls.length > 1);
    expire();
    expect(await answer).toMatchObject({
      kind: "unavailable",
      failure: { why: expect.stringContaining("Timeout") },
    });
  });
});
