/** The extensions of a certificate (RFC 5280, section 4.2): those that the profile reads, and which ones are critical. */
import { type DerElement, DerFields, readInner, tags } from "./der.ts";
import {
  type ObjectIdentifier,
  objectIdentifier,
  readBoolean,
  readNamedBits,
  readObjectIdentifier,
  readSmallInteger,
} from "./der-values.ts";
import { ensure } from "./parsed.ts";

export interface CertificateExtensions {
  /** False without basicConstraints too. */
  readonly isCa: boolean;
  /** How many certificates may come between this and the leaf; undefined if any number. */
  readonly pathLength: number | undefined;
  /** Undefined without the extension, which allows every use. */
  readonly keyUsage: KeyUsage | undefined;
  readonly extendedKeyUsage: readonly ObjectIdentifier[] | undefined;
  /** Oracle's, not read further. */
  readonly instance: DerElement | undefined;
}

export interface KeyUsage {
  readonly digitalSignature: boolean;
  readonly keyCertSign: boolean;
}

const basicConstraints = objectIdentifier("2.5.29.19");
const keyUsage = objectIdentifier("2.5.29.15");
const extendedKeyUsage = objectIdentifier("2.5.29.37");
const nameConstraints = objectIdentifier("2.5.29.30");
const instance = objectIdentifier("1.3.6.1.4.1.111.98.10.1");

export const clientAuth = objectIdentifier("1.3.6.1.5.5.7.3.2");

/** What a certificate may mark as critical, since it is read here. */
const understood: readonly ObjectIdentifier[] = [basicConstraints, keyUsage, extendedKeyUsage, instance];

/** Throws, within `parsing` (parsed.ts). `tagged` is the `[3]` that they are in. */
export function readExtensions(tagged: DerElement): CertificateExtensions {
  const [list, ...more] = tagged.children;
  ensure(
    list?.tag === tags.sequence && list.children.length > 0 && more.length === 0,
    "does not have extensions where X.509 has them",
  );
  const values = new Map<ObjectIdentifier, DerElement>();
  for (const extension of list.children) {
    const fields = new DerFields(extension, "an extension");
    const identifier = readObjectIdentifier(fields.next(tags.objectIdentifier, "identifier"));
    const critical = fields.optional(tags.boolean);
    const value = fields.next(tags.octetString, "value");
    fields.end();
    if (critical !== undefined) {
      ensure(readBoolean(critical), "is not DER: an extension says that it is not critical");
      ensure(understood.includes(identifier), "has a critical extension that is not known here");
    }
    ensure(!values.has(identifier), "has an extension twice");
    values.set(identifier, value);
  }
  // To be processed or refused, and RFC 5280 wants them critical.
  ensure(!values.has(nameConstraints), "has name constraints");

  const read = <T>(identifier: ObjectIdentifier, as: (value: DerElement) => T): T | undefined => {
    const value = values.get(identifier);
    return value && as(readInner(value));
  };
  return {
    ...(read(basicConstraints, readBasicConstraints) ?? { isCa: false, pathLength: undefined }),
    keyUsage: read(keyUsage, readKeyUsage),
    extendedKeyUsage: read(extendedKeyUsage, readExtendedKeyUsage),
    instance: read(instance, (value) => value),
  };
}

function readBasicConstraints(value: DerElement): { isCa: boolean; pathLength: number | undefined } {
  const fields = new DerFields(value, "basic constraints");
  const ca = fields.optional(tags.boolean);
  const length = fields.optional(tags.integer);
  fields.end();
  ensure(ca === undefined || readBoolean(ca), "is not DER: basic constraints say CA:FALSE");
  if (length === undefined) return { isCa: ca !== undefined, pathLength: undefined };
  const pathLength = readSmallInteger(length);
  ensure(ca !== undefined && pathLength !== undefined, "has a path length that no CA has");
  return { isCa: true, pathLength };
}

function readKeyUsage(value: DerElement): KeyUsage {
  const [digitalSignature = false, , , , , keyCertSign = false] = readNamedBits(value);
  return { digitalSignature, keyCertSign };
}

function readExtendedKeyUsage(value: DerElement): ObjectIdentifier[] {
  const list = value.tag === tags.sequence ? value.children : [];
  ensure(list.length > 0, "does not have an extended key usage where X.509 has one");
  return list.map(readObjectIdentifier);
}
