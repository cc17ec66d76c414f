import { env, exports } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { migrateDatabases } from "../databases.ts";
import { forAll } from "../for-all.ts";
import { anyText, type Slip, slip, slipped } from "../oci/arbitraries.ts";
import { base64, newRsaKeyPair } from "../oci/key-pairs.ts";
import { newTenancyOcid, newUserOcid } from "../oci/ocids.ts";

const paths = {
  login: "/api/v1/auth/oci-auth/login",
  renew: "/api/v1/auth/token/renew",
  revoke: "/api/v1/auth/token/revoke",
} as const;

let requests = 0;

/** Each request comes from another address, so that no rate limit answers for what is tested. */
function nextAddress(): string {
  requests += 1;
  return `10.${(requests >> 16) & 255}.${(requests >> 8) & 255}.${requests & 255}`;
}

function send(
  method: string,
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = { "content-type": "application/json" },
): Promise<Response> {
  const request = { method, body, headers: { ...headers, "cf-connecting-ip": nextAddress() } };
  return exports.default.fetch(new Request(`https://auth.example.com${path}`, request));
}

const post = (path: string, json: string) => send("POST", path, json);

const successFields = {
  [paths.login]: ["accessToken", "expiresIn", "accessTokenMaxTTL", "tokenType"],
  [paths.renew]: ["accessToken", "expiresIn", "accessTokenMaxTTL", "tokenType"],
  [paths.revoke]: ["message"],
};
const errorNames: Record<number, string[]> = {
  400: ["BadRequest"],
  401: ["UnauthorizedError"],
  403: ["PermissionDenied", "ForbiddenError", "TokenError"],
  404: ["NotFound"],
  413: ["PayloadTooLarge"],
  415: ["UnsupportedMediaType"],
  422: ["ValidationFailure"],
};

/** The answer is JSON: a success with the contract's fields, or the envelope with its status's, and never a fault of ours. */
async function expectAnswer(path: keyof typeof successFields, response: Response): Promise<void> {
  const text = await response.text();
  const { status } = response;
  expect(response.headers.get("content-type"), text).toMatch(/^application\/json\b/);
  const body = JSON.parse(text);
  if (status === 200) {
    expect(Object.keys(body).sort()).toEqual([...successFields[path]].sort());
    return;
  }
  expect(Object.keys(errorNames), text).toContain(String(status));
  const { reqId, statusCode, error, message, ...more } = body;
  expect(reqId).toMatch(/^req-[A-Za-z0-9_-]{14}$/);
  expect(response.headers.get("x-request-id")).toBe(reqId);
  expect(statusCode).toBe(status);
  expect(errorNames[status]).toContain(error);
  if (status === 422) expect(message).toEqual(expect.arrayContaining([expect.anything()]));
  else expect(message).toEqual(expect.any(String));
  expect(status === 400 || status === 403 ? ["details"] : []).toEqual(
    expect.arrayContaining(Object.keys(more)),
  );
}

const host = "identity.us-ashburn-1.oci.oraclecloud.com";
const slug = "payments";
const [tenancyOcid, userOcid] = [newTenancyOcid(), newUserOcid()];
const [key, credential] = [newRsaKeyPair(), newRsaKeyPair()];
let identityId: string;
let signingKey: CryptoKey;

/** OCI as far as a login asks it: one user with one key, and nobody else. */
function answerAsOci(): void {
  const about = { compartmentId: tenancyOcid, name: "alice", lifecycleState: "ACTIVE" };
  const apiKey = { keyValue: key.publicPem, fingerprint: key.fingerprint, lifecycleState: "ACTIVE" };
  const answers: Record<string, unknown> = {
    "/20160918/users": [{ ...about, id: userOcid }],
    [`/20160918/users/${userOcid}`]: { ...about, id: userOcid },
    [`/20160918/users/${userOcid}/apiKeys`]: [{ ...apiKey, userId: userOcid }],
  };
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input) => {
    const answer = answers[new URL(input instanceof Request ? input.url : input).pathname];
    const missing = { code: "NotAuthorizedOrNotFound", message: "not found" };
    return answer === undefined ? Response.json(missing, { status: 404 }) : Response.json(answer);
  });
}

/** An identity that the user may log in as. */
async function configure(): Promise<string> {
  const administer = async (method: string, path: string, body: unknown) => {
    const authorization = `Bearer ${env.ADMIN_TOKEN}`;
    const headers = { "content-type": "application/json", authorization };
    const response = await send(method, `/api/v1${path}`, JSON.stringify(body), headers);
    if (response.status !== 200) throw new Error(`${method} ${path}: ${await response.text()}`);
    return response.json<{ organization: { id: string }; identity: { id: string } }>();
  };
  const { organization } = await administer("POST", "/organizations", { name: "Payments", slug });
  await administer("PUT", `/oci/tenancies/${tenancyOcid}`, {
    region: "us-ashburn-1",
    organizationIds: [organization.id],
    userOcid: newUserOcid(),
    fingerprint: credential.fingerprint,
    privateKey: credential.privateKey.export({ type: "pkcs8", format: "pem" }),
  });
  const wanted = { name: "ci", organizationId: organization.id };
  const { identity } = await administer("POST", "/identities", wanted);
  await administer("POST", `/auth/oci-auth/identities/${identity.id}`, { tenancyOcid });
  return identity.id;
}

beforeAll(async () => {
  for (const level of ["info", "warn", "error"] as const) vi.spyOn(console, level).mockReturnValue();
  answerAsOci();
  await migrateDatabases();
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  signingKey = await crypto.subtle.importKey("pkcs8", key.pkcs8, algorithm, false, ["sign"]);
  identityId = await configure();
});

/** All that a login says, apart. */
interface Login {
  readonly identityId: string;
  readonly userOcid: string;
  readonly host: string;
  readonly date: string;
  readonly keyId: string;
  readonly algorithm: string;
  readonly headers: string;
  readonly signature: Uint8Array;
}

/** A login that succeeds now. */
async function signedLogin(): Promise<Login> {
  const date = new Date().toUTCString();
  const text = `date: ${date}\n(request-target): get /20160918/users/${userOcid}\nhost: ${host}`;
  const bytes = await crypto.subtle.sign("RSASSA-PKCS1-v1_5", signingKey, new TextEncoder().encode(text));
  return {
    ...{ identityId, userOcid, host, date, algorithm: "rsa-sha256" },
    keyId: `${tenancyOcid}/${userOcid}/${key.fingerprint}`,
    headers: "date (request-target) host",
    signature: new Uint8Array(bytes),
  };
}

function bodyOf({ keyId, algorithm, headers, signature, host, date, ...login }: Login) {
  const authorization = `Signature version="1",headers="${headers}",keyId="${keyId}",algorithm="${algorithm}",signature="${base64(signature)}"`;
  return { ...login, headers: { authorization, host, date } };
}

async function accessToken(): Promise<string> {
  const response = await post(paths.login, JSON.stringify(bodyOf(await signedLogin())));
  const body = await response.json<{ accessToken: string }>();
  expect(response.status, JSON.stringify(body)).toBe(200);
  return body.accessToken;
}

const anyPath = fc.constantFrom(...Object.values(paths));

/** Arrays and objects in each other, closed or not, deeper than anyone means them. */
const nested = fc
  .tuple(
    fc.constantFrom(["[", "]"], ['{"headers":', "}"], ['[{"":', "}]"]),
    fc.integer({ min: 1, max: 8000 }),
    fc.boolean(),
  )
  .map(
    ([[open = "", close = ""], depth, closed]) =>
      open.repeat(depth) + (closed ? `0${close.repeat(depth)}` : ""),
  );

const number = fc.constantFrom("0", "-0", "1e999", "-1e-999", "9".repeat(400), "0.1e1", "01", "NaN", "1_0");

/** The JSON of any value, and what only begins like it. */
const anyJson = fc.oneof(
  fc.json({ stringUnit: "binary" }),
  fc.jsonValue().map((value) => JSON.stringify(value)),
  anyText.map((text) => JSON.stringify(text)),
  nested,
  number,
  anyText,
);

const knownKeys = [
  "identityId",
  "userOcid",
  "headers",
  "organizationSlug",
  "authorization",
  "host",
  "date",
  "x-date",
];
const anyKey = fc.oneof(
  fc.constantFrom(
    ...knownKeys,
    "accessToken",
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "then",
    "toJSON",
    "0",
  ),
  anyText,
);

type Member = readonly [name: string, json: string];

/** An object as text, so that a name can appear twice. */
function object(members: readonly Member[]): string {
  return `{${members.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(",")}}`;
}

/** A member of an object that is dropped, doubled, given another value, misspelt in its value, or added. */
type Edit =
  | { readonly kind: "drop"; readonly index: number }
  | { readonly kind: "double" | "replace"; readonly index: number; readonly json: string }
  | { readonly kind: "slip"; readonly index: number; readonly slip: Slip }
  | { readonly kind: "add"; readonly index: number; readonly name: string; readonly json: string };

const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({ kind: fc.constant("drop" as const), index: fc.nat() }),
  fc.record({ kind: fc.constantFrom("double", "replace"), index: fc.nat(), json: anyJson }),
  fc.record({ kind: fc.constant("slip" as const), index: fc.nat(), slip }),
  fc.record({ kind: fc.constant("add" as const), index: fc.nat(), name: anyKey, json: anyJson }),
);

/** The string that the JSON is; undefined if it is something else, or no JSON (any more). */
function textOf(json: string): string | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

function edited(members: readonly Member[], change: Edit): Member[] {
  const index = change.index % Math.max(members.length, 1);
  const [name, json] = members[index] ?? ["", "0"];
  switch (change.kind) {
    case "drop":
      return members.toSpliced(index, 1);
    case "double":
      return members.toSpliced(index, 0, [name, change.json]);
    case "replace":
      return members.with(index, [name, change.json]);
    case "slip": {
      const text = textOf(json);
      const changed =
        text === undefined ? slipped(json, change.slip) : JSON.stringify(slipped(text, change.slip));
      return members.with(index, [name, changed]);
    }
    case "add":
      return members.toSpliced(index, 0, [change.name, change.json]);
  }
}

interface Edits {
  readonly organizationSlug: string | undefined;
  readonly ofHeaders: readonly Edit[];
  readonly ofBody: readonly Edit[];
}

const edits: fc.Arbitrary<Edits> = fc.record({
  organizationSlug: fc.option(fc.oneof(fc.constant(slug), anyText), { nil: undefined }),
  ofHeaders: fc.array(edit, { maxLength: 2 }),
  ofBody: fc.array(edit, { maxLength: 2 }),
});

function editedBody(login: Login, { organizationSlug, ofHeaders, ofBody }: Edits): string {
  const { headers, ...body } = {
    ...bodyOf(login),
    ...(organizationSlug === undefined ? {} : { organizationSlug }),
  };
  const members = (values: object): Member[] =>
    Object.entries(values).map(([name, value]) => [name, JSON.stringify(value)]);
  const all = members({ ...headers, "x-date": headers.date });
  const headersJson = object(ofHeaders.reduce(edited, all));
  return object(ofBody.reduce(edited, [...members(body), ["headers", headersJson]]));
}

describe("every answer is the contract's, and none is a fault of ours,", () => {
  it("to any JSON", () =>
    forAll(150, fc.tuple(anyPath, anyJson), async ([path, json]) => {
      await expectAnswer(path, await post(path, json));
    }));

  it("to a login with members dropped, doubled, changed, replaced and added", () =>
    forAll(200, edits, async (changes) => {
      await expectAnswer(paths.login, await post(paths.login, editedBody(await signedLogin(), changes)));
    }));

  const mediaTypes = [
    "application/json",
    "application/json; charset=utf-16",
    "application/problem+json",
    "text/plain",
    "multipart/form-data",
    "application/x-www-form-urlencoded",
    "json",
    ";",
    "application/json, text/html",
  ];
  it("to any bytes, of any media type", () =>
    forAll(
      150,
      fc.record({
        path: anyPath,
        mediaType: fc.oneof(fc.constant(mediaTypes[0]), fc.constantFrom(undefined, ...mediaTypes)),
        bytes: fc.option(fc.uint8Array()),
        at: fc.nat(),
        byte: fc.nat(255),
      }),
      async ({ path, mediaType, bytes, at, byte }) => {
        const valid = new TextEncoder().encode(JSON.stringify(bodyOf(await signedLogin())));
        const sent = bytes === null ? valid.with(at % valid.length, byte) : Uint8Array.from(bytes);
        const headers: Record<string, string> = mediaType === undefined ? {} : { "content-type": mediaType };
        await expectAnswer(path, await send("POST", path, sent, headers));
      },
    ));

  const segment = fc.oneof(
    fc.json().map((json) => base64(new TextEncoder().encode(json))),
    fc.constantFrom("eyJhbGciOiJub25lIn0", "eyJhbGciOiJIUzI1NiJ9", "e30", ""),
    anyText,
  );
  it("to a renewal or revocation of any token", () =>
    forAll(
      150,
      fc.tuple(
        fc.constantFrom(paths.renew, paths.revoke),
        fc.oneof(
          anyText,
          fc.array(segment, { maxLength: 6 }).map((parts) => parts.join(".")),
        ),
      ),
      async ([path, token]) => {
        const response = await post(path, JSON.stringify({ accessToken: token }));
        expect(response.status).not.toBe(200);
        await expectAnswer(path, response);
      },
    ));
});

describe("nothing is issued", () => {
  const values = ["identityId", "userOcid", "host", "date", "keyId", "algorithm", "headers"] as const;

  /** Header names and ids are the same in any case, ids and OCIDs with white space around them. */
  function isSame(name: (typeof values)[number], changed: string, value: string): boolean {
    if (name === "headers") return changed.toLowerCase() === value;
    if (name === "identityId") return changed.trim().toLowerCase() === value;
    return (name === "userOcid" ? changed.trim() : changed) === value;
  }

  it("for a login with one value changed that was signed, or that says who signed", async () => {
    await accessToken();
    await forAll(150, fc.tuple(fc.constantFrom(...values), slip), async ([name, one]) => {
      const login = await signedLogin();
      const changed = slipped(login[name], one);
      if (isSame(name, changed, login[name])) return;
      const response = await post(paths.login, JSON.stringify(bodyOf({ ...login, [name]: changed })));
      expect(response.status, changed).not.toBe(200);
      await expectAnswer(paths.login, response);
    });
  });

  it("for a login with one byte of its signature changed", () =>
    forAll(75, fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), async ([position, difference]) => {
      const { signature, ...login } = await signedLogin();
      const at = position % signature.length;
      const changed = signature.with(at, (signature[at] ?? 0) ^ difference);
      const response = await post(paths.login, JSON.stringify(bodyOf({ ...login, signature: changed })));
      expect(response.status).toBe(401);
      await expectAnswer(paths.login, response);
    }));

  it("for another organization's name", () =>
    forAll(
      50,
      anyText.filter((text) => text.trim().toLowerCase() !== slug),
      async (organizationSlug) => {
        const body = { ...bodyOf(await signedLogin()), organizationSlug };
        const response = await post(paths.login, JSON.stringify(body));
        expect(response.status).not.toBe(200);
        await expectAnswer(paths.login, response);
      },
    ));

  it("for a token with one character changed, nor is it revoked", async () => {
    const token = await accessToken();
    // The last character has bits to spare, that mean nothing.
    await forAll(100, fc.tuple(fc.constantFrom(paths.renew, paths.revoke), slip), async ([path, one]) => {
      const changed = slipped(token.slice(0, -1), one) + token.slice(-1);
      if (changed.trim() === token) return;
      const response = await post(path, JSON.stringify({ accessToken: changed }));
      expect(response.status, changed).toBe(403);
      await expectAnswer(path, response);
    });
    expect((await post(paths.renew, JSON.stringify({ accessToken: token }))).status).toBe(200);
  });
});
