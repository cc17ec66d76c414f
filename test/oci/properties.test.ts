import { Buffer } from "node:buffer";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { parseHttpDate } from "../../src/oci/http-date.ts";
import { parseIdentityHost } from "../../src/oci/identity-host.ts";
import { formatApiKeyId, parseApiKeyId } from "../../src/oci/key-id.ts";
import { parseTenancyOcid, parseUserOcid, realmOf } from "../../src/oci/ocid.ts";
import type { Parsed } from "../../src/oci/parsed.ts";
import { importPublicKey } from "../../src/oci/public-key.ts";
import {
  formatRequestSignature,
  parseRequestSignature,
  type RequestSignature,
  type SignatureAlgorithm,
  type SignedHeader,
} from "../../src/oci/request-signature.ts";
import { parseSignedGetUser } from "../../src/oci/signed-get-user.ts";
import { verifySignature } from "../../src/oci/verify.ts";
import { forAll } from "../for-all.ts";
import {
  almost,
  anyText,
  apiKeyId,
  host,
  httpDate,
  ocid,
  orAnything,
  permutation,
  signedHeaders,
} from "./arbitraries.ts";
import { newRsaKeyPair } from "./key-pairs.ts";
import { accepted } from "./parsed-values.ts";
import { realms } from "./realms.ts";
import {
  anyAuthorization,
  defective,
  requestSignature,
  write,
  writtenSignature,
} from "./written-signatures.ts";

/** Every refusal is explained, in printable text of bounded length. */
function expectProblem(parsed: Parsed<unknown>): void {
  expect(parsed).toMatchObject({ ok: false, problem: expect.stringMatching(/^[\x20-\x7e…]{1,2000}$/) });
}

describe("any Authorization header", () => {
  it("that is accepted is printed and read again to the same value; any other is refused with a problem", () =>
    forAll(300, anyAuthorization, (text) => {
      const parsed = parseRequestSignature(text);
      if (!parsed.ok) return expectProblem(parsed);
      expect(parseRequestSignature(formatRequestSignature(parsed.value))).toEqual(parsed);
    }));

  it("that is accepted holds values of the grammar, and nothing else", () =>
    forAll(300, anyAuthorization, (text) => {
      const parsed = parseRequestSignature(text);
      if (!parsed.ok) return expectProblem(parsed);
      const { keyId, algorithm, headers, signature, ...more } = parsed.value;
      expect(more).toEqual({});
      expect(keyId).toMatch(/^[\x20-\x7e]*$/);
      expect(keyId).not.toMatch(/["\\]/);
      expect(["rsa-sha256", "rsa-pss-sha256"]).toContain(algorithm);
      expect(headers).toContain("(request-target)");
      expect(headers).toContain("host");
      expect(["(request-target)", "host", "date", "x-date"]).toEqual(expect.arrayContaining([...headers]));
      expect(new Set(headers).size).toBe(headers.length);
      expect(signature.length).toBeGreaterThanOrEqual(256);
      expect(signature.length).toBeLessThanOrEqual(1024);
    }));
});

describe("a valid Authorization header", () => {
  it("is the printed form of any signature, and parses to the same signature", () =>
    forAll(150, requestSignature, (signature) => {
      expect(parseRequestSignature(formatRequestSignature(signature))).toEqual({
        ok: true,
        value: signature,
      });
    }));

  it("means the same in any order of parameters, case of names, white space and padding", () =>
    forAll(200, writtenSignature, ({ signature, written }) => {
      expect(parseRequestSignature(write(written))).toEqual({ ok: true, value: signature });
    }));

  it("is refused once its structure has one defect", () =>
    forAll(900, writtenSignature.chain(defective), ({ text }) => {
      expectProblem(parseRequestSignature(text));
    }));
});

const domains = new Map<string, string>(realms.map(([realm, domain]) => [realm, domain]));

describe("an OCID", () => {
  it("that is valid is accepted unchanged, only as one of its own type, and of its realm", () =>
    forAll(150, fc.tuple(ocid("user"), ocid("tenancy")), ([user, tenancy]) => {
      expect(parseUserOcid(user)).toEqual({ ok: true, value: user });
      expect(parseTenancyOcid(tenancy)).toEqual({ ok: true, value: tenancy });
      expectProblem(parseUserOcid(tenancy));
      expectProblem(parseTenancyOcid(user));
      expect(realmOf(accepted(parseUserOcid(user)))).toBe(user.split(".")[2]);
    }));

  it("that is accepted is of a known realm and has only lower-case letters, digits, hyphens and dots; any text gets an answer", () =>
    forAll(250, fc.oneof(orAnything(ocid("user")), orAnything(ocid("tenancy"))), (text) => {
      for (const parsed of [parseUserOcid(text), parseTenancyOcid(text)]) {
        if (!parsed.ok) {
          expectProblem(parsed);
          continue;
        }
        expect(parsed.value).toBe(text);
        expect(text).toMatch(/^[a-z0-9.-]{1,255}$/);
        expect(domains.keys()).toContain(realmOf(parsed.value));
      }
    }));
});

describe("a keyId", () => {
  it("that is valid is formatted back to the same text", () =>
    forAll(100, apiKeyId, (text) => {
      expect(formatApiKeyId(accepted(parseApiKeyId(text)))).toBe(text);
    }));

  it("that is accepted is formatted back to the same text and names two OCIDs and a fingerprint; any text gets an answer", () =>
    forAll(
      200,
      fc.oneof(
        orAnything(apiKeyId),
        anyText.map((text) => `ST$${text}`),
      ),
      (text) => {
        const parsed = parseApiKeyId(text);
        if (!parsed.ok) return expectProblem(parsed);
        expect(formatApiKeyId(parsed.value)).toBe(text);
        expect(text).toMatch(/^ocid1\.tenancy\.[a-z0-9.-]+\/ocid1\.user\.[a-z0-9.-]+\/[0-9a-f:]{47}$/);
      },
    ));
});

describe("an Identity host", () => {
  it("that is valid is accepted unchanged", () =>
    forAll(150, host, (text) => {
      expect(parseIdentityHost(text)).toMatchObject({ ok: true, value: { text } });
    }));

  it("that is accepted is in a realm's domain and has only lower-case letters, digits, hyphens and dots; any text gets an answer", () =>
    forAll(400, orAnything(host), (text) => {
      const parsed = parseIdentityHost(text);
      if (!parsed.ok) return expectProblem(parsed);
      const { domain } = parsed.value;
      expect(parsed.value.text).toBe(text);
      expect(text).toMatch(/^identity\.[a-z0-9.-]{1,100}$/);
      expect([...domains.values()]).toContain(domain);
      expect(text.endsWith(`.${domain}`)).toBe(true);
      expect(new URL(`https://${text}`).host).toBe(text);
    }));
});

describe("an HTTP date", () => {
  it("that is valid is accepted unchanged, and is its second", () =>
    forAll(150, httpDate, (text) => {
      const epochMilliseconds = new Date(text).getTime();
      expect(parseHttpDate(text)).toEqual({ ok: true, value: { text, epochMilliseconds } });
    }));

  it("that is accepted is what toUTCString prints of its time; any text gets an answer", () =>
    forAll(
      300,
      fc.oneof(
        orAnything(httpDate),
        fc.date().map(String),
        fc.date().map((at) => at.toUTCString()),
      ),
      (text) => {
        const parsed = parseHttpDate(text);
        if (!parsed.ok) return expectProblem(parsed);
        expect(parsed.value.text).toBe(text);
        expect(new Date(parsed.value.epochMilliseconds).toUTCString()).toBe(text);
        expect(text).toMatch(/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/);
      },
    ));
});

describe("the signing string", () => {
  const sent = fc.record({
    userOcid: ocid("user"),
    headers: fc.record(
      { host: orAnything(host), date: orAnything(httpDate), "x-date": orAnything(httpDate) },
      { requiredKeys: ["host"] },
    ),
    signed: signedHeaders,
  });
  const valid = fc.record({
    userOcid: ocid("user"),
    headers: fc.record({ host, date: httpDate, "x-date": httpDate }),
    signed: signedHeaders,
  });

  it("of any accepted request has a line for each signed header, in order, and no other", () =>
    forAll(300, fc.oneof(sent, valid), ({ userOcid, headers, signed }) => {
      const parsed = parseSignedGetUser(accepted(parseUserOcid(userOcid)), headers, signed);
      if (!parsed.ok) return expectProblem(parsed);
      const values = { ...headers, "(request-target)": `get /20160918/users/${userOcid}` };
      const lines = parsed.value.signingString.split(/[\r\n\v\f\u0085\u2028\u2029]/);
      expect(lines).toEqual(signed.map((name) => `${name}: ${values[name]}`));
      expect(parsed.value.signingString).toMatch(/^[\x20-\x7e\n]+$/);
    }));
});

/** A Get User request, as signed or as sent. */
interface GetUser {
  readonly userOcid: string;
  readonly host: string;
  readonly date: string;
  readonly "x-date": string;
  readonly headers: readonly SignedHeader[];
  readonly algorithm: SignatureAlgorithm;
  readonly signature: Uint8Array<ArrayBuffer>;
}
type Unsigned = Omit<GetUser, "signature">;

describe("a signature", () => {
  const pairs = [newRsaKeyPair(), newRsaKeyPair(), newRsaKeyPair(3072)];
  const algorithms = ["rsa-sha256", "rsa-pss-sha256"] as const;
  const signers = {
    "rsa-sha256": { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
    "rsa-pss-sha256": { name: "RSA-PSS", hash: "SHA-256", saltLength: 32 },
  };
  /** One key pair for each algorithm, since a key is imported for one. */
  const keys: Record<SignatureAlgorithm, { privateKey: CryptoKey; publicKey: CryptoKey }>[] = [];

  beforeAll(async () => {
    for (const { pkcs8, spki } of pairs) {
      const imported = async (algorithm: SignatureAlgorithm) => ({
        privateKey: await crypto.subtle.importKey("pkcs8", pkcs8, signers[algorithm], false, ["sign"]),
        publicKey: accepted(await importPublicKey(spki, algorithm)),
      });
      keys.push({
        "rsa-sha256": await imported("rsa-sha256"),
        "rsa-pss-sha256": await imported("rsa-pss-sha256"),
      });
    }
  });

  function keyOf(index: number, algorithm: SignatureAlgorithm) {
    const key = keys[index];
    if (key === undefined) throw new RangeError(`there is no key ${index}`);
    return key[algorithm];
  }

  /** Signs the request. The signing string is not made by our code either. */
  async function signedWith(key: number, request: Unsigned): Promise<GetUser> {
    const values = { ...request, "(request-target)": `get /20160918/users/${request.userOcid}` };
    const text = request.headers.map((name) => `${name}: ${values[name]}`).join("\n");
    const { privateKey } = keyOf(key, request.algorithm);
    const signer = signers[request.algorithm];
    const bytes = await crypto.subtle.sign(signer, privateKey, new TextEncoder().encode(text));
    return { ...request, signature: new Uint8Array(bytes) };
  }

  /** A login's decision about a signature: it parses what was sent, and the key made the signature. */
  async function decide(key: number, sent: GetUser): Promise<"verified" | "refused"> {
    const { userOcid, algorithm, headers, signature, ...values } = sent;
    const user = parseUserOcid(userOcid);
    const parsed = parseRequestSignature(formatted({ keyId: "key", algorithm, headers, signature }));
    if (!user.ok || !parsed.ok) return "refused";
    const request = parseSignedGetUser(user.value, values, parsed.value.headers);
    if (!request.ok) return "refused";
    const { publicKey } = keyOf(key, parsed.value.algorithm);
    const { signingString } = request.value;
    const verifies = await verifySignature(
      publicKey,
      parsed.value.algorithm,
      parsed.value.signature,
      signingString,
    );
    return verifies ? "verified" : "refused";
  }

  /** Written by hand, since a signer's output may differ from ours. */
  function formatted({ keyId, algorithm, headers, signature }: RequestSignature): string {
    const bytes = Buffer.from(signature).toString("base64");
    return `Signature version="1",headers="${headers.join(" ")}",keyId="${keyId}",algorithm="${algorithm}",signature="${bytes}"`;
  }

  const request: fc.Arbitrary<Unsigned> = fc.record({
    userOcid: ocid("user"),
    host,
    date: httpDate,
    "x-date": httpDate,
    headers: signedHeaders,
    algorithm: fc.constantFrom(...algorithms),
  });
  const key = fc.nat(pairs.length - 1);

  /** Another value of the same kind: one character changed, or a whole other valid one. */
  const other = (value: string, valid: fc.Arbitrary<string>) =>
    fc
      .oneof({ weight: 3, arbitrary: almost(fc.constant(value)) }, valid)
      .filter((changed) => changed !== value);

  /** One value that was signed, changed. */
  function oneChange(original: Unsigned): fc.Arbitrary<Partial<Unsigned>> {
    const { headers, algorithm } = original;
    const dates = headers.filter((name) => name === "date" || name === "x-date");
    const values = {
      "(request-target)": "",
      host: original.host,
      date: original.date,
      "x-date": original["x-date"],
    };
    return fc.oneof(
      other(original.host, host).map((changed) => ({ host: changed })),
      other(original.userOcid, ocid("user")).map((changed) => ({ userOcid: changed })),
      ...dates.map((name) => other(values[name], httpDate).map((changed) => ({ [name]: changed }))),
      permutation(headers)
        .filter((changed) => changed.join() !== headers.join())
        .map((changed) => ({ headers: changed })),
      signedHeaders
        .filter((changed) => changed.join() !== headers.join())
        .map((changed) => ({ headers: changed })),
      fc.constant({ algorithm: algorithms.find((name) => name !== algorithm) ?? algorithm }),
    );
  }

  it("verifies, whatever an unsigned date says", () =>
    forAll(75, fc.tuple(key, request, anyText), async ([by, unsigned, text]) => {
      const sent = await signedWith(by, unsigned);
      expect(await decide(by, sent)).toBe("verified");
      for (const name of ["date", "x-date"] as const) {
        if (sent.headers.includes(name)) continue;
        expect(await decide(by, { ...sent, [name]: text })).toBe("verified");
      }
    }));

  it("never verifies with one byte changed, one missing, or one more", () =>
    forAll(
      150,
      fc.tuple(key, request, fc.nat(), fc.integer({ min: 1, max: 255 })),
      async ([by, unsigned, position, difference]) => {
        const sent = await signedWith(by, unsigned);
        const at = position % sent.signature.length;
        const changed = sent.signature.with(at, (sent.signature[at] ?? 0) ^ difference);
        const bytes = [...sent.signature];
        const all = [
          changed,
          bytes.toSpliced(at, 1),
          bytes.toSpliced(at, 0, difference),
          [...bytes, 0],
          [0, ...bytes],
        ];
        for (const signature of all) {
          expect(await decide(by, { ...sent, signature: Uint8Array.from(signature) })).toBe("refused");
        }
      },
    ));

  it("never verifies with one signed value changed: host, user, date, order or choice of headers, algorithm", () =>
    forAll(
      300,
      fc
        .tuple(key, request)
        .chain(([by, unsigned]) => fc.tuple(fc.constant(by), fc.constant(unsigned), oneChange(unsigned))),
      async ([by, unsigned, change]) => {
        const sent = await signedWith(by, unsigned);
        expect(await decide(by, { ...sent, ...change })).toBe("refused");
      },
    ));

  it("never verifies by another key", () =>
    forAll(
      50,
      fc.tuple(
        key,
        key.filter((index) => index > 0),
        request,
      ),
      async ([by, step, unsigned]) => {
        const sent = await signedWith(by, unsigned);
        expect(await decide((by + step) % pairs.length, sent)).toBe("refused");
      },
    ));
});
