/**
 * Chains of every shape that the profile of docs/login.md (Instances' certificates) takes or refuses: each bad one is
 * today's with one thing wrong, signed as if it were right. Minted with a library that is not ours, and by hand where no
 * library would. Runs in workerd and in Node.
 */
import "reflect-metadata";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  SubjectKeyIdentifierExtension,
} from "@peculiar/x509";
import {
  type Attributes,
  type CertificateShape,
  mint,
  multiValued,
  signingWith,
  singleValued,
} from "../../dev/emulator/certificate.ts";
import {
  clientAuthentication,
  instanceAttributes,
  leafShape,
  oracleExtension,
} from "../../dev/emulator/instance-certificates.ts";
import {
  add,
  childOf,
  type DerNode,
  drop,
  type Edit,
  encode,
  field,
  join,
  node,
  put,
  rewritten,
  treeOf,
} from "./der-tree.ts";

import {
  type Chain,
  type Der,
  type Difference,
  day,
  hour,
  instance,
  type Keys,
  minute,
  newIntermediate,
  newRoot,
  now,
  type Reshape,
} from "./instance-chains.ts";

// Extensions.

const oid = {
  basicConstraints: "2.5.29.19",
  keyUsage: "2.5.29.15",
  extendedKeyUsage: "2.5.29.37",
  oracle: "1.3.6.1.4.1.111.98.10.1",
};

const withMore =
  (...more: Extension[]): Reshape =>
  ({ extensions }) => ({ extensions: [...extensions, ...more] });

const without =
  (...types: string[]): Reshape =>
  ({ extensions }) => ({ extensions: extensions.filter(({ type }) => !types.includes(type)) });

/** With another key, which its subjectKeyIdentifier is of. */
async function rekeyed(
  { extensions }: CertificateShape,
  keys: CryptoKeyPair,
): Promise<Partial<CertificateShape>> {
  const identifier = await SubjectKeyIdentifierExtension.create(keys.publicKey);
  return {
    keys,
    extensions: extensions.map((extension) => (extension.type === identifier.type ? identifier : extension)),
  };
}

/** Another extension in the place of the one of its type. */
const instead =
  (other: Extension): Reshape =>
  ({ extensions }) => ({ extensions: [...extensions.filter(({ type }) => type !== other.type), other] });

const clientAuth = "1.3.6.1.5.5.7.3.2";
const serverAuth = "1.3.6.1.5.5.7.3.1";
const anyExtendedKeyUsage = "2.5.29.37.0";
const usedFor = (...purposes: string[]) => new ExtendedKeyUsageExtension(purposes);
const bytes = (...values: number[]) => Uint8Array.from(values);
const emptySequence = bytes(0x30, 0);

const oracle = (fields: Partial<Parameters<typeof oracleExtension>[0]>) =>
  oracleExtension({ certtype: "instance", ...instance, tags: new Uint8Array(400), ...fields });

/** Oracle's extension, with its DER changed. */
function oracleChanged(change: Edit): Extension {
  const value = treeOf(new Uint8Array(oracle({}).value));
  change(value);
  return new Extension(oid.oracle, false, encode(value));
}

// Subjects.

type Attribute = Attributes[number];
const attributes = instanceAttributes(instance);
const named =
  (names: Attributes): Reshape =>
  () => ({ subject: singleValued(names) });

const withAttributes = (...more: Attribute[]) => named([...attributes, ...more]);
const withoutUnit = (kind: string) =>
  named(attributes.filter(([, value]) => !value.startsWith(`opc-${kind}:`)));

/** Another text in the place of a kind's, in Oracle's extension too, so that it agrees. */
function certifying(other: Partial<typeof instance & { certtype: string }>): Reshape {
  const names = instanceAttributes({ ...instance, ...other }).map(
    ([type, value]): Attribute =>
      value.startsWith("opc-certtype:")
        ? [type, `opc-certtype:${other.certtype ?? "instance"}`]
        : [type, value],
  );
  return ({ extensions }) => ({
    subject: singleValued(names),
    extensions: [...extensions.filter(({ type }) => type !== oid.oracle), oracle(other)],
  });
}

const [commonName = ["CN", ""] as const, ...units] = attributes;

const printable = 0x13;

/** The path of an attribute's value. */
const textAt = (index: number) => [field.subject, index, 0, 1];

// DER.

const utcTime = 0x17;
const generalizedTime = 0x18;
const ascii = (text: string): Der => Uint8Array.from(text, (character) => character.charCodeAt(0));
const time = (index: 0 | 1, tag: number, text: string): Edit =>
  put([field.validity, index], { tag, content: ascii(text) });

/** The RSA key inside the BIT STRING, changed. */
const key =
  (change: Edit): Edit =>
  (tbs) => {
    const bits = childOf(tbs, field.key, 1);
    const rsaKey = treeOf(bits.content.slice(1));
    change(rsaKey);
    bits.content = join([bytes(0), encode(rsaKey)]);
  };

const modulus = (length: number, ...start: number[]): Edit =>
  key(put([0], { content: join([bytes(...start), new Uint8Array(length - start.length).fill(0x55)]) }));

/** With the last number of the object identifier at this path replaced. */
const renamed = (path: number[], last: number): Edit =>
  put(path, ({ content }) => ({ content: content.with(-1, last) }));

const leafRewritten =
  (change: Edit) =>
  (chain: Chain): Chain => ({ ...chain, leaf: rewritten(chain.leaf, change) });

const leafBytes =
  (change: (der: Der) => Uint8Array) =>
  (chain: Chain): Chain => ({ ...chain, leaf: Uint8Array.from(change(chain.leaf)) });

/** A name in UTF8String with the same text: equal by RFC 5280, and other bytes. */
const asUtf8 = (tbs: DerNode, name: number) => {
  for (const set of childOf(tbs, name).children) childOf(set, 0, 1).tag = 0x0c;
};

/** Nested deeper than any certificate. */
const nested = (levels: number): DerNode => (levels === 0 ? node(5) : node(0x30, nested(levels - 1)));

/** As many levels as fit into so many bytes: each header has three of them, or more. */
function deep(length: number): Der {
  const der = new Uint8Array(length);
  for (let at = 0; at + 4 <= length; at += 4) {
    const left = length - at - 4;
    der.set(left >= 0x100 ? [0x30, 0x82, left >> 8, left & 0xff] : [0x31, 0x02, 5, 0], at);
  }
  return der;
}

const signer =
  (name: "RSASSA-PKCS1-v1_5" | "RSA-PSS", hash: "SHA-1" | "SHA-256" | "SHA-384" | "SHA-512"): Reshape =>
  async ({ issuer }) => ({
    ...(issuer && { issuer: { ...issuer, keys: await signingWith(issuer.keys, name, hash) } }),
  });

/** Two CAs between leaf and root. */
async function longer(keys: Keys): Promise<Chain> {
  const root = await mint(await newRoot(keys));
  const upper = await mint({
    ...(await newIntermediate(root, keys)),
    subject: singleValued([["CN", "Another intermediate"]]),
    keys: keys.other,
    extensions: [
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
      new BasicConstraintsExtension(true, 1, true),
    ],
  });
  const lower = await mint(await newIntermediate(upper, keys));
  const leaf = await mint(await leafShape(lower, instance, keys.leaf, new Date(now - minute)));
  return { leaf: leaf.der, intermediate: lower.der, roots: [root.der] };
}

export type GoodRow = readonly [name: string, difference: Difference];
export type BadRow = readonly [name: string, difference: Difference, verdict: string | RegExp];

export const goodRows: readonly GoodRow[] = [
  ["as today's", {}],
  [
    "as in 2017: one multi-valued name, RSA 4096, an hour, no path length, nothing of Oracle's",
    {
      intermediate: instead(new BasicConstraintsExtension(true, undefined, true)),
      leaf: ({ notBefore, extensions }, { long }) => ({
        subject: multiValued([...units, commonName]),
        keys: long,
        notAfter: new Date(notBefore.getTime() + hour),
        extensions: extensions.filter(({ type }) => type !== oid.oracle),
      }),
    },
  ],
  ["with a multi-valued name", { leaf: () => ({ subject: multiValued(attributes) }) }],
  [
    "with a multi-valued name that is not sorted",
    {
      leaf: () => ({ subject: multiValued([...units, commonName]) }),
      leafDer: put([field.subject, 0], ({ children }) => ({ children: children.toReversed() })),
    },
  ],
  ["with the names in another order", { leaf: named([...units.toReversed(), commonName]) }],
  ["with names in UTF8String", { leaf: () => ({ subject: singleValued(attributes, "utf8String") }) }],
  ["of the root compartment", { leaf: certifying({ compartmentOcid: instance.tenancyOcid }) }],
  ["with an RSA key of 4096 bits", { leaf: (_, { long }) => ({ keys: long }) }],
  [
    "with two roots of one name",
    {
      after: async (chain, keys) => {
        const other = await mint(await newRoot({ root: keys.other }));
        return { ...chain, roots: [other.der, ...chain.roots] };
      },
    },
  ],
  [
    "with an intermediate without a path length",
    { intermediate: instead(new BasicConstraintsExtension(true, undefined, true)) },
  ],
  [
    "with an intermediate of path length 3",
    { intermediate: instead(new BasicConstraintsExtension(true, 3, true)) },
  ],
  ["with an intermediate of 2048 bits", { intermediate: (shape, { other }) => rekeyed(shape, other) }],
  ["with an intermediate for clients", { intermediate: withMore(usedFor(clientAuth)) }],
  ["with a root of path length 1", { root: instead(new BasicConstraintsExtension(true, 1, true)) }],
  ["with a root of 2048 bits", { root: (shape, { other }) => rekeyed(shape, other) }],
  ["without Oracle's extension", { leaf: without(oid.oracle) }],
  ["with more in Oracle's extension", { leaf: instead(oracleChanged(add([], node(0x86, ascii("new"))))) }],
  ["with a constructed element for tags", { leaf: instead(oracleChanged(put([4], node(0xa5, nested(2))))) }],
  ["with other OUs", { leaf: withAttributes(["OU", "opc-more:thing"], ["OU", "Engineering"]) }],
  [
    "with an extension that is not known and not critical",
    { leaf: withMore(new Extension("1.2.3.4", false, bytes(1, 2, 3))) },
  ],
  [
    "with an extension whose identifier is a UUID",
    {
      leaf: withMore(new Extension("1.2.3.4", false, bytes(5, 0))),
      leafDer: put([field.extensions, 0, -1, 0], {
        content: join([bytes(0x69, 0x83), new Uint8Array(17).fill(0xff), bytes(0x7f)]),
      }),
    },
  ],
  [
    "with a critical extended key usage",
    { leaf: instead(new ExtendedKeyUsageExtension([clientAuth], true)) },
  ],
  ["for servers too", { leaf: instead(usedFor(serverAuth, clientAuth)) }],
  [
    "with a key usage for signatures",
    { leaf: withMore(new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true)) },
  ],
  [
    "with basic constraints that say nothing",
    { leaf: withMore(new Extension(oid.basicConstraints, true, emptySequence)) },
  ],
  ["of 24 hours", { leaf: ({ notBefore }) => ({ notAfter: new Date(notBefore.getTime() + day) }) }],
  [
    "with times in GeneralizedTime",
    {
      leafDer: (tbs) => {
        time(0, generalizedTime, "20261125115000Z")(tbs);
        time(1, generalizedTime, "20261125135000Z")(tbs);
      },
    },
  ],
  ["with a serial number that is negative", { leafDer: put([field.serial], { content: bytes(0x80, 1) }) }],
];

const notDer = /^400 the instance's certificate is not DER/;

export const badRows: readonly BadRow[] = [
  // DER.
  [
    "a length with zeros before it",
    { leafDer: put([field.subject], { length: "padded" }) },
    /a length is too large or not in its shortest form/,
  ],
  ["a length in two bytes that fits in one", { leafDer: put([field.serial], { length: "padded" }) }, notDer],
  [
    "a length in two bytes that fits in one, of the outermost element of an extension",
    {
      leafDer: put([field.extensions, 0, 0, -1], ({ content }) => ({
        content: encode({ ...treeOf(content), length: "padded" }),
      })),
    },
    notDer,
  ],
  [
    "an element that ends after the one that it is in",
    {
      leafDer: put([field.validity], ({ children }) => {
        const times = join(children.map(encode));
        return { children: [], content: times.with(times.length / 2 + 1, 14) };
      }),
    },
    /an element is cut off/,
  ],
  [
    "an indefinite length",
    { leafDer: put([field.validity], { length: "indefinite" }) },
    /a length is indefinite/,
  ],
  [
    "an indefinite length, outermost",
    { after: leafRewritten(put([], { length: "indefinite" })) },
    /a length is indefinite/,
  ],
  ["a byte after it", { after: leafBytes((der) => join([der, bytes(0)])) }, notDer],
  ["its last byte missing", { after: leafBytes((der) => der.slice(0, -1)) }, notDer],
  ["another certificate after it", { after: leafBytes((der) => join([der, der])) }, notDer],
  ["no byte", { after: leafBytes(() => bytes()) }, notDer],
  ["a tag of two bytes", { leafDer: add([], node(0x9f, 1, 1)) }, /a tag has more than one byte/],
  ["a level too many", { leafDer: add([], nested(8)) }, /more than 10 levels/],
  ["thousands of levels", { after: leafBytes(() => deep(32_000)) }, /more than 10 levels/],
  ["more than 32 KiB", { leaf: instead(oracle({ tags: new Uint8Array(32_000) })) }, /more than 32768 bytes/],
  [
    "a serial number with a zero before it",
    { leafDer: put([field.serial], { content: bytes(0, 1) }) },
    /INTEGER that is not in its shortest form/,
  ],
  [
    "a serial number with ones before it",
    { leafDer: put([field.serial], { content: bytes(0xff, 0x80) }) },
    /INTEGER that is not in its shortest form/,
  ],
  [
    "a serial number without a byte",
    { leafDer: put([field.serial], { content: bytes() }) },
    /INTEGER that is not in its shortest form/,
  ],
  [
    "a BOOLEAN of 1",
    { intermediateDer: put([field.extensions, 0, 0, 1], { content: bytes(1) }) },
    /BOOLEAN that is not DER/,
  ],
  [
    "a BOOLEAN of two bytes",
    {
      intermediateDer: put([field.extensions, 0, 0, 1], { content: bytes(0xff, 0xff) }),
    },
    /BOOLEAN that is not DER/,
  ],
  [
    "an extension that says that it is not critical",
    {
      leafDer: put([field.extensions, 0, 0], ({ children }) => ({
        children: children.toSpliced(1, 0, node(1, 0)),
      })),
    },
    /says that it is not critical/,
  ],
  [
    "basic constraints that say CA:FALSE",
    { leaf: withMore(new Extension(oid.basicConstraints, false, bytes(0x30, 3, 1, 1, 0))) },
    /basic constraints say CA:FALSE/,
  ],
  [
    "a byte after an extension's value",
    {
      leaf: instead(
        new Extension(
          oid.extendedKeyUsage,
          false,
          join([new Uint8Array(clientAuthentication().value), bytes(0)]),
        ),
      ),
    },
    notDer,
  ],
  [
    "a byte after its RSA key",
    {
      leafDer: put([field.key, 1], ({ content }) => ({ content: join([content, bytes(0)]) })),
    },
    notDer,
  ],
  [
    "a key with bits left over",
    {
      leafDer: put([field.key, 1], ({ content }) => ({ content: content.with(0, 1) })),
    },
    /BIT STRING that is not of whole bytes/,
  ],
  [
    "a signature with bits left over",
    {
      after: leafRewritten(put([2], ({ content }) => ({ content: content.with(0, 1) }))),
    },
    /BIT STRING that is not of whole bytes/,
  ],
  [
    "key usage with zeros at its end",
    { leaf: withMore(new Extension(oid.keyUsage, true, bytes(3, 2, 0, 0x80))) },
    /list of bits that is not DER/,
  ],
  [
    "key usage with bits that it does not use",
    { leaf: withMore(new Extension(oid.keyUsage, true, bytes(3, 2, 7, 0xff))) },
    /list of bits that is not DER/,
  ],
  [
    "an identifier with a zero before its number",
    {
      leafDer: put([field.extensions, 0, 1, 0], { content: bytes(0x55, 0x80, 0x1d, 0x23) }),
    },
    /OBJECT IDENTIFIER that is not in its shortest form/,
  ],
  [
    "an identifier that is cut off",
    { leafDer: put([field.extensions, 0, 1, 0], { content: bytes(0x55, 0x1d, 0xa3) }) },
    /OBJECT IDENTIFIER that is cut off/,
  ],
  [
    "an identifier without a byte",
    { leafDer: put([field.extensions, 0, 1, 0], { content: bytes() }) },
    /OBJECT IDENTIFIER that is not DER/,
  ],
  [
    "something after its signature",
    { after: leafRewritten(add([], node(5))) },
    /something in a certificate that X.509 or the profile does not/,
  ],
  [
    "something after its extensions",
    { leafDer: add([], node(5)) },
    /something in a certificate's signed part/,
  ],
  [
    "a unique id of its issuer",
    {
      leafDer: put([], ({ children }) => ({
        children: children.toSpliced(field.extensions, 0, node(0x81, 0, 1)),
      })),
    },
    /does not have the extensions/,
  ],
  ["its serial number missing", { leafDer: drop(field.serial) }, /does not have the serial number/],
  [
    "a SET for a SEQUENCE",
    { after: leafRewritten(put([], { tag: 0x31 })) },
    /does not have a certificate where/,
  ],

  // Version.
  ["version 1", { leafDer: drop(field.version) }, /not of X.509's version 3/],
  ["version 2", { leafDer: put([field.version, 0], { content: bytes(1) }) }, /not of X.509's version 3/],
  ["version 4", { leafDer: put([field.version, 0], { content: bytes(3) }) }, /not of X.509's version 3/],
  ["two versions", { leafDer: add([field.version], node(2, 2)) }, /not of X.509's version 3/],
  [
    "an intermediate of version 2",
    { intermediateDer: put([field.version, 0], { content: bytes(1) }) },
    /intermediate certificate is not of X.509's version 3/,
  ],
  ["a root of version 2", { rootDer: put([field.version, 0], { content: bytes(1) }) }, /^root: .* version 3/],

  // Signature algorithms.
  ["a signature with SHA-1", { leaf: signer("RSASSA-PKCS1-v1_5", "SHA-1") }, /not signed with sha256WithRSA/],
  [
    "a signature with SHA-384",
    { leaf: signer("RSASSA-PKCS1-v1_5", "SHA-384") },
    /not signed with sha256WithRSA/,
  ],
  [
    "a signature with SHA-512",
    { leaf: signer("RSASSA-PKCS1-v1_5", "SHA-512") },
    /not signed with sha256WithRSA/,
  ],
  ["a signature with RSASSA-PSS", { leaf: signer("RSA-PSS", "SHA-256") }, /not signed with sha256WithRSA/],
  [
    "an intermediate signed with SHA-1",
    { intermediate: signer("RSASSA-PKCS1-v1_5", "SHA-1") },
    /intermediate certificate is not signed with sha256WithRSA/,
  ],
  [
    "another algorithm inside than outside",
    { leafDer: renamed([field.algorithm, 0], 12) },
    /not signed with sha256WithRSA/,
  ],
  [
    "another algorithm outside than inside",
    { after: leafRewritten(renamed([1, 0], 12)) },
    /not signed with sha256WithRSA/,
  ],
  [
    "a signature algorithm without NULL, inside",
    { leafDer: drop(field.algorithm, -1) },
    /does not have the NULL/,
  ],
  [
    "a signature algorithm without NULL, outside",
    { after: leafRewritten(drop(1, -1)) },
    /does not have the NULL/,
  ],
  [
    "a signature algorithm whose NULL has content",
    { leafDer: put([field.algorithm, 1], { content: bytes(0) }) },
    /NULL that is not empty/,
  ],
  [
    "a signature algorithm with two NULLs",
    { leafDer: add([field.algorithm], node(5)) },
    /something in a signature algorithm/,
  ],

  // Keys.
  ["an RSA key of 1024 bits", { leaf: (_, { short }) => ({ keys: short }) }, /RSA key of 2048 to 4096 bits/],
  ["an RSA key of 2047 bits", { leafDer: modulus(256, 0x7f) }, /RSA key of 2048 to 4096 bits/],
  ["an RSA key of 4097 bits", { leafDer: modulus(513, 1) }, /RSA key of 2048 to 4096 bits/],
  ["an RSA key whose modulus is negative", { leafDer: modulus(256, 0x80) }, /RSA key of 2048 to 4096 bits/],
  [
    "an RSA key with an exponent of 3",
    { leafDer: key(put([1], { content: bytes(3) })) },
    /exponent below 65537/,
  ],
  ["an RSA key with a third number", { leafDer: key(add([], node(2, 1))) }, /something in an RSA key/],
  ["a key of an elliptic curve", { leaf: (_, { ec }) => ({ keys: ec }) }, /does not have an RSA key/],
  [
    "a key for RSASSA-PSS alone",
    {
      leafDer: renamed([field.key, 0, 0], 10),
    },
    /does not have an RSA key/,
  ],
  ["an RSA key's algorithm without NULL", { leafDer: drop(field.key, 0, -1) }, /does not have the NULL/],
  [
    "an intermediate of 1024 bits",
    { intermediate: (_, { short }) => ({ keys: short }) },
    /intermediate certificate does not have an RSA key of 2048/,
  ],
  [
    "an intermediate that no WebCrypto imports",
    {
      intermediateDer: key(put([0], ({ content }) => ({ content: content.with(-1, 0x54) }))),
    },
    "401 chain-invalid",
  ],
  ["a root of 1024 bits", { root: (_, { short }) => ({ keys: short }) }, /^root: .* 2048 to 4096 bits/],

  // Names and order.
  [
    "an issuer that is not the intermediate",
    {
      leaf: ({ issuer }) => ({
        ...(issuer && { issuer: { ...issuer, subject: singleValued([["CN", "Another"]]) } }),
      }),
    },
    /another issuer than the intermediate/,
  ],
  [
    "an issuer in another string type",
    { leafDer: (tbs) => asUtf8(tbs, field.issuer) },
    /another issuer than the intermediate/,
  ],
  [
    "an issuer in other case",
    {
      leafDer: put([field.issuer, -1, 0, 1], { content: ascii("PKISVC identity intermediate r2") }),
    },
    /another issuer than the intermediate/,
  ],
  [
    "an intermediate of an issuer that is no root",
    {
      intermediate: ({ issuer }) => ({
        ...(issuer && { issuer: { ...issuer, subject: singleValued([["CN", "Another"]]) } }),
      }),
    },
    "401 chain-invalid",
  ],
  [
    "an intermediate of an issuer in another string type",
    { intermediateDer: (tbs) => asUtf8(tbs, field.issuer) },
    "401 chain-invalid",
  ],
  [
    "the leaf twice",
    { after: (chain) => ({ ...chain, intermediate: chain.leaf }) },
    /intermediate certificate is not one of a CA/,
  ],
  [
    "the two in the other order",
    { after: ({ leaf, intermediate, roots }) => ({ leaf: intermediate, intermediate: leaf, roots }) },
    /instance's certificate is one of a CA/,
  ],
  [
    "the root as intermediate",
    {
      leaf: async (_, keys) => ({ issuer: { subject: (await newRoot(keys)).subject, keys: keys.root } }),
      after: (chain) => ({ ...chain, intermediate: chain.roots[0] ?? bytes() }),
    },
    /issued itself/,
  ],
  ["two intermediates", { after: (_, keys) => longer(keys) }, "401 chain-invalid"],

  // Extensions.
  [
    "a critical extension that is not known",
    { leaf: withMore(new Extension("1.2.3.4", true, bytes(5, 0))) },
    /critical extension that is not known/,
  ],
  [
    "an intermediate with a critical extension that is not known",
    { intermediate: withMore(new Extension("1.2.3.4", true, bytes(5, 0))) },
    /intermediate certificate has a critical extension/,
  ],
  [
    "a root with a critical extension that is not known",
    { root: withMore(new Extension("1.2.3.4", true, bytes(5, 0))) },
    /^root: .* critical extension/,
  ],
  [
    "critical policy constraints",
    { intermediate: withMore(new Extension("2.5.29.36", true, bytes(0x30, 3, 0x80, 1, 0))) },
    /critical extension that is not known/,
  ],
  [
    "name constraints",
    { intermediate: withMore(new Extension("2.5.29.30", true, emptySequence)) },
    /critical extension that is not known|name constraints/,
  ],
  [
    "name constraints that are not critical",
    { intermediate: withMore(new Extension("2.5.29.30", false, emptySequence)) },
    /has name constraints/,
  ],
  ["an extension twice", { leaf: withMore(clientAuthentication()) }, /extension twice/],
  [
    "an unknown extension twice",
    {
      leaf: withMore(
        new Extension("1.2.3.4", false, bytes(5, 0)),
        new Extension("1.2.3.4", false, bytes(5, 0)),
      ),
    },
    /extension twice/,
  ],
  ["no extensions", { leafDer: drop(field.extensions) }, /does not have the extensions/],
  [
    "an empty list of extensions",
    { leafDer: put([field.extensions, 0], { children: [] }) },
    /does not have extensions/,
  ],
  [
    "a second list of extensions",
    { leafDer: add([field.extensions], node(0x30)) },
    /does not have extensions/,
  ],
  [
    "an extension with a third part",
    { leafDer: add([field.extensions, 0, 0], node(5)) },
    /something in an extension/,
  ],

  // The intermediate.
  [
    "an intermediate without basic constraints",
    { intermediate: without(oid.basicConstraints) },
    /intermediate certificate is not one of a CA/,
  ],
  [
    "an intermediate that is no CA",
    { intermediate: instead(new Extension(oid.basicConstraints, true, emptySequence)) },
    /intermediate certificate is not one of a CA/,
  ],
  [
    "an intermediate with a path length that is no CA",
    { intermediate: instead(new Extension(oid.basicConstraints, true, bytes(0x30, 3, 2, 1, 0))) },
    /path length that no CA has/,
  ],
  [
    "an intermediate with a negative path length",
    {
      intermediate: instead(
        new Extension(oid.basicConstraints, true, bytes(0x30, 6, 1, 1, 0xff, 2, 1, 0xff)),
      ),
    },
    /path length that no CA has/,
  ],
  [
    "an intermediate without key usage",
    { intermediate: without(oid.keyUsage) },
    /intermediate certificate may not sign certificates/,
  ],
  [
    "an intermediate without keyCertSign",
    {
      intermediate: instead(
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature | KeyUsageFlags.cRLSign, true),
      ),
    },
    /intermediate certificate may not sign certificates/,
  ],
  [
    "an intermediate for servers alone",
    { intermediate: withMore(usedFor(serverAuth)) },
    /may not vouch for clients/,
  ],
  [
    "an intermediate with an instance's extension",
    { intermediate: withMore(oracle({})) },
    /extension of an instance's certificate/,
  ],

  // Roots.
  ["a root without basic constraints", { root: without(oid.basicConstraints) }, /^root: .* not one of a CA/],
  [
    "a root that is no CA",
    { root: instead(new Extension(oid.basicConstraints, true, emptySequence)) },
    /^root: .* not one of a CA/,
  ],
  ["a root without key usage", { root: without(oid.keyUsage) }, /^root: .* may not sign certificates/],
  [
    "a root without keyCertSign",
    { root: instead(new KeyUsagesExtension(KeyUsageFlags.cRLSign, true)) },
    /^root: .* may not sign certificates/,
  ],
  [
    "a root of path length 0",
    { root: instead(new BasicConstraintsExtension(true, 0, true)) },
    /^root: .* allows no intermediate/,
  ],
  [
    "a root of another issuer",
    { root: ({ keys }) => ({ issuer: { subject: singleValued([["CN", "Another"]]), keys } }) },
    /^root: .* another issuer than itself/,
  ],
  [
    "a root that another key signed",
    { root: ({ subject }, { other }) => ({ issuer: { subject, keys: other } }) },
    "root: not self-signed",
  ],

  // The leaf's use and life.
  [
    "a leaf that is a CA",
    { leaf: withMore(new BasicConstraintsExtension(true, undefined, true)) },
    /instance's certificate is one of a CA/,
  ],
  [
    "a leaf that may sign certificates",
    {
      leaf: withMore(
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyCertSign, true),
      ),
    },
    /may sign certificates/,
  ],
  [
    "a leaf that may not sign",
    { leaf: withMore(new KeyUsagesExtension(KeyUsageFlags.keyEncipherment, true)) },
    /may not sign statements/,
  ],
  ["no extended key usage", { leaf: without(oid.extendedKeyUsage) }, /extendedKeyUsage without clientAuth/],
  ["a leaf for servers alone", { leaf: instead(usedFor(serverAuth)) }, /extendedKeyUsage without clientAuth/],
  [
    "a leaf for any use",
    { leaf: instead(usedFor(anyExtendedKeyUsage)) },
    /extendedKeyUsage without clientAuth/,
  ],
  [
    "an extended key usage of nothing",
    { leaf: instead(new Extension(oid.extendedKeyUsage, false, emptySequence)) },
    /does not have an extended key usage/,
  ],
  [
    "a leaf of 24 hours and a second",
    { leaf: ({ notBefore }) => ({ notAfter: new Date(notBefore.getTime() + day + 1000) }) },
    /more than 24 hours/,
  ],
  [
    "a leaf that ends before it begins",
    { leaf: ({ notBefore }) => ({ notAfter: new Date(notBefore.getTime() - 1000) }) },
    /ends before it begins/,
  ],
  ["a time without seconds", { leafDer: time(0, utcTime, "2611251150Z") }, /time of another form/],
  ["a time with an offset", { leafDer: time(0, utcTime, "261125115000+0000") }, /time of another form/],
  [
    "a time with a fraction",
    { leafDer: time(1, generalizedTime, "20261125135000.5Z") },
    /time of another form/,
  ],
  ["a time without a zone", { leafDer: time(1, generalizedTime, "20261125135000") }, /time of another form/],
  [
    "a UTCTime of four digits for the year",
    { leafDer: time(0, utcTime, "20261125115000Z") },
    /time of another form/,
  ],
  [
    "a GeneralizedTime of two digits for the year",
    { leafDer: time(0, generalizedTime, "261125115000Z") },
    /time of another form/,
  ],
  ["a time on 30 February", { leafDer: time(0, utcTime, "260230115000Z") }, /time that no calendar has/],
  ["a time at 24 o'clock", { leafDer: time(0, utcTime, "261124240000Z") }, /time that no calendar has/],
  ["a time in a leap second", { leafDer: time(0, utcTime, "261125115960Z") }, /time that no calendar has/],
  ["something after its key", { leafDer: add([field.key], node(5)) }, /something in a public key/],
  ["a version that is no INTEGER", { leafDer: put([field.version, 0], { tag: 4 }) }, /INTEGER that is not/],
  [
    "a third basic constraint",
    { intermediate: instead(new Extension(oid.basicConstraints, true, bytes(0x30, 5, 1, 1, 0xff, 5, 0))) },
    /something in basic constraints/,
  ],
  [
    "key usage in an OCTET STRING",
    { leaf: withMore(new Extension(oid.keyUsage, true, bytes(4, 2, 7, 0x80))) },
    /list of bits that is not DER/,
  ],
  [
    "key usage with eight unused bits",
    { leaf: withMore(new Extension(oid.keyUsage, true, bytes(3, 3, 8, 0x81, 0))) },
    /list of bits that is not DER/,
  ],
  [
    "an extended key usage in a SET",
    {
      leaf: instead(
        new Extension(
          oid.extendedKeyUsage,
          false,
          new Uint8Array(clientAuthentication().value).with(0, 0x31),
        ),
      ),
    },
    /does not have an extended key usage/,
  ],
  [
    "an extended key usage that is no OBJECT IDENTIFIER",
    {
      leaf: instead(
        new Extension(oid.extendedKeyUsage, false, bytes(0x30, 10, 4, 8, 43, 6, 1, 5, 5, 7, 3, 2)),
      ),
    },
    /OBJECT IDENTIFIER that is not DER/,
  ],
  [
    "a third time",
    {
      leafDer: add([field.validity], node(utcTime, ascii("261125115000Z"))),
    },
    /something in a validity/,
  ],

  // The subject.
  [
    "opc-identity in the place of opc-tenant",
    { leaf: named([...attributes.slice(0, -1), ["O", `opc-identity:${instance.tenancyOcid}`]]) },
    /other attributes than CN and OU/,
  ],
  [
    "opc-identity beside opc-tenant",
    { leaf: withAttributes(["O", `opc-identity:${instance.tenancyOcid}`]) },
    /other attributes than CN and OU/,
  ],
  [
    "a name of another kind",
    {
      leaf: withAttributes(["OU", "US"]),
      leafDer: put([field.subject, -1, 0, 0], { content: bytes(0x55, 4, 6) }),
    },
    /other attributes than CN and OU/,
  ],
  [
    "an OU in BMPString",
    {
      leaf: () => ({
        subject: new Name([
          ...attributes.map(([type, value]) => ({ [type]: [{ printableString: value }] })),
          { OU: [{ bmpString: "x" }] },
        ]),
      }),
    },
    /does not have the PrintableString or UTF8String/,
  ],
  [
    "an OU in IA5String",
    { leafDer: put(textAt(4), { tag: 0x16 }) },
    /does not have the PrintableString or UTF8String/,
  ],
  [
    "an OU in T61String",
    { leafDer: put(textAt(4), { tag: 0x14 }) },
    /does not have the PrintableString or UTF8String/,
  ],
  [
    "a CN in UTF8String with another letter than ASCII's",
    {
      leaf: () => ({ subject: singleValued([["CN", `${instance.instanceOcid}é`], ...units], "utf8String") }),
    },
    /other characters than ASCII's printable/,
  ],
  [
    "an OU with a zero byte",
    { leafDer: put(textAt(4), ({ content }) => ({ content: content.with(-1, 0) })) },
    /other characters than ASCII's printable/,
  ],
  [
    "an OU that is not looked at with a newline",
    {
      leaf: withAttributes(["OU", "two lines"]),
      leafDer: put(textAt(5), { content: ascii("two\nlines") }),
    },
    /other characters than ASCII's printable/,
  ],
  ["an OU of 2000 bytes", { leaf: withAttributes(["OU", "x".repeat(2000)]) }, /text of more than 1024 bytes/],
  [
    "an attribute with a third part",
    { leafDer: add([field.subject, 0, 0], node(printable)) },
    /something in a subject's attribute/,
  ],
  ["an empty RDN", { leafDer: add([field.subject], node(0x31)) }, /does not have a subject's name/],
  [
    "a SEQUENCE for an RDN",
    { leafDer: put([field.subject, 0], { tag: 0x30 }) },
    /does not have a subject's name/,
  ],
  ["no subject", { leafDer: put([field.subject], { children: [] }) }, /no OU of the kind opc-certtype:/],
  ...["certtype", "instance", "compartment", "tenant"].flatMap((kind): BadRow[] => {
    const [type, value] = attributes.find(([, text]) => text.startsWith(`opc-${kind}:`)) ?? commonName;
    return [
      [`no opc-${kind}`, { leaf: withoutUnit(kind) }, new RegExp(`no OU of the kind opc-${kind}:`)],
      [
        `opc-${kind} twice`,
        { leaf: withAttributes([type, value]) },
        new RegExp(`more than one OU of the kind opc-${kind}:`),
      ],
      [
        `two of opc-${kind}`,
        { leaf: named([[type, `opc-${kind}:another`], ...attributes]) },
        new RegExp(`more than one OU of the kind opc-${kind}:`),
      ],
      [
        `opc-${kind} in other case`,
        { leaf: named(attributes.map(([t, text]) => [t, text.replace(`opc-${kind}:`, `OPC-${kind}:`)])) },
        new RegExp(`no OU of the kind opc-${kind}:`),
      ],
    ];
  }),
  ["another certtype", { leaf: certifying({ certtype: "service" }) }, /not of the type 'instance'/],
  [
    "a certtype that only begins so",
    { leaf: certifying({ certtype: "instance2" }) },
    /not of the type 'instance'/,
  ],
  ["no CN", { leaf: named(units) }, /CN that is missing/],
  ["its CN twice", { leaf: withAttributes(commonName) }, /CN that is missing, there twice/],
  [
    "another CN than the instance",
    { leaf: named([["CN", `${instance.instanceOcid}x`], ...units]) },
    /not the instance/,
  ],
  [
    "an OU in the CN",
    {
      leaf: named([
        ["CN", `${instance.instanceOcid}, OU=opc-tenant:${instance.tenancyOcid}`],
        ...units.slice(0, -1),
      ]),
    },
    /no OU of the kind opc-tenant:/,
  ],

  // OCIDs.
  [
    "an instance that is no instance",
    { leaf: certifying({ instanceOcid: instance.tenancyOcid }) },
    /no instance's OCID/,
  ],
  ["an instance that is no OCID", { leaf: certifying({ instanceOcid: "secreti" }) }, /no instance's OCID/],
  [
    "a tenancy that is no tenancy",
    { leaf: certifying({ tenancyOcid: instance.compartmentOcid }) },
    /no tenancy's OCID/,
  ],
  [
    "a tenancy in the old form",
    { leaf: certifying({ tenancyOcid: "ocidv1:tenancy:oc1:phx:1460406592660:secrett" }) },
    /no tenancy's OCID/,
  ],
  [
    "a tenancy of an unknown realm",
    { leaf: certifying({ tenancyOcid: "ocid1.tenancy.oc999..secrett" }) },
    /no tenancy's OCID/,
  ],
  [
    "a tenancy in capitals",
    { leaf: certifying({ tenancyOcid: instance.tenancyOcid.toUpperCase() }) },
    /no tenancy's OCID/,
  ],
  [
    "a compartment that is a user",
    { leaf: certifying({ compartmentOcid: "ocid1.user.oc1..secretc" }) },
    /no compartment's OCID/,
  ],
  [
    "the root compartment of another tenancy",
    { leaf: certifying({ compartmentOcid: "ocid1.tenancy.oc1..secretc" }) },
    /root compartment of another tenancy/,
  ],

  // Oracle's extension.
  ...(["certtype", "instanceOcid", "compartmentOcid", "tenancyOcid"] as const).flatMap(
    (kind, index): BadRow[] => [
      [
        `another ${kind} in Oracle's extension`,
        { leaf: instead(oracle({ [kind]: "secrett" })) },
        /Oracle's that does not agree/,
      ],
      [
        `no ${kind} in Oracle's extension`,
        { leaf: instead(oracleChanged(drop(index))) },
        /Oracle's that does not agree/,
      ],
      [
        `two of ${kind} in Oracle's extension`,
        { leaf: instead(oracleChanged(add([], node(0x81 + index, 1)))) },
        /Oracle's that does not agree/,
      ],
    ],
  ),
  [
    "an instance in another form in Oracle's extension",
    { leaf: instead(oracleChanged(add([], node(0xa2)))) },
    /Oracle's that does not agree/,
  ],
  [
    "a text without a context's tag in Oracle's extension",
    { leaf: instead(oracleChanged(put([3], { tag: 0x04 }))) },
    /Oracle's that does not agree/,
  ],
  [
    "Oracle's extension in another form",
    { leaf: instead(oracleChanged(put([], { tag: 0x31 }))) },
    /Oracle's that is not a SEQUENCE/,
  ],
  [
    "a byte after Oracle's extension",
    { leaf: instead(new Extension(oid.oracle, false, join([new Uint8Array(oracle({}).value), bytes(0)]))) },
    notDer,
  ],

  // Realm and region (docs/login.md, Hosts, realms and OCIDs).
  [
    "a tenancy of another realm",
    { leaf: certifying({ tenancyOcid: "ocid1.tenancy.oc19..secrett" }) },
    "401 another-realm",
  ],
  [
    "a compartment of another realm",
    { leaf: certifying({ compartmentOcid: "ocid1.compartment.oc19..secretc" }) },
    "401 another-realm",
  ],
  [
    "a region of another realm",
    { leaf: certifying({ instanceOcid: "ocid1.instance.oc1.eu-frankfurt-2.secreti" }) },
    "401 another-realm",
  ],
  [
    "a region that is no region",
    { leaf: certifying({ instanceOcid: "ocid1.instance.oc1.nowhere.secreti" }) },
    "401 region-unknown",
  ],
  ["no region", { leaf: certifying({ instanceOcid: "ocid1.instance.oc1..secreti" }) }, "401 region-unknown"],

  // Dates.
  [
    "a leaf that begins in 301 s",
    { leaf: () => ({ notBefore: new Date(now + 301_000), notAfter: new Date(now + hour) }) },
    "401 certificate-out-of-date",
  ],
  [
    "a leaf that ended a second ago",
    { leaf: () => ({ notBefore: new Date(now - hour), notAfter: new Date(now - 1000) }) },
    "401 certificate-out-of-date",
  ],
  [
    "an intermediate that begins in 301 s",
    { intermediate: () => ({ notBefore: new Date(now + 301_000) }) },
    "401 certificate-out-of-date",
  ],
  [
    "an intermediate that ended a second ago",
    { intermediate: () => ({ notAfter: new Date(now - 1000) }) },
    "401 certificate-out-of-date",
  ],
  [
    "a root that begins in 301 s",
    { root: () => ({ notBefore: new Date(now + 301_000) }) },
    "401 chain-invalid",
  ],
  [
    "a root that ended a second ago",
    { root: () => ({ notAfter: new Date(now - 1000) }) },
    "401 chain-invalid",
  ],

  // Signatures.
  [
    "a leaf that another key signed",
    { leaf: ({ issuer }, { other }) => ({ ...(issuer && { issuer: { ...issuer, keys: other } }) }) },
    "401 chain-invalid",
  ],
  [
    "a leaf that its own key signed",
    { leaf: ({ issuer }, { leaf }) => ({ ...(issuer && { issuer: { ...issuer, keys: leaf } }) }) },
    "401 chain-invalid",
  ],
  [
    "an intermediate that another key signed",
    { intermediate: ({ issuer }, { other }) => ({ ...(issuer && { issuer: { ...issuer, keys: other } }) }) },
    "401 chain-invalid",
  ],
  [
    "the other root of the same name alone",
    {
      after: async (chain, keys) => ({
        ...chain,
        roots: [(await mint(await newRoot({ root: keys.other }))).der],
      }),
    },
    "401 chain-invalid",
  ],
  ["no root", { after: (chain) => ({ ...chain, roots: [] }) }, "401 chain-invalid"],
  [
    "a leaf that the root signed",
    { leaf: async ({ issuer }, keys) => ({ ...(issuer && { issuer: { ...issuer, keys: keys.root } }) }) },
    "401 chain-invalid",
  ],
];
