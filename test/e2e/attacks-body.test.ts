/** Attacks on a login that are not about its signature: what its body means, and the way by which it comes. */
import { gzipSync } from "node:zlib";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectRefusal, type RawRequest, sendRaw } from "./attack.ts";
import { type AttackedLogin, json, loginPath, startAttackedLogin } from "./attacked-login.ts";
import { addUser } from "./oci-users.ts";
import { newRsaKey } from "./rsa-keys.ts";
import { signAsGo } from "./signers.ts";
import { type Answer, issuer } from "./worker.ts";

let attacked: AttackedLogin;
beforeAll(async () => {
  attacked = await startAttackedLogin();
});
afterAll(() => attacked.worker.close());

const login = (overrides: Record<string, unknown>) => () => attacked.worker.login(attacked.bodyOf(overrides));
const post = (body: string | Uint8Array, headers?: RawRequest["headers"]) => () =>
  attacked.post(body, headers);
const raw = (request: RawRequest) => (): Promise<Answer> => sendRaw(attacked.worker, request);
const validText = () => JSON.stringify(attacked.bodyOf());

/** A login as JSON, with more before or after what it has. */
function around(before: string, after: string, body: object = attacked.bodyOf()): string {
  const own = JSON.stringify(body).slice(1, -1);
  return `{${[before, own, after].filter((part) => part !== "").join(",")}}`;
}

describe("what is named is not found:", () => {
  const ids: [what: string, rewrite: (id: string) => string][] = [
    ["an id with a newline in it", (id) => id.replace("-", "-\n")],
    ["an id with NUL", (id) => `${id}\u0000`],
    ["an id with a zero-width space", (id) => `${id}\u200b`],
    ["an id in braces", (id) => `{${id}}`],
    ["an id as a URN", (id) => `urn:uuid:${id}`],
    ["an id without hyphens", (id) => id.replaceAll("-", "")],
    [
      "an id in full width",
      (id) => id.replace(/[a-f]/, (letter) => String.fromCharCode(letter.charCodeAt(0) + 0xfee0)),
    ],
    ["an id after a path", (id) => `x/../${id}`],
    ["an id as a pattern", (id) => `${id.slice(0, 35)}%`],
    ["an id as SQL", (id) => `${id}' OR '1'='1`],
    ["__proto__", () => "__proto__"],
  ];
  it.each(ids)("%s", async (_, rewrite) => {
    const identityId = rewrite(attacked.identityId);
    await attacked.expectRefusedEarly(login({ identityId }), 404, /^OCI auth method not found for identity/);
  });

  const slugs = ["team\u0000", "te am", "te\nam", "te_m", "t%", "%", "\uff54eam"];
  it.each([...slugs, "te\u200bam", "\ud800", "__proto__", "team' or '1'='1", "foreign"])(
    "the slug %j",
    async (organizationSlug) => {
      const message = `Sub organization with slug ${organizationSlug} not found`;
      await attacked.expectRefusedLate(login({ organizationSlug }), 404, message);
    },
  );
});

describe("a body has one meaning:", () => {
  it("the last of two equal keys counts, in every step", async () => {
    const { alice, mallory } = attacked;
    const inside = (value: object) => JSON.stringify(value).slice(1, -1);
    const another = { userOcid: mallory.userOcid, headers: signAsGo(mallory) };
    await attacked.expectLogin(around(`"identityId":"x",${inside(another)}`, ""));
    await attacked.expectLogin(around(`"headers":{"__proto__":1},"userOcid":[]`, ""));

    const notTheSigner = /the user in keyId is not userOcid/;
    const refusals: [after: string, status: number, message: string | RegExp][] = [
      [inside({ userOcid: mallory.userOcid }), 401, notTheSigner],
      [inside({ headers: signAsGo(mallory) }), 401, notTheSigner],
      [inside({ identityId: "x" }), 404, /OCI auth method not found/],
      ['"\\u0069dentityId":"x"', 404, /OCI auth method not found/],
      [inside({ headers: { host: alice.userOcid } }), 422, /authorization/],
      [inside({ headers: { ...signAsGo(alice), host: "x" } }), 400, /^host 'x'/],
    ];
    for (const [after, ...refusal] of refusals) {
      await attacked.expectRefusedEarly(post(around("", after)), ...refusal);
    }
    const notAllowed = "Access denied: OCI account username not allowed.";
    await attacked.expectRefusedLate(post(around("", inside(another))), 401, notAllowed);
    const slugs = around('"organizationSlug":"team"', '"organizationSlug":"foreign"');
    await attacked.expectRefusedLate(post(slugs), 404, "Sub organization with slug foreign not found");
  });

  it("the same with a byte order mark, with escapes, and under the name of another charset", async () => {
    await attacked.expectLogin(`\ufeff${validText()}`);
    await attacked.expectLogin(validText().replace("ocid1", "\\u006fcid1"));
    await attacked.expectLogin(validText(), [["content-type", "application/json; charset=utf-16"]]);
  });

  const names = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "", "identityid"];
  it.each([
    ...names,
    "identityId ",
    "identityId\u0000",
    "\uff49dentityId",
    "allowedUsernames",
    "tenancyOcid",
  ])("422 for the key %j, in it or in its headers", async (name) => {
    const entry = `${JSON.stringify(name)}:{"authorization":"x","identityId":"x"}`;
    const { headers } = attacked.bodyOf();
    const inHeaders = `"headers":${around("", entry, headers)}`;
    for (const body of [around("", entry), around(entry, ""), around("", inHeaders)]) {
      await attacked.expectRefusedEarly(post(body), 422, /"code":"unrecognized_keys"/);
    }
  });

  it.each(["__proto__", "constructor", "prototype"])(
    "422 where all that is required is in %s",
    async (name) => {
      const { headers } = attacked.bodyOf();
      const inHeaders = `"headers":{"${name}":${JSON.stringify(headers)}}`;
      await attacked.expectRefusedEarly(post(`{"${name}":${validText()}}`), 422, /identityId/);
      await attacked.expectRefusedEarly(post(around("", inHeaders)), 422, /authorization/);
    },
  );

  it.each([
    "1e999",
    "-1e999",
    "-0",
    "1e-999",
    "12345678901234567890123456789012345678901234567890",
    "true",
    "null",
    "[]",
    "{}",
    '["x"]',
    '{"length":1,"toString":"x"}',
    `${"[".repeat(5000)}${"]".repeat(5000)}`,
    `${'{"a":'.repeat(2000)}1${"}".repeat(2000)}`,
  ])("422 for %s in the place of any string", async (value) => {
    const valid = attacked.bodyOf({ organizationSlug: "team" });
    await attacked.watch.unchanged(async () => {
      for (const name of ["identityId", "userOcid", "headers", "organizationSlug"]) {
        expectRefusal(await attacked.post(around("", `"${name}":${value}`, valid)), 422, new RegExp(name));
      }
      for (const name of ["authorization", "host", "date", "x-date"]) {
        const headers = around("", `"${name}":${value}`, valid.headers);
        expectRefusal(await attacked.post(around("", `"headers":${headers}`, valid)), 422, new RegExp(name));
      }
    });
  });

  it.each(["\\ud800", "\\udfff", "\\ud800\\ud800", "\\u0000", "\\ufffe"])(
    "no value takes %s",
    async (escaped) => {
      const { headers } = attacked.bodyOf();
      const rows: [value: string, status: number, message: RegExp][] = [
        [attacked.identityId, 404, /^OCI auth method not found/],
        [`"userOcid":"${attacked.alice.userOcid}`, 400, /^userOcid: /],
        ["Signature", 400, /^authorization: /],
        [`"host":"${headers.host}`, 400, /^host /],
        [`"date":"${headers.date}`, 400, /^date /],
      ];
      for (const [value, ...refusal] of rows) {
        const body = JSON.stringify(attacked.bodyOf({ headers })).replace(value, `${value}${escaped}`);
        await attacked.expectRefusedEarly(post(body), ...refusal);
      }
    },
  );

  it("bytes that are no UTF-8 do not stand for what they were once read as", async () => {
    const text = Buffer.from(validText());
    const at = text.indexOf("ocid1.user");
    // An "o" in two bytes, a byte from the middle of a character, a character cut short.
    for (const bytes of ["c1af", "80", "e282"]) {
      const body = Buffer.concat([text.subarray(0, at), Buffer.from(bytes, "hex"), text.subarray(at + 1)]);
      await attacked.expectRefusedEarly(post(body), 400, /^userOcid: '\\ufffd/);
    }
  });

  const malformed: [what: string, body: (text: string) => string | Uint8Array][] = [
    ["a letter after it", (text) => `${text}x`],
    ["a body after it", (text) => text + text],
    ["NUL before it", (text) => `\u0000${text}`],
    ["NUL after it", (text) => `${text}\u0000`],
    ["two byte order marks", (text) => `\ufeff\ufeff${text}`],
    ["a no-break space before it", (text) => `\u00a0${text}`],
    ["a comment", (text) => `/**/${text}`],
    ["a trailing comma", (text) => text.replace(/\}$/, ",}")],
    ["single quotes", (text) => text.replaceAll('"', "'")],
    ["a bare newline in a string", (text) => text.replace("ocid1", "\nocid1")],
    ["a key without quotes", (text) => text.replace('"identityId"', "identityId")],
    ["NaN", (text) => text.replace(/"identityId":"[^"]*"/, '"identityId":NaN')],
    ["a number with a leading zero", (text) => text.replace(/"identityId":"[^"]*"/, '"identityId":01')],
    ["a hexadecimal escape", (text) => text.replace("ocid1", "\\x6fcid1")],
    ["a prefix against inclusion", (text) => `)]}',\n${text}`],
    ["sixteen thousand open brackets", () => "[".repeat(16_000)],
    ["two thousand open objects", () => '{"a":'.repeat(2000)],
    ["UTF-16", (text) => Buffer.from(`\ufeff${text}`, "utf16le")],
    ["UTF-16, the other way", (text) => Buffer.from(`\ufeff${text}`, "utf16le").swap16()],
    ["UTF-32", (text) => Buffer.from(Uint32Array.from(text, (letter) => letter.charCodeAt(0)).buffer)],
    ["gzip", (text) => gzipSync(text)],
    ["CBOR", () => Buffer.from("a16a6964656e746974794964617800", "hex")],
    ["a form", () => "identityId=x&userOcid=y"],
  ];
  it.each(malformed)("400 for %s", async (_, body) => {
    await attacked.expectRefusedEarly(post(body(validText())), 400, "Malformed JSON in request body");
  });
});

describe("a login comes as JSON of at most 16 KiB and in no other way:", () => {
  const types: [what: string, ...types: string[]][] = [
    ["no media type"],
    ["an empty media type", ""],
    ["text", "text/plain"],
    ["text that mentions JSON", "text/plain; application/json"],
    ["JSON of old", "text/json"],
    ["JSONP", "application/jsonp"],
    ["a part of the name", "application/jso"],
    ["a path more", "application/json/x"],
    ["a suffix of another kind", "application/json+xml"],
    ["an empty parameter", "application/json;"],
    ["multipart", "multipart/form-data; boundary=x"],
    ["a form", "application/x-www-form-urlencoded"],
    ["two media types in one", "application/json, text/plain"],
    ["two headers", "application/json", "text/plain"],
    ["two headers, the other way", "text/plain", "application/json"],
    ["two equal headers", "application/json", "application/json"],
  ];
  it.each(types)("415 for %s", async (_, ...values) => {
    const headers = values.map((value) => ["content-type", value] as const);
    const message =
      "The request body must be application/json (for introspection, application/x-www-form-urlencoded): send a content-type header that says so";
    await attacked.expectRefusedEarly(post(validText(), headers), 415, message);
  });

  const large = () => around("", `"x":"${"x".repeat(16 * 1024)}"`);
  const sizes: [what: string, body: () => string | Uint8Array, ...headers: [string, string][]][] = [
    ["a key too many, of 16 KiB", large],
    ["spaces", () => validText() + " ".repeat(16 * 1024)],
    ["chunks", large, ["transfer-encoding", "chunked"]],
    ["chunks that are said to be short", large, ["transfer-encoding", "chunked"], ["content-length", "9"]],
    ["the wrong media type too", large, ["content-type", "text/plain"]],
    ["bytes that are no text", () => Buffer.alloc(17 * 1024, 0xff)],
  ];
  it.each(sizes)("413 for %s", async (_, body, ...headers) => {
    const attack = post(body(), [
      ...(headers.some(([name]) => name === "content-type") ? [] : json),
      ...headers,
    ]);
    await attacked.expectRefusedEarly(attack, 413, "The request body is larger than 16384 bytes");
  });

  it("400 for a body that is said to be shorter than it is", async () => {
    const attack = post(validText(), [...json, ["content-length", "20"]]);
    await attacked.expectRefusedEarly(attack, 400, "Malformed JSON in request body");
  });

  it("400 for what is compressed: nothing is unpacked, however little it was", async () => {
    for (const text of [validText(), " ".repeat(10_000_000)]) {
      const attack = post(gzipSync(text), [...json, ["content-encoding", "gzip"]]);
      await attacked.expectRefusedEarly(attack, 400, "Malformed JSON in request body");
    }
  });

  it.each(["GET", "OPTIONS", "TRACE", "PROPFIND", "SEARCH", "LOCK", "MOVE"])("405 for %s", async (method) => {
    const headers = [...json, ["x-http-method-override", "POST"], ["x-method-override", "POST"]] as const;
    const attack = raw({ method, path: `${loginPath}?_method=POST`, headers, body: validText() });
    await attacked.expectRefusedEarly(attack, 405, `${method} is not allowed here; POST is`);
  });

  it("405 for HEAD, without a body", async () => {
    await attacked.watch.unchanged(async () => {
      const answer = await raw({ method: "HEAD", path: loginPath, headers: json })();
      expect([answer.status, answer.body, answer.headers.get("allow")]).toEqual([405, undefined, "POST"]);
    });
  });

  it.each([
    `/${loginPath}`,
    `${loginPath}//`,
    `${loginPath}/%2f`,
    `${loginPath}%2f`,
    `${loginPath}/%20`,
    `${loginPath}/%00`,
    `${loginPath}/.json`,
    `${loginPath}/;x=y`,
    loginPath.replace("v1/", "v1//"),
    loginPath.toUpperCase(),
    loginPath.replace("login", "Login"),
    loginPath.replace("/auth/", "%2Fauth%2F"),
    loginPath.replace("/login", "%2flogin"),
    loginPath.replace("login", "log%ffin"),
    loginPath.replace("login", "%c0%aflogin"),
    loginPath.replace("v1", "v2"),
    `${loginPath}%00`,
    `${loginPath}%20`,
    `${loginPath}%0a`,
    `${loginPath}%e2%80%a8`,
    `${loginPath}%`,
    `${loginPath}%zz`,
    `${loginPath}%252f`,
    `${loginPath};x=y`,
    `${loginPath}.json`,
    `${loginPath}/../login/x`,
    `${loginPath}/x/%2e%2e/x`,
    `${loginPath}/${"x".repeat(300)}`,
  ])("404 for POST %s", async (path) => {
    const attack = raw({ method: "POST", path, headers: json, body: validText() });
    await attacked.expectRefusedEarly(attack, 404, /^Route POST .* not found$/s);
  });
});

describe("headers that a proxy might add", () => {
  const spoofed = [
    ["x-forwarded-for", "203.0.113.9"],
    ["forwarded", 'for=203.0.113.9;host="evil.example.com";proto=http'],
    ["x-real-ip", "203.0.113.9"],
    ["true-client-ip", "203.0.113.9"],
    ["x-client-ip", "203.0.113.9"],
    ["x-cluster-client-ip", "203.0.113.9"],
    ["fastly-client-ip", "203.0.113.9"],
    ["x-forwarded-host", "evil.example.com"],
    ["x-forwarded-proto", "http"],
    ["x-original-host", "evil.example.com"],
    ["x-original-url", "/health"],
    ["x-rewrite-url", "/health"],
  ] as const;

  it("do not decide the address in the log, of a login or of a refusal", async () => {
    const { AUDIT_DB } = await attacked.worker.env();
    const addressOf = async ({ headers }: Answer) => {
      const event = AUDIT_DB.prepare("SELECT ip FROM audit_events WHERE req_id = ?");
      return (await event.bind(headers.get("x-request-id")).all()).results;
    };
    for (const [headers, ip] of [
      [[...json, ...spoofed], "127.0.0.1"],
      [[...json, ...spoofed, ["cf-connecting-ip", "192.0.2.7"]], "192.0.2.7"],
    ] as [[string, string][], string][]) {
      const accepted = await attacked.expectLogin(attacked.bodyOf(), headers);
      const { mallory } = attacked;
      const another = { userOcid: mallory.userOcid, headers: signAsGo(mallory) };
      const refusal = { value: accepted };
      await attacked.expectRefusedLate(
        async () => {
          refusal.value = await attacked.post(JSON.stringify(attacked.bodyOf(another)), headers);
          return refusal.value;
        },
        401,
        /username not allowed/,
      );
      for (const answer of [accepted, refusal.value]) {
        await expect.poll(() => addressOf(answer), { timeout: 20_000 }).toEqual([{ ip }]);
      }
    }
  });

  it("and Host itself change neither the issuer nor what is published nor where OCI is asked", async () => {
    const headers = [["host", "evil.example.com"], ...json, ...spoofed] as const;
    for (const path of ["/.well-known/openid-configuration", "/.well-known/jwks.json", "/openapi.json"]) {
      const [plain, answer] = [await raw({ path })(), await raw({ path, headers })()];
      expect([answer.status, answer.body]).toEqual([200, plain.body]);
      expect(JSON.stringify([answer.body, ...answer.headers])).not.toContain("evil.example.com");
    }
    const { worker, tenancyOcid, alice, identityId } = attacked;
    const newcomer = await addUser(worker, tenancyOcid, { name: alice.name, key: newRsaKey() });
    await worker.emulator("DELETE", "requests");
    const body = { identityId, userOcid: newcomer.userOcid, headers: signAsGo(newcomer) };
    const { accessToken } = (await attacked.expectLogin(body, headers)).body;
    expect(decodeJwt(accessToken)).toMatchObject({ iss: issuer, aud: "api" });
    const { requests } = (await worker.emulator("GET", "requests")).body;
    expect(requests.map(({ path }: { path: string }) => path).sort()).toEqual([
      `/20160918/users/${newcomer.userOcid}`,
      `/20160918/users/${newcomer.userOcid}/apiKeys`,
    ]);
  });
});

it("and the audit log says no more and no less", async () => {
  await attacked.expectTrueLog();
});
