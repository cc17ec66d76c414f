/**
 * DER (X.690) as certificates use it, read strictly: definite lengths in their shortest form, tags of one byte, and
 * nothing left over, at every level and whether something reads it or not. So no part of a certificate can mean one
 * thing here and another elsewhere.
 *
 * Two rules are left out. A SET's elements may be in any order: names of real certificates are not sorted. What is in a
 * primitive element is held to DER by der-values.ts, where something reads it.
 *
 * Everything here throws, within `parsing` (parsed.ts).
 */
import { ensure } from "./parsed.ts";

/** An instance's certificate grows with the instance's tags. A body has at most 32 KiB. */
export const maxDerBytes = 32 * 1024;

/** A certificate has six levels. */
const maxDepth = 10;

export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

const constructed = 0x20;

/** A context-specific tag, such as `[0]` before a certificate's version. */
export function contextTag(number: number, form: "primitive" | "constructed"): number {
  return 0x80 | number | (form === "constructed" ? constructed : 0);
}

export class DerElement {
  readonly tag: number;
  /** Of a constructed element. */
  readonly children: readonly DerElement[];
  readonly end: number;
  readonly #source: Uint8Array<ArrayBuffer>;
  readonly #start: number;
  readonly #contentStart: number;

  constructor(
    tag: number,
    children: readonly DerElement[],
    source: Uint8Array<ArrayBuffer>,
    [start, contentStart, end]: readonly [start: number, contentStart: number, end: number],
  ) {
    this.tag = tag;
    this.children = children;
    this.end = end;
    this.#source = source;
    this.#start = start;
    this.#contentStart = contentStart;
  }

  /** With tag and length. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#source.subarray(this.#start, this.end);
  }

  get content(): Uint8Array<ArrayBuffer> {
    return this.#source.subarray(this.#contentStart, this.end);
  }
}

/** The one element that these bytes are. */
export function readDer(source: Uint8Array<ArrayBuffer>): DerElement {
  ensure(source.length <= maxDerBytes, `has more than ${maxDerBytes} bytes`);
  const element = readElement(source, 0, source.length, 1);
  ensure(element.end === source.length, "is not DER: bytes follow its end");
  return element;
}

function readElement(
  source: Uint8Array<ArrayBuffer>,
  start: number,
  limit: number,
  depth: number,
): DerElement {
  ensure(depth <= maxDepth, `is not DER of a certificate: more than ${maxDepth} levels`);
  // Past the limit too: the check of `end` finds it.
  const byteAt = (at: number): number => source[at] ?? 0;

  const tag = byteAt(start);
  ensure((tag & 0x1f) !== 0x1f, "is not DER of a certificate: a tag has more than one byte");

  let length = byteAt(start + 1);
  let contentStart = start + 2;
  if (length >= 0x80) {
    const lengthBytes = length - 0x80;
    ensure(lengthBytes !== 0, "is not DER: a length is indefinite");
    ensure(lengthBytes <= 2, "is not DER: a length is too large or not in its shortest form");
    length = byteAt(contentStart);
    if (lengthBytes === 2) length = length * 0x100 + byteAt(contentStart + 1);
    ensure(length >= (lengthBytes === 1 ? 0x80 : 0x100), "is not DER: a length is not in its shortest form");
    contentStart += lengthBytes;
  }
  const end = contentStart + length;
  ensure(end <= limit, "is not DER: an element is cut off");

  const children: DerElement[] = [];
  if ((tag & constructed) !== 0) {
    for (let at = contentStart; at < end; ) {
      const child = readElement(source, at, end, depth + 1);
      children.push(child);
      at = child.end;
    }
  }
  return new DerElement(tag, children, source, [start, contentStart, end]);
}

/** The elements of a SEQUENCE, taken one by one in their order. */
export class DerFields {
  readonly #of: string;
  readonly #elements: readonly DerElement[];
  #at = 0;

  /** `of` is what it is, for messages, such as "a certificate". */
  constructor(sequence: DerElement, of: string) {
    ensure(sequence.tag === tags.sequence, `does not have ${of} where X.509 has one`);
    this.#of = of;
    this.#elements = sequence.children;
  }

  next(tag: number, name: string): DerElement {
    const element = this.optional(tag);
    ensure(element !== undefined, `does not have the ${name} of ${this.#of} where X.509 has it`);
    return element;
  }

  optional(tag: number): DerElement | undefined {
    const element = this.#elements[this.#at];
    if (element?.tag !== tag) return undefined;
    this.#at += 1;
    return element;
  }

  end(): void {
    ensure(
      this.#at === this.#elements.length,
      `has something in ${this.#of} that X.509 or the profile does not`,
    );
  }
}

/** What fills a primitive element, such as an extension's OCTET STRING, read as DER of its own. */
export function readInner(element: DerElement): DerElement {
  return readDer(element.content);
}
