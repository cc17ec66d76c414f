import { Buffer } from "node:buffer";
import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import { describe, expect, it } from "vitest";
import { parsePrivateKey } from "../../src/oci/private-key.ts";
import { fingerprintOf, importPublicKey, publicKeyDer } from "../../src/oci/public-key.ts";
import { parseRequestSignature, type SignatureAlgorithm } from "../../src/oci/request-signature.ts";
import { importSigningKey, signGet } from "../../src/oci/sign.ts";
import { parseSignedGetUser } from "../../src/oci/signed-get-user.ts";
import { verifySignature } from "../../src/oci/verify.ts";
import { newEcKeyPair, newRsaKeyPair } from "./key-pairs.ts";
import { newTenancyOcid, newUserOcid } from "./ocids.ts";
import { accepted, refused } from "./parsed-values.ts";

const rsa = newRsaKeyPair();
const otherRsa = newRsaKeyPair();
const shortRsa = newRsaKeyPair(1024);
const longRsa = newRsaKeyPair(3072);
const ec = newEcKeyPair();

const algorithms = ["rsa-sha256", "rsa-pss-sha256"] as const;

const pkcs8Pem = rsa.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const pkcs1Pem = rsa.privateKey.export({ type: "pkcs1", format: "pem" }).toString();

describe("reads a private key", () => {
  it.each(
    Object.entries({
      "in PKCS#8, as the console gives it": `${pkcs8Pem}OCI_API_KEY\n`,
      "in PKCS#8 without the label line": pkcs8Pem,
      "in PKCS#8 with a label line that does not end": `${pkcs8Pem}OCI_API_KEY`,
      "in PKCS#8 without a last newline": pkcs8Pem.trimEnd(),
      "in PKCS#8 with CR LF": pkcs8Pem.replaceAll("\n", "\r\n"),
      "in PKCS#8 with CR LF and the label line": `${pkcs8Pem}OCI_API_KEY\n`.replaceAll("\n", "\r\n"),
      "in PKCS#1, as older OpenSSL writes it": pkcs1Pem,
      "in PKCS#1 with the label line": `${pkcs1Pem}OCI_API_KEY\n`,
      "in PKCS#1 with CR LF": pkcs1Pem.replaceAll("\n", "\r\n"),
      "after empty lines": `\n\n${pkcs8Pem}\n\n`,
    }),
  )("%s", async (_, pem) => {
    expect(await parsePrivateKey(pem)).toEqual({
      ok: true,
      value: { pkcs8: rsa.pkcs8, fingerprint: rsa.fingerprint },
    });
  });

  it.each(["pkcs8", "pkcs1"] as const)("encrypted, in %s, with its passphrase and no other", async (type) => {
    const cipher = "aes-256-cbc";
    const pem = rsa.privateKey
      .export({ type, format: "pem", cipher, passphrase: "a # passphrase" })
      .toString();
    expect(accepted(await parsePrivateKey(pem, "a # passphrase"))).toEqual({
      pkcs8: rsa.pkcs8,
      fingerprint: rsa.fingerprint,
    });
    expect(refused(await parsePrivateKey(pem, "a "))).toMatch(
      /cannot be decrypted; is the passphrase right\?/,
    );
  });

  it("that is not encrypted, whatever passphrase there is", async () => {
    expect(accepted(await parsePrivateKey(pkcs8Pem, "of another key")).fingerprint).toBe(rsa.fingerprint);
  });

  it("of 3072 bits", async () => {
    const pem = longRsa.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    expect(accepted(await parsePrivateKey(pem)).fingerprint).toBe(longRsa.fingerprint);
  });
});

describe("refuses, and says what it is:", () => {
  const encrypted = { cipher: "aes-256-cbc", passphrase: "a passphrase" } as const;
  const rsaPem = (type: "pkcs8" | "pkcs1", how = {}) =>
    rsa.privateKey.export({ type, format: "pem", ...how }).toString();
  const publicKey = createPublicKey(pkcs8Pem);

  it.each<[string, string, RegExp]>([
    ["an encrypted PKCS#8 key", rsaPem("pkcs8", encrypted), /encrypted with a passphrase; decrypt it first/],
    ["an encrypted PKCS#1 key", rsaPem("pkcs1", encrypted), /encrypted with a passphrase; decrypt it first/],
    ["a public key", rsa.publicPem, /public key or a certificate; the private key is needed/],
    [
      "a PKCS#1 public key",
      publicKey.export({ type: "pkcs1", format: "pem" }).toString(),
      /public key or a certificate; the private key is needed/,
    ],
    [
      "a certificate",
      "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
      /public key or a certificate; the private key is needed/,
    ],
    ["an SSH public key", "ssh-rsa AAAAB3NzaC1yc2E me@host", /public key or a certificate/],
    [
      "an OpenSSH private key",
      "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r\n-----END OPENSSH PRIVATE KEY-----\n",
      /not a private key in PEM form \(BEGIN PRIVATE KEY or BEGIN RSA PRIVATE KEY\)/,
    ],
    ["an EC key", ec.privateKey.export({ type: "pkcs8", format: "pem" }).toString(), /not an RSA key/],
    [
      "an EC key in SEC 1",
      ec.privateKey.export({ type: "sec1", format: "pem" }).toString(),
      /not a private key in PEM form/,
    ],
    [
      "an RSA key of 1024 bits",
      shortRsa.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      /has 1024 bits; OCI takes RSA keys from 2048 bits/,
    ],
    [
      "an RSA key of 1024 bits in PKCS#1",
      shortRsa.privateKey.export({ type: "pkcs1", format: "pem" }).toString(),
      /has 1024 bits/,
    ],
    ["a key without its last line", pkcs8Pem.replace(/-----END.*/, ""), /is a part of it missing\?/],
    ["a key without its second half", pkcs8Pem.slice(0, pkcs8Pem.length / 2), /is a part of it missing\?/],
    [
      "a key without lines from its middle",
      pkcs8Pem.split("\n").toSpliced(5, 4).join("\n"),
      /is a part of it missing\?/,
    ],
    [
      "the bare base64 of a key",
      pkcs8Pem.split("\n").slice(1, -2).join("\n"),
      /not a private key in PEM form/,
    ],
    ["an empty text", "", /not a private key in PEM form/],
    ["white space", " \n", /not a private key in PEM form/],
    ["a path to a key", "~/.oci/oci_api_key.pem", /not a private key in PEM form/],
  ])("%s", async (_, pem, problem) => {
    expect(refused(await parsePrivateKey(pem))).toMatch(problem);
  });

  it("without showing the key itself", async () => {
    const secret = pkcs8Pem.split("\n")[3] ?? "";
    const half = `${pkcs8Pem.slice(0, pkcs8Pem.length / 2)}`;
    expect(half).toContain(secret);
    expect(refused(await parsePrivateKey(half))).not.toContain(secret);
  });
});

describe("a fingerprint", () => {
  it.each([
    ["RSA 2048", rsa],
    ["RSA 3072", longRsa],
    ["EC", ec],
  ])("is the MD5 of the DER public key, as OpenSSL computes it (%s)", async (_, key) => {
    expect(await fingerprintOf(key.spki)).toBe(key.fingerprint);
  });

  it("is that of the bytes in the PEM, with any line ends", async () => {
    for (const pem of [rsa.publicPem, rsa.publicPem.replaceAll("\n", "\r\n"), `# key\n${rsa.publicPem}`]) {
      expect(publicKeyDer(pem)).toEqual(rsa.spki);
    }
  });

  it.each([
    ["PKCS#1", createPublicKey(pkcs8Pem).export({ type: "pkcs1", format: "pem" }).toString()],
    ["a private key", pkcs8Pem],
    ["text that is not base64", rsa.publicPem.replace("MII", "M*I")],
    ["base64 of a wrong length", "-----BEGIN PUBLIC KEY-----\nAAAAA\n-----END PUBLIC KEY-----"],
    ["a PEM without its end", rsa.publicPem.replace(/-----END.*/, "")],
    ["nothing", ""],
  ])("does not exist if the PEM holds %s", (_, pem) => {
    expect(publicKeyDer(pem)).toBeUndefined();
  });
});

describe.each(algorithms)("a public key for %s", (algorithm) => {
  it.each([
    ["2048", rsa],
    ["3072", longRsa],
  ])("is accepted with %s bits", async (_, { spki }) => {
    expect(accepted(await importPublicKey(spki, algorithm)).usages).toEqual(["verify"]);
  });

  it.each<[string, Uint8Array<ArrayBuffer>, string]>([
    ["with 1024 bits", shortRsa.spki, "an RSA key of 1024 bits; at least 2048 are required"],
    ["of an elliptic curve", ec.spki, "not an RSA public key"],
    ["without its last byte", rsa.spki.slice(0, -1), "not an RSA public key"],
    ["that is a private key", rsa.pkcs8, "not an RSA public key"],
    ["without a byte", new Uint8Array(), "not an RSA public key"],
  ])("is refused %s", async (_, der, problem) => {
    expect(refused(await importPublicKey(der, algorithm))).toBe(problem);
  });
});

const signingString = [
  "date: Tue, 24 Nov 2026 03:04:57 GMT",
  "(request-target): get /20160918/users/ocid1.user.oc1..aaaaaaaa",
  "host: identity.us-ashburn-1.oraclecloud.com",
].join("\n");

async function signPss(pkcs8: Uint8Array<ArrayBuffer>, text: string, saltLength = 32) {
  const algorithm = { name: "RSA-PSS", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, algorithm, false, ["sign"]);
  const parameters = { name: "RSA-PSS", saltLength };
  return new Uint8Array(await crypto.subtle.sign(parameters, key, new TextEncoder().encode(text)));
}

/** RSASSA-PKCS1-v1_5 with the runtime's OpenSSL interface, which is not the code that verifies. */
function signPkcs1(pkcs8: Uint8Array<ArrayBuffer>, text: string, hash = "sha256") {
  const key = createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" });
  return Uint8Array.from(sign(hash, Buffer.from(text), key));
}

function signAs(algorithm: SignatureAlgorithm, { pkcs8 } = rsa, text = signingString) {
  return algorithm === "rsa-sha256" ? signPkcs1(pkcs8, text) : signPss(pkcs8, text);
}

describe.each(algorithms)("a signature of %s", (algorithm) => {
  const verifies = async (signature: Uint8Array<ArrayBuffer>, text = signingString, { spki } = rsa) =>
    verifySignature(accepted(await importPublicKey(spki, algorithm)), algorithm, signature, text);

  it.each([
    ["2048", rsa],
    ["3072", longRsa],
  ])("verifies with its own key of %s bits", async (_, key) => {
    expect(await verifies(await signAs(algorithm, key), signingString, key)).toBe(true);
  });

  it("does not verify with another key", async () => {
    expect(await verifies(await signAs(algorithm), signingString, otherRsa)).toBe(false);
  });

  it("does not verify as the other algorithm", async () => {
    const other = algorithm === "rsa-sha256" ? "rsa-pss-sha256" : "rsa-sha256";
    expect(await verifies(await signAs(other))).toBe(false);
  });

  it("does not verify once a byte of it is changed", async () => {
    const signature = await signAs(algorithm);
    for (const index of signature.keys()) {
      const altered = signature.map((byte, at) => (at === index ? byte ^ 1 : byte));
      expect([index, await verifies(altered)]).toEqual([index, false]);
    }
  });

  it("does not verify once a byte of the signing string is changed", async () => {
    const signature = await signAs(algorithm);
    for (let index = 0; index < signingString.length; index += 1) {
      const code = signingString.charCodeAt(index) ^ 1;
      const altered =
        signingString.slice(0, index) + String.fromCharCode(code) + signingString.slice(index + 1);
      expect([index, await verifies(signature, altered)]).toEqual([index, false]);
    }
  });

  it.each([
    ["a trailing newline", `${signingString}\n`],
    ["CR LF for newlines", signingString.replaceAll("\n", "\r\n")],
    ["its lines in another order", signingString.split("\n").reverse().join("\n")],
    ["one line less", signingString.split("\n").slice(1).join("\n")],
    ["nothing", ""],
  ])("does not verify over a signing string with %s", async (_, text) => {
    expect(await verifies(await signAs(algorithm), text)).toBe(false);
  });

  it.each([0, 1, 255, 257, 512])("does not verify if it is cut or padded to %i bytes", async (length) => {
    const filled = new Uint8Array(length);
    filled.set((await signAs(algorithm)).slice(0, length));
    expect(await verifies(filled)).toBe(false);
  });
});

describe("verifies", () => {
  it.each([0, 20, 31, 33, 64, 222])(
    "no rsa-pss-sha256 signature with a salt of %i bytes",
    async (saltLength) => {
      const key = accepted(await importPublicKey(rsa.spki, "rsa-pss-sha256"));
      const signature = await signPss(rsa.pkcs8, signingString, saltLength);
      expect(await verifySignature(key, "rsa-pss-sha256", signature, signingString)).toBe(false);
    },
  );

  it.each(["sha1", "sha512"])("no rsa-sha256 signature over a %s digest", async (hash) => {
    const key = accepted(await importPublicKey(rsa.spki, "rsa-sha256"));
    const signature = signPkcs1(rsa.pkcs8, signingString, hash);
    expect(await verifySignature(key, "rsa-sha256", signature, signingString)).toBe(false);
  });

  it.each(["rsa-sha256", "rsa-pss-sha256"] as const)(
    "%s, as it is signed with a key that was read",
    async (algorithm) => {
      const { pkcs8 } = accepted(await parsePrivateKey(pkcs1Pem));
      const { fingerprint } = rsa;
      const keyId = { tenancyOcid: newTenancyOcid(), userOcid: newUserOcid(), fingerprint };
      const host = "identity.us-ashburn-1.oci.oraclecloud.com";
      const url = new URL(`https://${host}/20160918/users/${keyId.userOcid}`);
      const signingKey = await importSigningKey(pkcs8, algorithm);
      const headers = await signGet(url, keyId, signingKey, new Date());
      const signed = accepted(parseRequestSignature(headers.authorization));
      expect(signed.algorithm).toBe(algorithm);
      const request = accepted(parseSignedGetUser(keyId.userOcid, { host, ...headers }, signed.headers));
      const key = accepted(await importPublicKey(rsa.spki, algorithm));
      expect(await verifySignature(key, algorithm, signed.signature, request.signingString)).toBe(true);
    },
  );
});
