/** Attacks on a login's signature: who signed, what was signed, and every rule of the grammar. */
import { constants, createHash, privateEncrypt, sign } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectRefusal } from "./attack.ts";
import { type AttackedLogin, startAttackedLogin } from "./attacked-login.ts";
import { addUser, type OciUser } from "./oci-users.ts";
import { newRsaKey } from "./rsa-keys.ts";
import { type LoginHeaders, type SigningOptions, signAsGo, signAsTypeScript } from "./signers.ts";
import type { Answer } from "./worker.ts";

type Attack = () => Promise<Answer>;
type Rewrite = [from: string | RegExp, to: string];

const host = "identity.us-ashburn-1.oraclecloud.com";

let attacked: AttackedLogin;
beforeAll(async () => {
  attacked = await startAttackedLogin();
});
afterAll(() => attacked.worker.close());

/** An attack is a body; what it says is what the Worker must refuse. */
const login = (overrides: Record<string, unknown>, options?: SigningOptions) => () =>
  attacked.worker.login(attacked.bodyOf(overrides, options));

/** True headers, but for a part of the authorization. */
function rewritten(...[from, to]: Rewrite): LoginHeaders {
  const headers = signAsGo(attacked.alice);
  return { ...headers, authorization: headers.authorization.replace(from, to) };
}

function keyIdOf(user: OciUser, change: Partial<OciUser> = {}): string {
  const { tenancyOcid, userOcid, fingerprint } = { ...user, ...change };
  return `${tenancyOcid}/${userOcid}/${fingerprint}`;
}

describe("a login is refused, by who signed:", () => {
  const anotherUser = "Access denied: the user in keyId is not userOcid; each user signs for themselves.";
  const unknownKey = "Access denied: the API key is not an active key of an active OCI user.";
  const notAllowed = "Access denied: OCI account username not allowed.";
  const anotherTenancy = "Access denied: OCI account isn't part of tenancy.";
  const unverified = "Access denied: the signature does not verify.";
  const spareKey = newRsaKey();

  const loginAs =
    (user: OciUser, options?: SigningOptions): Attack =>
    () =>
      attacked.worker.login({
        identityId: attacked.identityId,
        userOcid: user.userOcid,
        headers: signAsGo(user, options),
      });
  const newUser = (tenancyOcid: string) =>
    addUser(attacked.worker, tenancyOcid, { name: attacked.alice.name, key: spareKey });
  const setUser = ({ tenancyOcid, userOcid, name }: OciUser, about: Record<string, unknown>) =>
    attacked.worker.emulator("PUT", `users/${userOcid}`, { tenancyOcid, name, apiKeys: [key()], ...about });
  const key = (lifecycleState = "ACTIVE") => ({ publicKey: spareKey.publicKey, lifecycleState });

  /** A user who was let in until something changed in OCI, and what was cached of it was forgotten. */
  const former = (change: (user: OciUser) => Promise<unknown>) => async () => {
    const { worker, tenancyOcid } = attacked;
    const user = await newUser(tenancyOcid);
    await attacked.expectLogin({ ...attacked.bodyOf(), userOcid: user.userOcid, headers: signAsGo(user) });
    await change(user);
    await worker.admin("DELETE", `/api/v1/oci/tenancies/${tenancyOcid}/users/${user.userOcid}/cache`);
    return loginAs(user);
  };

  const early: [who: string, attack: Attack][] = [
    ["another user, for the allowed one", () => login({ headers: signAsGo(attacked.mallory) })()],
    ["the allowed user, for another one", () => login({ userOcid: attacked.mallory.userOcid })()],
    [
      "the Worker itself, when it asked OCI about the allowed user",
      () => login({ headers: signAsTypeScript(attacked.reader, { target: attacked.alice.userOcid }) })(),
    ],
  ];
  it.each(early)("%s", async (_, attack) => {
    await attacked.expectRefusedEarly(attack, 401, anotherUser);
  });

  const late: [who: string, message: string, prepare: () => Attack | Promise<Attack>][] = [
    ["another user of the tenancy, as themselves", notAllowed, () => loginAs(attacked.mallory)],
    ["the Worker's own credential, as itself", notAllowed, () => loginAs(attacked.reader)],
    [
      "the Worker's own credential, under the allowed user's keyId",
      unverified,
      () => {
        const { reader, alice } = attacked;
        return login({ headers: signAsGo(reader, { target: alice.userOcid, keyId: keyIdOf(alice) }) });
      },
    ],
    [
      "the allowed user's name, with another user's key",
      unknownKey,
      () => {
        const { alice, mallory } = attacked;
        const keyId = keyIdOf(alice, { fingerprint: mallory.fingerprint });
        return login({ headers: signAsGo(mallory, { target: alice.userOcid, keyId }) });
      },
    ],
    [
      "a user of the same name, of another tenancy",
      anotherTenancy,
      async () => loginAs(await newUser(attacked.foreignTenancy)),
    ],
    [
      "a user of another tenancy, who names the right one",
      unknownKey,
      async () => {
        const stranger = await newUser(attacked.foreignTenancy);
        return loginAs(stranger, { keyId: keyIdOf(stranger, attacked) });
      },
    ],
    [
      "the allowed user, who names another tenancy",
      anotherTenancy,
      () => login({}, { keyId: keyIdOf(attacked.alice, { tenancyOcid: attacked.foreignTenancy }) }),
    ],
    [
      "the right user, with an inactive key beside an active one",
      unknownKey,
      async () => {
        const user = await newUser(attacked.tenancyOcid);
        await setUser(user, { apiKeys: [{ publicKey: attacked.mallory.publicKey }, key("INACTIVE")] });
        return loginAs(user);
      },
    ],
    ["a key that is being deleted", unknownKey, former((u) => setUser(u, { apiKeys: [key("DELETING")] }))],
    ["a key that is gone", unknownKey, former((u) => setUser(u, { apiKeys: [] }))],
    [
      "a deleted user",
      unknownKey,
      former(({ userOcid }) => attacked.worker.emulator("DELETE", `users/${userOcid}`)),
    ],
    ["a blocked user", unknownKey, former((u) => setUser(u, { lifecycleState: "INACTIVE" }))],
    ["a user who may not use API keys", unknownKey, former((u) => setUser(u, { canUseApiKeys: false }))],
    ["a user of another name by now", notAllowed, former((u) => setUser(u, { name: "mallory@example.com" }))],
    [
      "a user of another tenancy by now",
      unknownKey,
      former((u) => setUser(u, { tenancyOcid: attacked.foreignTenancy })),
    ],
  ];
  it.each(late)("%s", async (_, message, prepare) => {
    await attacked.expectRefusedLate(await prepare(), 401, message);
  });
});

describe("a login is refused, by what was signed:", () => {
  type Make = (text: Buffer, privateKey: string) => Buffer;
  type Algorithm = SigningOptions["algorithm"];
  const rsaSha256: Make = (text, key) => sign("sha256", text, key);

  /** The headers of a true login, with the signature of another text or another kind. */
  function signed(rewrite: (text: string) => string, make = rsaSha256, algorithm?: Algorithm): LoginHeaders {
    const { alice } = attacked;
    const { date, authorization } = signAsGo(alice, algorithm && { algorithm });
    const text = `date: ${date}\n(request-target): get /20160918/users/${alice.userOcid}\nhost: ${host}`;
    const signature = make(Buffer.from(rewrite(text)), alice.privateKey).toString("base64");
    return {
      date,
      host,
      authorization: authorization.replace(/signature="[^"]*"/, `signature="${signature}"`),
    } as LoginHeaders;
  }
  const same = (text: string) => text;
  const expectUnverified = (headers: LoginHeaders) =>
    attacked.expectRefusedLate(login({ headers }), 401, "Access denied: the signature does not verify.");

  it("not the right text, signed in the same way as the texts below", async () => {
    await attacked.expectLogin(attacked.bodyOf({ headers: signed(same) }));
  });

  const target = /get \/20160918\/users\/(.*)/;
  const texts: [what: string, ...Rewrite][] = [
    ["a GET in capitals", "get /", "GET /"],
    ["a POST", "get /", "post /"],
    ["a HEAD", "get /", "head /"],
    ["a PUT", "get /", "put /"],
    ["an OPTIONS", "get /", "options /"],
    ["the list of users", target, "get /20160918/users"],
    ["the user's API keys", target, "$&/apiKeys"],
    ["more of a path", target, "$&/x"],
    ["a trailing slash", target, "$&/"],
    ["a double slash", "get /", "get //"],
    ["a dot segment", target, "get /20160918/x/../users/$1"],
    ["a query", target, "$&?limit=1"],
    ["an empty query", target, "$&?"],
    ["a fragment", target, "$&#x"],
    ["a percent-encoded OCID", "users/ocid1.", "users/ocid1%2E"],
    ["a percent-encoded path", "users/", "%75sers/"],
    ["an OCID in capitals", "users/ocid1", "users/OCID1"],
    ["another version of the API", "20160918", "20170101"],
    ["another service's path", "20160918", "v1"],
    ["an absolute URI", "get ", `get https://${host}`],
    ["a request line", target, "$& HTTP/1.1"],
    ["another user's path", target, "get /20160918/users/ocid1.user.oc1..aaaa"],
    ["a newline at the end", /$/, "\n"],
    ["lines that end as in HTTP", /\n/g, "\r\n"],
    ["lines without spaces", /: /g, ":"],
    ["names in capitals", "host", "Host"],
    ["values alone", /^.*?: /gm, ""],
    ["one header more", /$/, "\nx-content-sha256: x"],
    ["one header less", /\nhost.*/, ""],
    ["a host in capitals", /identity.*/, host.toUpperCase()],
    ["nothing", /.*/s, ""],
  ];
  it.each(texts)("%s", async (_, from, to) => {
    await expectUnverified(signed((text) => text.replace(from, to)));
  });

  const bytes = (length: number, byte: number) => Buffer.alloc(length, byte);
  const pss =
    (saltLength: number): Make =>
    (text, key) =>
      sign("sha256", text, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
  const digest = (text: Buffer) => createHash("sha256").update(text).digest();
  const makers: [what: string, make: Make, algorithm?: Algorithm][] = [
    ["with SHA-1", (text, key) => sign("sha1", text, key)],
    ["with SHA-512", (text, key) => sign("sha512", text, key)],
    ["with MD5", (text, key) => sign("md5", text, key)],
    ["hashed twice", (text, key) => sign("sha256", digest(text), key)],
    ["without the name of the hash", (text, key) => privateEncrypt(key, digest(text))],
    ["with PSS, as PKCS #1", pss(32)],
    ["with PKCS #1, as PSS", rsaSha256, "rsa-pss-sha256"],
    ["with PSS without salt", pss(0), "rsa-pss-sha256"],
    ["with PSS and 20 bytes of salt", pss(20), "rsa-pss-sha256"],
    ["with PSS and 222 bytes of salt", pss(222), "rsa-pss-sha256"],
    ["with zeros", () => bytes(256, 0)],
    ["with the number one", () => Buffer.concat([bytes(255, 0), bytes(1, 1)])],
    ["with a number above the modulus", () => bytes(256, 0xff)],
    ["with a leading zero", (text, key) => Buffer.concat([bytes(1, 0), rsaSha256(text, key)])],
    ["with a trailing zero", (text, key) => Buffer.concat([rsaSha256(text, key), bytes(1, 0)])],
    ["twice", (text, key) => Buffer.concat([rsaSha256(text, key), rsaSha256(text, key)])],
    ["backwards", (text, key) => rsaSha256(text, key).reverse()],
    ["with another user's key", (text) => rsaSha256(text, attacked.mallory.privateKey)],
  ];
  it.each(makers)("the right text, %s", async (_, make, algorithm) => {
    await expectUnverified(signed(same, make, algorithm));
  });

  it("the right text, a byte short", async () => {
    const headers = signed(same, (text, key) => rsaSha256(text, key).subarray(1));
    await attacked.expectRefusedEarly(login({ headers }), 400, /signature has 255 bytes/);
  });

  it("the right text, shown as x-date where date was signed", async () => {
    const { date = "", ...rest } = signed(same);
    const authorization = rest.authorization.replace('headers="date', 'headers="x-date');
    await expectUnverified({ ...rest, authorization, "x-date": date });
  });
});

it("a login is refused where the white space around userOcid was signed: what is trimmed is what is verified", async () => {
  for (const space of ["\n", "\r\n", " ", "\t", "\u00a0", "\u2028", "\ufeff"]) {
    for (const userOcid of [attacked.alice.userOcid + space, space + attacked.alice.userOcid]) {
      const attack = login({ userOcid }, { target: userOcid });
      await attacked.expectRefusedLate(attack, 401, "Access denied: the signature does not verify.");
      await attacked.expectLogin(attacked.bodyOf({ userOcid }));
    }
  }
});

describe("a login is refused with 400", () => {
  const grammar = /^(authorization|keyId)\b/;
  const now = () => new Date().toUTCString();

  /** Where a text is smuggled in. What is signed is what is sent, so that the grammar alone stands against it. */
  const places: [where: string, login: (text: string) => Attack, message: RegExp][] = [
    ["host", (text) => login({}, { host: host.replace("us-", `${text}us-`) }), /^host /],
    ["host's end", (text) => login({}, { host: host + text }), /^host /],
    ["date", (text) => login({}, { date: now().replace(" ", `${text} `) }), /^date /],
    ["date's end", (text) => login({}, { date: now() + text }), /^date /],
    ["userOcid", (text) => loginOf(attacked.alice.userOcid.replace("..", `.${text}.`)), /^userOcid: /],
    ["userOcid's end", (text) => loginOf(`${attacked.alice.userOcid}${text}x`), /^userOcid: /],
    ...["keyId", "algorithm", "headers", "version", "signature"].map(
      (name): [string, (text: string) => Attack, RegExp] => [
        name,
        (text) => login({ headers: rewritten(new RegExp(`${name}="[^"]+`), `$&${text}`) }),
        grammar,
      ],
    ),
    ["a name", (text) => login({ headers: rewritten("version=", `ver${text}sion=`) }), grammar],
    ["the end", (text) => login({ headers: rewritten(/$/, `${text}x`) }), grammar],
  ];
  const loginOf = (userOcid: string) => login({ userOcid }, { target: userOcid });

  it.each([
    ["CR LF", "\r\n"],
    ["LF", "\n"],
    ["CR", "\r"],
    ["a folded line", "\r\n "],
    ["a line of its own", "\nhost: evil.example.com"],
    ["NUL", "\u0000"],
    ["tab", "\t"],
    ["DEL", "\u007f"],
    ["NEL", "\u0085"],
    ["a no-break space", "\u00a0"],
    ["a zero-width space", "\u200b"],
    ["U+2028", "\u2028"],
    ["a byte order mark", "\ufeff"],
    ["a right-to-left override", "\u202e"],
    ["a lone surrogate", "\ud800"],
    ["a Cyrillic letter", "\u0430"],
    ["a comma", ","],
    ["a quote", '"'],
    ["a quoted pair", '\\"'],
  ])("with %s smuggled into any value that is signed", async (_, text) => {
    await attacked.watch.unchanged(async () => {
      for (const [where, attack, message] of places) {
        const answer = await attack(text)();
        expect([where, answer.status]).toEqual([where, 400]);
        expectRefusal(answer, 400, message);
      }
    });
  });

  it.each([
    `${host}.`,
    "Identity.us-ashburn-1.oraclecloud.com",
    "identity.US-ASHBURN-1.oraclecloud.com",
    `${host}@evil.example.com`,
    `evil.example.com#${host}`,
    `${host}/`,
    `${host}?x`,
    `x${host}`,
    `${host}.oraclecloud.com`,
    "identity.x.us-ashburn-1.oraclecloud.com",
    "identity..us-ashburn-1.oraclecloud.com",
    "identity.us-ashburn-1.oci.oci.oraclecloud.com",
    "identity.us-ashburn-1.xoraclecloud.com",
    "identity.us-ashburn-01.oraclecloud.com",
    "identity.us-ashburn-100.oraclecloud.com",
    "identity.-ashburn-1.oraclecloud.com",
    "identity.constructor.oraclecloud.com",
    "identity.us-ashburn-1.__proto__",
    "identity.us-ashburn-1.constructor",
    "identity.us-ashburn-1.oraclecloud999.com",
    "identity.us-ashburn-1.oraclecloud.c\u03bfm",
    "identity.us-ashburn-1.oraclecloud\uff0ecom",
    "\u0131dentity.us-ashburn-1.oraclecloud.com",
    "identity.us-ashburn-\uff11.oraclecloud.com",
    "identity.u\u017f-ashburn-1.oraclecloud.com",
    "127.0.0.1",
    "[::1]",
    "localhost",
    "x".repeat(300),
  ])("for the host %s", async (wrong) => {
    await attacked.expectRefusedEarly(login({}, { host: wrong }), 400, /^host /);
  });

  it.each([
    "Tuesday, 24-Nov-26 03:04:57 GMT",
    "Tue Nov 24 03:04:57 2026",
    "tue, 24 nov 2026 03:04:57 gmt",
    "Tue, 24 Nov 2026 03:04:57 UTC",
    "Tue, 24 Nov 2026  3:04:57 GMT",
    "Tue,  24 Nov 2026 03:04:57 GMT",
    "Tue, 24 Nov 2026 03:04 GMT",
    "Tue, 24 Nov 26 03:04:57 GMT",
    "Tue, 24 Nov 2026 24:00:00 GMT",
    "Tue, 24 Nov 2026 23:59:60 GMT",
    "Mon, 30 Feb 2026 03:04:57 GMT",
    "Tue, 24 Nov 2026 03:04:57 GMT (x)",
    "Sat, 01 Jan 10000 00:00:00 GMT",
    "Tue, 24 Nov \u0662\u0660\u0662\u0666 03:04:57 GMT",
    "Tue, 24 N\u043ev 2026 03:04:57 GMT",
    "Invalid Date",
    "1795489497",
    "x".repeat(29),
  ])("for the date %s, in either header", async (date) => {
    const message = /^date .* is not an HTTP date/;
    const headers = signAsTypeScript(attacked.alice, { date });
    await attacked.expectRefusedEarly(login({}, { date }), 400, message);
    await attacked.expectRefusedEarly(login({ headers }), 400, message);
  });

  const unique = "a".repeat(60);
  it.each([
    `OCID1.USER.OC1..${unique}`,
    `ocid1.user.oc1..${unique.toUpperCase()}`,
    `ocid1.user.oc1..${unique}.`,
    `ocid1.user.oc1.${unique}`,
    `ocid1.user.oc1.a.b.c.${unique}`,
    `ocid1.user..a.${unique}`,
    `ocid2.user.oc1..${unique}`,
    `ocid1..oc1..${unique}`,
    `ocid1.users.oc1..${unique}`,
    `ocid1.instance.oc1..${unique}`,
    `ocid1.user.__proto__..${unique}`,
    `ocid1.user.constructor..${unique}`,
    `ocid1.user.oc1..${unique}/apiKeys`,
    `ocid1.user.oc1..${unique}/../x`,
    `ocid1.user.oc1..${unique}?x`,
    `ocid1.user.oc1..${unique}%00`,
    `ocid1.user.oc1..${"a".repeat(240)}`,
    `\u043ecid1.user.oc1..${unique}`,
    `ocid1.user.oc\uff11..${unique}`,
    `ocid1.user.oc1. .${unique}`,
  ])("for the user %s, in userOcid or keyId", async (userOcid) => {
    const keyId = keyIdOf(attacked.alice, { userOcid });
    await attacked.expectRefusedEarly(login({ userOcid }, { target: userOcid, keyId }), 400, /^userOcid: /);
    await attacked.expectRefusedEarly(login({}, { keyId }), 400, grammar);
  });

  const keyIds: [what: string, ...Rewrite][] = [
    ["a slash more", /$/, "/"],
    ["a slash before", /^/, "/"],
    ["a double slash", "/", "//"],
    ["the tenancy twice", /^[^/]*/, "$&/$&"],
    ["user and tenancy exchanged", /^([^/]*)\/([^/]*)/, "$2/$1"],
    ["a percent-encoded slash", "/", "%2F"],
    ["a backslash", "/", "\\"],
    ["no fingerprint", /[^/]*$/, ""],
    ["a short fingerprint", /...$/, ""],
    ["a long fingerprint", /$/, ":00"],
    ["a fingerprint without colons", /:/g, ""],
    ["a SHA-256 fingerprint", /[^/]*$/, `SHA256:${"a".repeat(43)}`],
    ["the OCID of a compartment", "tenancy", "compartment"],
    ["a tenancy of an unknown realm", "tenancy.oc1", "tenancy.oc0"],
    ["a security token", /.*/, "ST$eyJhbGciOiJSUzI1NiJ9.e30.AA"],
    ["a security token in small letters", /.*/, "st$x"],
    ["a security token's prefix", /^/, "ST$"],
  ];
  it.each(keyIds)("for a keyId with %s", async (_, from, to) => {
    const keyId = keyIdOf(attacked.alice).replace(from, to);
    await attacked.expectRefusedEarly(login({}, { keyId }), 400, grammar);
  });

  const names = "date (request-target) host";
  const value = (name: string) => new RegExp(`${name}="[^"]*"`);
  const authorizations: [what: string, ...Rewrite][] = [
    ["base64 of a length that none has", value("signature"), `signature="${"A".repeat(345)}"`],
    ["a long s in the scheme", "S", "\u017f"],
    ["no space after the scheme", " ", ""],
    ["a newline after the scheme", " ", "\n"],
    ["a no-break space after the scheme", " ", "\u00a0"],
    ["a space before the scheme", /^/, " "],
    ["the scheme twice", /^/, "Signature "],
    ["another scheme before it", /^/, "Basic x, "],
    ["another scheme after it", /$/, ", Basic x"],
    ["itself twice", /^.*$/, "$&, $&"],
    ["a Kelvin sign for a K", "keyId", "\u212aeyId"],
    ["typographic quotes", '"1"', "\u201c1\u201d"],
    ["single quotes", '"1"', "'1'"],
    ["a full-width equals sign", "version=", "version\uff1d"],
    ["spaces around an equals sign", "version=", "version = "],
    ["semicolons between parameters", /,/g, ";"],
    ["spaces between parameters", /,/g, " "],
    ["an empty parameter", ",", ",,"],
    ["a comma before the first parameter", " ", " ,"],
    ["an unclosed quote", /.$/, ""],
    ["nothing but the scheme", /.*/, "Signature "],
    ...["version", "keyId", "algorithm", "headers", "signature"].flatMap((name): [string, ...Rewrite][] => [
      [`no ${name}`, new RegExp(`${name}="[^"]*",|,${name}="[^"]*"$`), ""],
      [`an empty ${name}`, value(name), `${name}=""`],
      [`${name} twice`, new RegExp(`^.*(${name}="[^"]*").*$`), "$&,$1"],
      [`${name} twice, once in capitals`, /$/, `,${name.toUpperCase()}="x"`],
    ]),
    ["an expiry", /$/, ',expires="9999999999"'],
    ["version 1.0", '"1"', '"1.0"'],
    ["version 01", '"1"', '"01"'],
    ...["RSA-SHA256", "rsa-sha1", "rsa-sha512", "hs2019", "none", "__proto__", "ecdsa-sha256"].map(
      (algorithm): [string, ...Rewrite] => [`algorithm ${algorithm}`, "rsa-sha256", algorithm],
    ),
    ["two spaces between names", names, "date  (request-target) host"],
    ["a space before names", names, ` ${names}`],
    ["a space after names", names, `${names} `],
    ["commas between names", names, "date,(request-target),host"],
    ["a name that cannot be verified", names, `${names} content-length`],
    ["the name __proto__", names, `${names} __proto__`],
    ["a name twice", names, `${names} date`],
    ["a name twice, once in capitals", names, `${names} Date`],
    ["a name of a later draft", names, `${names} (created)`],
    ["base64 for URLs", /signature=".{4}/, 'signature="-_-_'],
    ["base64 with a space", /signature=".{4}/, "$& "],
    ["base64 with padding in the middle", /signature=".{4}/, "$&=="],
    ["base64 with too much padding", /=+"$/, '===="'],
    ["hexadecimal", value("signature"), `signature="${"0f".repeat(100)}"`],
    ["1025 bytes", value("signature"), `signature="${Buffer.alloc(1025).toString("base64")}"`],
    ["ten thousand spaces", ",", " ".repeat(10_000)],
    ["a thousand parameters", /$/, ',x="y"'.repeat(1000)],
    ["seven thousand quotes", /.*/, `Signature ${'"'.repeat(7000)}`],
  ];
  it.each(authorizations)("for an authorization with %s", async (_, from, to) => {
    await attacked.expectRefusedEarly(login({ headers: rewritten(from, to) }), 400, grammar);
  });
});

it("and the audit log says no more and no less", async () => {
  await attacked.expectTrueLog();
});
