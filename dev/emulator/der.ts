/** Writes DER by hand: for what the library that mints has no word for, and for what no library would write. */
import { Buffer } from "node:buffer";

const join = (parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(parts.flatMap((part) => [...part]));

/** One element: its tag, its length in as few bytes as it takes, and its content. */
export function element(tag: number, ...content: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const value = join(content);
  const length: number[] = [];
  for (let rest = value.length; rest > 0; rest >>>= 8) length.unshift(rest & 0xff);
  const header = value.length < 0x80 ? [tag, value.length] : [tag, 0x80 | length.length, ...length];
  return join([Uint8Array.from(header), value]);
}

/** What a certificate's signature covers: its first element. */
export function tbsOf(certificate: Uint8Array): Uint8Array<ArrayBuffer> {
  const start = headerLength(certificate);
  const tbs = certificate.subarray(start);
  return Uint8Array.from(tbs.subarray(0, headerLength(tbs) + contentLength(tbs)));
}

const headerLength = (der: Uint8Array) => 2 + lengthBytes(der).length;
const contentLength = (der: Uint8Array) =>
  lengthBytes(der).reduce((length, byte) => length * 256 + byte, 0) || (der[1] ?? 0);

function lengthBytes(der: Uint8Array): number[] {
  const first = der[1] ?? 0;
  return first < 0x80 ? [] : [...der.subarray(2, 2 + (first & 0x7f))];
}

/** AlgorithmIdentifier of sha256WithRSAEncryption, with NULL (RFC 4055, section 5). */
export const sha256WithRsa = Uint8Array.from(Buffer.from("300d06092a864886f70d01010b0500", "hex"));

/** A certificate of any bytes at all, signed with an RSA key. */
export async function signed(
  tbs: Uint8Array<ArrayBuffer>,
  { privateKey }: CryptoKeyPair,
  algorithm: Uint8Array = sha256WithRsa,
): Promise<Uint8Array<ArrayBuffer>> {
  const signature = new Uint8Array(await crypto.subtle.sign(privateKey.algorithm.name, privateKey, tbs));
  return element(0x30, tbs, algorithm, element(0x03, Uint8Array.of(0), signature));
}
