/** The values in DER's primitive elements, each in the one form that DER has for it. Everything here throws, as der.ts does. */
import { type DerElement, tags } from "./der.ts";
import { ensure } from "./parsed.ts";

export function readBoolean(element: DerElement): boolean {
  const { content } = element;
  ensure(
    element.tag === tags.boolean && content.length === 1 && (content[0] === 0 || content[0] === 0xff),
    "has a BOOLEAN that is not DER",
  );
  return content[0] === 0xff;
}

/** The bytes of an INTEGER, in two's complement. */
export function readInteger(element: DerElement): Uint8Array<ArrayBuffer> {
  const { content } = element;
  const [first = 0, second = 0] = content;
  const isPadded =
    content.length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80));
  ensure(
    element.tag === tags.integer && content.length > 0 && !isPadded,
    "has an INTEGER that is not in its shortest form",
  );
  return content;
}

/** An INTEGER from 0 to 2^32 - 1, or undefined if it is another one. */
export function readSmallInteger(element: DerElement): number | undefined {
  const bytes = readInteger(element);
  if ((bytes[0] ?? 0) >= 0x80 || bytes.length > 5) return undefined;
  const value = bytes.reduce((number, byte) => number * 0x100 + byte, 0);
  return value < 2 ** 32 ? value : undefined;
}

/** A BIT STRING of whole bytes. */
export function readBytes(element: DerElement): Uint8Array<ArrayBuffer> {
  ensure(
    element.tag === tags.bitString && element.content[0] === 0,
    "has a BIT STRING that is not of whole bytes",
  );
  return element.content.subarray(1);
}

/** A BIT STRING of named bits: whether each is set, without zeros at the end (X.690, section 11.2.2). */
export function readNamedBits(element: DerElement): boolean[] {
  const [unused = 8, ...bytes] = element.content;
  ensure(element.tag === tags.bitString && unused < 8, "has a list of bits that is not DER");
  const bits = bytes.flatMap((byte) => [7, 6, 5, 4, 3, 2, 1, 0].map((bit) => ((byte >> bit) & 1) === 1));
  const used = bits.length - unused;
  ensure(
    (used === 0 || bits[used - 1] === true) && !bits.slice(used).includes(true),
    "has a list of bits that is not DER",
  );
  return bits.slice(0, used);
}

declare const kind: unique symbol;
/** An object identifier as DER encodes it, to be compared and nothing else: its numbers may have any size. */
export type ObjectIdentifier = string & { readonly [kind]: "object identifier" };

/** Of a dotted text that the code holds. */
export function objectIdentifier(dotted: string): ObjectIdentifier {
  const [first = 0, second = 0, ...others] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second, ...others].flatMap((arc) => {
    const base128 = [arc % 0x80];
    for (let left = Math.floor(arc / 0x80); left > 0; left = Math.floor(left / 0x80)) {
      base128.unshift(0x80 + (left % 0x80));
    }
    return base128;
  });
  return String.fromCharCode(...bytes) as ObjectIdentifier;
}

const maxIdentifierBytes = 64;

export function readObjectIdentifier(element: DerElement): ObjectIdentifier {
  const { content } = element;
  const isInBounds = content.length > 0 && content.length <= maxIdentifierBytes;
  ensure(element.tag === tags.objectIdentifier && isInBounds, "has an OBJECT IDENTIFIER that is not DER");
  let startsArc = true;
  for (const byte of content) {
    ensure(!(startsArc && byte === 0x80), "has an OBJECT IDENTIFIER that is not in its shortest form");
    startsArc = byte < 0x80;
  }
  ensure(startsArc, "has an OBJECT IDENTIFIER that is cut off");
  return latin1(content) as ObjectIdentifier;
}

/** A character for each byte. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** Far more than X.520 gives a name, and more than an OCID with its prefix. */
const maxTextBytes = 1024;

/** ASCII's printable characters, from a PrintableString or UTF8String. */
export function readPrintableText(element: DerElement): string {
  ensure(element.content.length <= maxTextBytes, `has a text of more than ${maxTextBytes} bytes`);
  const text = latin1(element.content);
  ensure(/^[\x20-\x7e]*$/.test(text), "has a text with other characters than ASCII's printable ones");
  return text;
}

const timeGrammar = /^(\d\d)?(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;

/** A UTCTime or GeneralizedTime as RFC 5280, section 4.1.2.5, has them: in UTC, to the second. Milliseconds since 1970. */
export function readTime(element: DerElement): number {
  const text = latin1(element.content.subarray(0, 16));
  const match = timeGrammar.exec(text);
  const [, century, year = "", month, day, hour, minute, second] = match ?? [];
  ensure(
    match !== null && element.tag === (century === undefined ? tags.utcTime : tags.generalizedTime),
    "has a time of another form than YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ",
  );
  const iso = `${century ?? (Number(year) < 50 ? "20" : "19")}${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const time = Date.parse(iso);
  // Date.parse takes 30 February and 24 o'clock; what it made of them is printed differently.
  ensure(!Number.isNaN(time) && new Date(time).toISOString() === iso, "has a time that no calendar has");
  return time;
}
