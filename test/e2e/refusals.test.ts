/** Every row of the login table that refuses: status, envelope, message, and no token. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addIdentity, addOrganization, addTenancy, addUser, newOcid, type OciUser } from "./oci-users.ts";
import { newRsaKey } from "./rsa-keys.ts";
import { type SigningOptions, signAsGo, signAsPython, signAsTypeScript } from "./signers.ts";
import { type Answer, startWorker, type Worker } from "./worker.ts";

let worker: Worker;
let organizationId: string;
let tenancyOcid: string;
let user: OciUser;
let identityId: string;

beforeAll(async () => {
  worker = await startWorker();
  organizationId = await addOrganization(worker, "refusals");
  ({ tenancyOcid } = await addTenancy(worker, [organizationId]));
  user = await addUser(worker, tenancyOcid, { name: "alice@example.com" });
  identityId = await addIdentity(worker, organizationId, tenancyOcid, {
    settings: { allowedUsernames: "alice@example.com" },
  });
  expect(await login()).toMatchObject({ status: 200 });
});
afterAll(() => worker.close());

/** A login that succeeds, but for what is overridden. */
function login(body: Record<string, unknown> = {}, options?: SigningOptions): Promise<Answer> {
  return worker.login({ identityId, userOcid: user.userOcid, headers: signAsGo(user, options), ...body });
}

const errors: Record<number, string> = {
  400: "BadRequest",
  401: "UnauthorizedError",
  403: "ForbiddenError",
  404: "NotFound",
  405: "MethodNotAllowed",
  413: "PayloadTooLarge",
  415: "UnsupportedMediaType",
  422: "ValidationFailure",
  503: "ServiceUnavailable",
};

function expectRefusal(answer: Answer, status: number, message: string | RegExp): void {
  expect(answer.body).toEqual({
    reqId: expect.stringMatching(/^req-[\w-]{14}$/),
    statusCode: status,
    message: typeof message === "string" ? message : expect.stringMatching(message),
    error: errors[status],
  });
  expect(answer.status).toBe(status);
  expect(answer.headers.get("x-request-id")).toBe(answer.body.reqId);
}

describe("first among them", () => {
  it("the confused deputy: another user of the tenancy signs a Get User of an allowed user", async () => {
    const mallory = await addUser(worker, tenancyOcid, { name: "mallory@example.com" });
    const headers = signAsGo(mallory, { target: user.userOcid });
    const answer = await worker.login({ identityId, userOcid: user.userOcid, headers });
    expectRefusal(
      answer,
      401,
      "Access denied: the user in keyId is not userOcid; each user signs for themselves.",
    );
  });

  it("the confused deputy who claims the allowed user's keyId", async () => {
    const mallory = await addUser(worker, tenancyOcid, { name: "mallory@example.com" });
    const keyId = `${tenancyOcid}/${user.userOcid}/${mallory.fingerprint}`;
    const headers = signAsGo(mallory, { target: user.userOcid, keyId });
    expectRefusal(
      await worker.login({ identityId, userOcid: user.userOcid, headers }),
      401,
      "Access denied: the API key is not an active key of an active OCI user.",
    );
  });

  it("the confused deputy who claims the allowed user's own key", async () => {
    const mallory = await addUser(worker, tenancyOcid, { name: "mallory@example.com" });
    const keyId = `${tenancyOcid}/${user.userOcid}/${user.fingerprint}`;
    const headers = signAsGo(mallory, { target: user.userOcid, keyId });
    expectRefusal(
      await worker.login({ identityId, userOcid: user.userOcid, headers }),
      401,
      "Access denied: the signature does not verify.",
    );
  });

  it("the borrowed entry: a user of another registered tenancy, warm there, names this tenancy in keyId", async () => {
    const other = await addTenancy(worker, [organizationId]);
    const stranger = await addUser(worker, other.tenancyOcid, { name: "alice@example.com" });
    const theirs = await addIdentity(worker, organizationId, other.tenancyOcid);
    const own = { identityId: theirs, userOcid: stranger.userOcid, headers: signAsGo(stranger) };
    expect(await worker.login(own)).toMatchObject({ status: 200 });
    expect(await worker.login(own)).toMatchObject({ status: 200 });

    const keyId = `${tenancyOcid}/${stranger.userOcid}/${stranger.fingerprint}`;
    const borrowed = { identityId, userOcid: stranger.userOcid, headers: signAsGo(stranger, { keyId }) };
    expectRefusal(
      await worker.login(borrowed),
      401,
      "Access denied: the API key is not an active key of an active OCI user.",
    );
    // And without pretending: the tenancy is pinned.
    expectRefusal(
      await worker.login({ ...own, identityId }),
      401,
      "Access denied: OCI account isn't part of tenancy.",
    );
  });

  it("an old signed date beside a fresh unsigned one, whichever is which", async () => {
    const date = new Date(Date.now() - 3_600_000).toUTCString();
    const fresh = new Date().toUTCString();
    for (const headers of [
      signAsGo(user, { date, unsigned: { "x-date": fresh } }),
      signAsTypeScript(user, { date, unsigned: { date: fresh } }),
    ]) {
      const answer = await worker.login({ identityId, userOcid: user.userOcid, headers });
      expectRefusal(answer, 401, /the signed date '.*' is not within the allowed clock skew/);
    }
  });
});

describe("step 1, the body", () => {
  const send = (body: string, contentType = "application/json") =>
    worker.send("/api/v1/auth/oci-auth/login", {
      method: "POST",
      body,
      headers: contentType === "" ? {} : { "content-type": contentType },
    });

  it.each(["", "{", '{"identityId":', "nonsense", "{'a':1}", "\u0000", "[1,]"])(
    "malformed JSON %j",
    async (body) => {
      expectRefusal(await send(body), 400, "Malformed JSON in request body");
    },
  );

  it.each(["text/plain", "application/x-www-form-urlencoded", "application/xml"])(
    "media type %s",
    async (type) => {
      expectRefusal(await send("{}", type), 415, /must be application\/json/);
    },
  );

  it("more than 16 KiB", async () => {
    const padded = JSON.stringify({ identityId: "x".repeat(17 * 1024) });
    expectRefusal(await send(padded), 413, "The request body is larger than 16384 bytes");
  });

  it("more than 16 KiB, sent in chunks without a length", async () => {
    const body = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 20; i++) controller.enqueue(new TextEncoder().encode(" ".repeat(1024)));
        controller.close();
      },
    });
    const answer = await worker.send("/api/v1/auth/oci-auth/login", {
      method: "POST",
      body,
      duplex: "half",
      headers: { "content-type": "application/json" },
    } as RequestInit);
    expectRefusal(answer, 413, "The request body is larger than 16384 bytes");
  });

  const headers = { authorization: "a", host: "h", date: "d" };
  const valid = { identityId: "i", userOcid: "u", headers };
  const misfits: [what: string, body: unknown, path: (string | number)[]][] = [
    ["null", null, []],
    ["an array", [], []],
    ["a string", "x", []],
    ["no identityId", { ...valid, identityId: undefined }, ["identityId"]],
    ["a number for identityId", { ...valid, identityId: 7 }, ["identityId"]],
    ["no userOcid", { ...valid, userOcid: undefined }, ["userOcid"]],
    ["no headers", { ...valid, headers: undefined }, ["headers"]],
    [
      "no authorization",
      { ...valid, headers: { ...headers, authorization: undefined } },
      ["headers", "authorization"],
    ],
    ["no host", { ...valid, headers: { ...headers, host: undefined } }, ["headers", "host"]],
    [
      "neither date nor x-date",
      { ...valid, headers: { authorization: "a", host: "h" } },
      ["headers", "date"],
    ],
    ["an unknown key", { ...valid, extra: 1 }, []],
    ["an unknown header", { ...valid, headers: { ...headers, "x-content-sha256": "x" } }, ["headers"]],
    ["a header in another case", { ...valid, headers: { ...headers, Host: "x" } }, ["headers"]],
    ["an empty slug", { ...valid, organizationSlug: "" }, ["organizationSlug"]],
    ["a blank slug", { ...valid, organizationSlug: " \n" }, ["organizationSlug"]],
    ["a slug of 65 characters", { ...valid, organizationSlug: "x".repeat(65) }, ["organizationSlug"]],
    ["a null slug", { ...valid, organizationSlug: null }, ["organizationSlug"]],
  ];
  it.each(misfits)("%s", async (_, body, path) => {
    const answer = await worker.login(body);
    expect(answer.status).toBe(422);
    expect(answer.body).toEqual({
      reqId: expect.stringMatching(/^req-[\w-]{14}$/),
      statusCode: 422,
      message: expect.arrayContaining([expect.objectContaining({ path, message: expect.any(String) })]),
      error: "ValidationFailure",
    });
  });

  const whichToSend =
    "send host, authorization, and date or x-date, whichever was signed, and nothing else, with names in lower case; unknown: ";
  const unknown: [what: string, names: readonly string[], named: string][] = [
    [
      "that an SDK prepared, posted whole",
      ["content-type", "user-agent", "accept", "(request-target)", "x-content-sha256"],
      "'content-type', 'user-agent', 'accept', '(request-target)', 'x-content-sha256'",
    ],
    ["with names in capitals", ["Authorization", "Date"], "'Authorization', 'Date'"],
    ["with a name that hides", ["\u001b[2J\n", "dat\u0435"], "'\\u001b[2J\\u000a', 'dat\\u0435'"],
    ["with a long name", ["x".repeat(5000)], `'${"x".repeat(40)}…'`],
    [
      "with many",
      Array.from({ length: 500 }, (_, at) => `x-${at}`),
      `${Array.from({ length: 10 }, (_, at) => `'x-${at}'`).join(", ")}, 490 more`,
    ],
  ];
  it.each(unknown)(
    "headers %s, with the names of those to send and of those that are not known",
    async (_, names, named) => {
      const more = Object.fromEntries(names.map((name) => [name, "x"]));
      const { status, body } = await login({ headers: { ...signAsGo(user), ...more } });
      expect([status, body.message]).toEqual([
        422,
        [{ code: "unrecognized_keys", keys: names, path: ["headers"], message: whichToSend + named }],
      ]);
    },
  );

  it("headers of which none has its name in lower case", async () => {
    const { authorization, host, date } = signAsGo(user);
    const answer = await login({ headers: { Authorization: authorization, Host: host, Date: date } });
    expect(answer.status).toBe(422);
    expect(answer.body.message.map(({ path }: { path: string[] }) => path)).toEqual([
      ["headers", "authorization"],
      ["headers", "host"],
      ["headers"],
    ]);
    expect(answer.body.message[2].message).toBe(`${whichToSend}'Authorization', 'Host', 'Date'`);
  });

  it("a __proto__ key", async () => {
    const answer = await send(`{"__proto__":{"a":1},${JSON.stringify(valid).slice(1)}`);
    expect(answer).toMatchObject({ status: 422, body: { message: [{ code: "unrecognized_keys" }] } });
  });
});

describe("step 3, the grammar", () => {
  const smuggled = "identity.us-ashburn-1.oraclecloud.com\nx-date: Tue, 24 Nov 2026 03:04:57 GMT";
  const hosts = [
    "",
    "evil.example.com",
    "identity.us-ashburn-1.oraclecloud.com.evil.com",
    "identity.us-ashburn-1.oraclecloud.com:443",
    "https://identity.us-ashburn-1.oraclecloud.com",
    "identity.us-ashburn.oraclecloud.com",
    "identity.us-ashburn-1.example.com",
    "iaas.us-ashburn-1.oraclecloud.com",
    smuggled,
  ];
  it.each(hosts)("host %j", async (host) => {
    expectRefusal(await login({}, { host }), 400, /host/);
  });

  it("a region's short code in the host, naming the region", async () => {
    const host = "identity.iad.oraclecloud.com";
    expectRefusal(await login({}, { host }), 400, /: write us-ashburn-1 for 'iad'$/);
  });

  it.each([
    "",
    "x",
    "ocid1.user.oc1..",
    "ocid1.tenancy.oc1..aaaa",
    "ocid1.user.oc999..aaaa",
    "ocid1.user.oc1..aaaa\nx: y",
  ])("userOcid %j", async (userOcid) => {
    expectRefusal(await login({ userOcid }), 400, /^userOcid: /);
  });

  it.each([
    "2026-11-24T03:04:57Z",
    "Tue, 24 Nov 2026 03:04:57 +0000",
    "Mon, 24 Nov 2026 03:04:57 GMT",
    "now",
    "",
  ])("signed date %j", async (date) => {
    expectRefusal(await login({}, { date }), 400, /is not an HTTP date/);
  });

  const rewrites: [what: string, rewrite: (authorization: string) => string, message: RegExp][] = [
    ["another scheme", (text) => text.replace("Signature", "Bearer"), /scheme is not 'Signature'/],
    ["a missing parameter", (text) => text.replace('version="1",', ""), /'version' is missing/],
    ["a parameter twice", (text) => `${text},keyid="x"`, /'keyid' appears twice/],
    ["an unknown parameter", (text) => `${text},created="1"`, /unknown parameter 'created'/],
    ["an unquoted value", (text) => text.replace('version="1"', "version=1"), /expected a parameter/],
    ["something left over", (text) => `${text} and more`, /expected a parameter/],
    ["a comma left over", (text) => `${text},`, /expected a parameter/],
    ["another version", (text) => text.replace('version="1"', 'version="2"'), /version '2' is not '1'/],
    ["another algorithm", (text) => text.replace("rsa-sha256", "hmac-sha256"), /algorithm 'hmac-sha256'/],
    [
      "no request target",
      (text) => text.replace("(request-target) ", ""),
      /\(request-target\) is not signed/,
    ],
    ["no host", (text) => text.replace(" host", ""), /host is not signed/],
    ["a header signed twice", (text) => text.replace(" host", " host host"), /signed twice/],
    [
      "a header that was not sent",
      (text) => text.replace(" host", " host opc-obo-token"),
      /'opc-obo-token' is signed/,
    ],
    ["a signature that is not base64", (text) => text.replace('signature="', 'signature="*'), /not base64/],
    [
      "a short signature",
      (text) => text.replace(/signature=".*"/, 'signature="AAAA"'),
      /signature has 3 bytes/,
    ],
    ["nothing", () => "", /scheme is not 'Signature'/],
    [
      "a newline in the tenancy's OCID",
      (text) => text.replace(/(?<=keyId="ocid1.{31})/, "\n"),
      /^authorization: keyId is malformed: character U\+000A at position 37$/,
    ],
  ];
  it.each(rewrites)("authorization with %s", async (_, rewrite, message) => {
    const headers = signAsGo(user);
    headers.authorization = rewrite(headers.authorization);
    expectRefusal(await login({ headers }), 400, message);
  });
});

describe("step 4, the signer", () => {
  it("a security token", async () => {
    expectRefusal(await login({}, { keyId: "ST$eyJhbGciOi" }), 400, /security token/);
  });

  it.each(["", "x/y", "a/b/c", "a/b/c/d"])("a malformed keyId %j", async (keyId) => {
    expectRefusal(await login({}, { keyId }), 400, /keyId/);
  });

  it("a fingerprint in capitals", async () => {
    const keyId = `${tenancyOcid}/${user.userOcid}/${user.fingerprint.toUpperCase()}`;
    // A fingerprint of digits only would be the same.
    expectRefusal(await login({}, { keyId: keyId.replace(/..$/, "AB") }), 400, /fingerprint/);
  });
});

describe("step 5, the date", () => {
  it("no signed date", async () => {
    const headers = signAsGo(user, {
      headers: "(request-target) host",
      unsigned: { date: new Date().toUTCString() },
    });
    expectRefusal(await login({ headers }), 400, /Neither date nor x-date is signed/);
  });

  it("a date that is signed but not sent", async () => {
    const { date, ...headers } = signAsGo(user);
    expectRefusal(
      await login({ headers: { ...headers, "x-date": date } }),
      400,
      "authorization: date is signed, but headers.date is missing",
    );
  });

  it.each([-301, 302, -86_400])("a date %i s off, naming it, our clock and the range", async (seconds) => {
    const date = new Date(Date.now() + seconds * 1000).toUTCString();
    const answer = await login({}, { date });
    expectRefusal(answer, 401, new RegExp(`'${date}'.*Our clock says '.* GMT'.*'.* GMT' to '.* GMT'`));
  });

  it("if both are signed and x-date is old", async () => {
    const now = new Date().toUTCString();
    const old = new Date(Date.now() - 600_000).toUTCString();
    const headers = signAsGo(user, { headers: "date x-date (request-target) host", date: old });
    expectRefusal(await login({ headers: { ...headers, date: now } }), 401, new RegExp(`'${old}'`));
  });
});

describe("step 6, the identity", () => {
  const message = "OCI auth method not found for identity, did you configure OCI auth?";
  it.each(["", "x", "00000000-0000-4000-8000-000000000000", "' OR 1=1 --", "\ud800", "\u0000"])(
    "unknown identity %j",
    async (unknown) => {
      expectRefusal(await login({ identityId: unknown }), 404, message);
    },
  );

  it("an identity without OCI Auth", async () => {
    const { body } = await worker.admin("POST", "/api/v1/identities", { name: "bare", organizationId });
    expectRefusal(await login({ identityId: body.identity.id }), 404, message);
  });

  it("a suspended identity, organization, or root; and lets them in again once resumed", async () => {
    const rootId = await addOrganization(worker, "suspended-root");
    const teamId = await addOrganization(worker, "team", rootId);
    const tenancy = await addTenancy(worker, [rootId]);
    const member = await addUser(worker, tenancy.tenancyOcid);
    const id = await addIdentity(worker, teamId, tenancy.tenancyOcid);
    const attempt = () =>
      worker.login({ identityId: id, userOcid: member.userOcid, headers: signAsGo(member) });
    for (const path of [`identities/${id}`, `organizations/${teamId}`, `organizations/${rootId}`]) {
      await worker.admin("PATCH", `/api/v1/${path}`, { suspended: true });
      expectRefusal(await attempt(), 403, /suspended/);
      await worker.admin("PATCH", `/api/v1/${path}`, { suspended: false });
      expect(await attempt()).toMatchObject({ status: 200 });
    }
  });
});

describe("step 7, the tenancy and realm", () => {
  it("a tenancy that is not registered anywhere", async () => {
    const stranger = {
      ...newRsaKey(),
      tenancyOcid: newOcid("tenancy"),
      userOcid: newOcid("user"),
      name: "x",
    };
    const headers = signAsGo(stranger);
    expectRefusal(
      await login({ userOcid: stranger.userOcid, headers }),
      401,
      "Access denied: OCI account isn't part of tenancy.",
    );
  });

  it.each(["identity.us-gov-ashburn-1.oraclegovcloud.com", "identity.uk-gov-london-1.oci.oraclegovcloud.uk"])(
    "a host of another realm, %s, naming it and the domain that it should have",
    async (host) => {
      const message = `Access denied: the host '${host}' is not of the tenancy's realm, oc1; its hosts end in oraclecloud.com.`;
      expectRefusal(await login({}, { host }), 401, message);
    },
  );

  it("a user of another realm, without asking OCI", async () => {
    const stranger = { ...newRsaKey(), tenancyOcid, userOcid: newOcid("user", "oc2"), name: "x" };
    await worker.emulator("DELETE", "requests");
    const answer = await login({ userOcid: stranger.userOcid, headers: signAsGo(stranger) });
    const message = "Access denied: the user in keyId is of realm oc2, and its tenancy of realm oc1.";
    expectRefusal(answer, 401, message);
    expect((await worker.emulator("GET", "requests")).body.requests).toEqual([]);
  });
});

describe("step 8, the directory", () => {
  const message = "Access denied: the API key is not an active key of an active OCI user.";
  const loginOf = async (someone: OciUser) =>
    worker.login({
      identityId: await addIdentity(worker, organizationId, tenancyOcid),
      userOcid: someone.userOcid,
      headers: signAsPython(someone),
    });

  it.each([
    [
      "a user that OCI does not know",
      async () => ({ ...(await addUser(worker, tenancyOcid)), userOcid: newOcid("user") }),
    ],
    [
      "a key that OCI does not know",
      async () => ({ ...(await addUser(worker, tenancyOcid)), ...newRsaKey() }),
    ],
    ["an inactive key", () => addUser(worker, tenancyOcid, { keyState: "INACTIVE" })],
    ["an inactive user", () => addUser(worker, tenancyOcid, { lifecycleState: "INACTIVE" })],
    ["a user whose API keys are switched off", () => addUser(worker, tenancyOcid, { canUseApiKeys: false })],
    [
      "a key of 1024 bits, of which even the signature is too short",
      async () => {
        const key = newRsaKey(1024);
        return { ...(await addUser(worker, tenancyOcid, { key })), privateKey: newRsaKey().privateKey };
      },
    ],
  ] as [string, () => Promise<OciUser>][])("%s", async (_, someone) => {
    expectRefusal(await loginOf(await someone()), 401, message);
  });

  const faults: [what: string, fault: Record<string, unknown>][] = [
    ["401 to us", { status: 401 }],
    ["403 to us", { status: 403 }],
    ["429", { status: 429 }],
    ["500", { status: 500 }],
    ["503", { status: 503 }],
    ["HTML", { body: "<html>", contentType: "text/html" }],
    ["HTML with 404", { status: 404, body: "<html>", contentType: "text/html" }],
    ["JSON of another shape", { body: { id: 1 } }],
    [
      "another user",
      { body: { id: "ocid1.user.oc1..b", compartmentId: "x", name: "y", lifecycleState: "ACTIVE" } },
    ],
    ["nothing in time", { delayMs: 5000 }],
  ];
  it.each(faults)(
    "503 while OCI answers %s and nothing is cached, and in again once it is over",
    async (_, fault) => {
      const newcomer = await addUser(worker, tenancyOcid);
      await worker.emulator("PUT", "faults", fault);
      const answer = await loginOf(newcomer);
      await worker.emulator("DELETE", "faults");
      expectRefusal(answer, 503, "OCI cannot be asked about this user at the moment; try again");
      // After a 429 OCI is left alone for as long as the caller is told to wait.
      const seconds = Number(answer.headers.get("retry-after"));
      expect(seconds).toBeGreaterThan(0);
      const healed = { timeout: (seconds + 2) * 1000, interval: 500 };
      await expect.poll(async () => (await loginOf(newcomer)).status, healed).toBe(200);
    },
  );
});

describe("step 9, the signature", () => {
  const message = "Access denied: the signature does not verify.";
  it("of another request", async () => {
    expectRefusal(await login({}, { method: "delete" }), 401, message);
  });

  it("over another host, date or order of headers than was sent", async () => {
    const host = "identity.us-phoenix-1.oraclecloud.com";
    const date = new Date(Date.now() - 60_000).toUTCString();
    const signed = signAsGo(user);
    const reordered = signed.authorization.replace(
      "date (request-target) host",
      "(request-target) date host",
    );
    for (const headers of [
      { ...signed, host },
      { ...signed, date },
      { ...signed, authorization: reordered },
    ]) {
      expectRefusal(await login({ headers }), 401, message);
    }
  });

  it("with one changed byte, or under the name of the other algorithm", async () => {
    const signed = signAsGo(user);
    const changed = signed.authorization.replace(
      /signature="(.)/,
      (_, first) => `signature="${first === "A" ? "B" : "A"}`,
    );
    const renamed = signed.authorization.replace("rsa-sha256", "rsa-pss-sha256");
    for (const authorization of [changed, renamed]) {
      expectRefusal(await login({ headers: { ...signed, authorization } }), 401, message);
    }
  });
});

describe("step 10, the username", () => {
  it.each(["alice@example.co", "Alice@example.com", "domain/alice@example.com", "bob", "alice@example.com "])(
    "%j is not alice@example.com",
    async (name) => {
      const other = await addUser(worker, tenancyOcid, { name });
      expectRefusal(
        await worker.login({ identityId, userOcid: other.userOcid, headers: signAsGo(other) }),
        401,
        "Access denied: OCI account username not allowed.",
      );
    },
  );
});

describe("step 11, the organization", () => {
  it("unknown, the root of an identity below it, not a member, or suspended", async () => {
    const rootId = await addOrganization(worker, "top");
    const [teamId, otherId] = [
      await addOrganization(worker, "team", rootId),
      await addOrganization(worker, "other", rootId),
    ];
    const elsewhere = await addOrganization(worker, "elsewhere");
    await addOrganization(worker, "foreign", elsewhere);
    const tenancy = await addTenancy(worker, [rootId]);
    const member = await addUser(worker, tenancy.tenancyOcid);
    const id = await addIdentity(worker, teamId, tenancy.tenancyOcid);
    const attempt = (organizationSlug: string) =>
      worker.login({
        identityId: id,
        userOcid: member.userOcid,
        headers: signAsGo(member),
        organizationSlug,
      });

    for (const slug of ["nothing", "top", "foreign", "elsewhere", "te_am"]) {
      expectRefusal(await attempt(slug), 404, `Sub organization with slug ${slug} not found`);
    }
    expectRefusal(await attempt("other"), 401, "Identity not authorized to access sub organization other");
    await worker.admin("PUT", `/api/v1/organizations/${otherId}/identities/${id}`);
    expect(await attempt("other")).toMatchObject({ status: 200 });
    await worker.admin("PATCH", `/api/v1/organizations/${otherId}`, { suspended: true });
    expectRefusal(await attempt("other"), 403, /suspended/);
    expect(await attempt("team")).toMatchObject({ status: 200 });
  });
});

describe("everywhere else", () => {
  it.each([
    "/",
    "/api/v1/auth/oci-auth/login//",
    "/api/v1/auth/oci-auth",
    "/%00",
    "/api/v1//login",
    "/API/V1/AUTH/OCI-AUTH/LOGIN",
  ])("the envelope on the unknown route %s", async (path) => {
    expectRefusal(await worker.send(path), 404, /^Route GET \/.* not found$/);
  });

  it.each(["GET", "PUT", "PATCH", "DELETE", "PURGE"])("405 for %s on the login", async (method) => {
    const answer = await worker.send("/api/v1/auth/oci-auth/login", { method });
    expectRefusal(answer, 405, /not allowed/);
    expect(answer.headers.get("allow")).toBe("POST");
  });
});
