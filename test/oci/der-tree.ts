/** Certificates taken apart, changed and signed again: for what no library would mint. */
import { element, signed } from "../../dev/emulator/der.ts";

export interface DerNode {
  tag: number;
  /** Of a primitive element; an empty one otherwise. */
  content: Uint8Array<ArrayBuffer>;
  children: DerNode[];
  /** How the length is written, where it is not as DER has it. */
  length?: "padded" | "indefinite";
}

/** Of well-formed DER with tags of one byte. */
export function treeOf(der: Uint8Array<ArrayBuffer>): DerNode {
  const [node] = nodesOf(der);
  if (node === undefined) throw new RangeError("there is no element");
  return node;
}

function nodesOf(der: Uint8Array<ArrayBuffer>): DerNode[] {
  const nodes: DerNode[] = [];
  for (let at = 0; at < der.length; ) {
    const [tag = 0, first = 0, ...more] = der.subarray(at, at + 6);
    const lengthBytes = first < 0x80 ? 0 : first - 0x80;
    const length =
      lengthBytes === 0 ? first : more.slice(0, lengthBytes).reduce((sum, byte) => sum * 256 + byte, 0);
    const start = at + 2 + lengthBytes;
    at = start + length;
    const content = der.slice(start, at);
    const isConstructed = (tag & 0x20) !== 0;
    nodes.push({
      tag,
      content: isConstructed ? new Uint8Array() : content,
      children: isConstructed ? nodesOf(content) : [],
    });
  }
  return nodes;
}

export function encode({ tag, content, children, length }: DerNode): Uint8Array<ArrayBuffer> {
  const value = join([content, ...children.map(encode)]);
  if (length === undefined) return element(tag, value);
  if (length === "indefinite") return join([Uint8Array.of(tag, 0x80), value, Uint8Array.of(0, 0)]);
  const [high, low] = [value.length >> 8, value.length & 0xff];
  return join([
    value.length < 0x80 ? Uint8Array.of(tag, 0x81, low) : Uint8Array.of(tag, 0x83, 0, high, low),
    value,
  ]);
}

export function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

export function node(tag: number, ...content: (number | Uint8Array | DerNode)[]): DerNode {
  const children = content.filter((part) => typeof part === "object" && "tag" in part);
  const bytes = content
    .filter((part) => typeof part === "number" || part instanceof Uint8Array)
    .map((part) => (typeof part === "number" ? Uint8Array.of(part) : part));
  return { tag, content: join(bytes), children };
}

/** The child at `index`, counted from the end if it is negative. */
export function childOf(parent: DerNode, ...path: number[]): DerNode {
  return path.reduce((at, index) => {
    const child = at.children.at(index);
    if (child === undefined) throw new RangeError(`there is no child ${index}`);
    return child;
  }, parent);
}

export const field = {
  version: 0,
  serial: 1,
  algorithm: 2,
  issuer: 3,
  validity: 4,
  subject: 5,
  key: 6,
  extensions: 7,
};

/** A change of one element somewhere in a tree. */
export type Edit = (root: DerNode) => void;

export function put(path: number[], change: Partial<DerNode> | ((at: DerNode) => Partial<DerNode>)): Edit {
  return (root) => {
    const at = childOf(root, ...path);
    Object.assign(at, typeof change === "function" ? change(at) : change);
  };
}

export function add(path: number[], more: DerNode): Edit {
  return put(path, ({ children }) => ({ children: [...children, more] }));
}

export function drop(...path: number[]): Edit {
  return put(path.slice(0, -1), ({ children }) => ({ children: children.toSpliced(path.at(-1) ?? 0, 1) }));
}

/** The certificate with its signed part changed, and signed again, so that the change is all that is wrong with it. */
export async function changed(
  der: Uint8Array<ArrayBuffer>,
  issuerKeys: CryptoKeyPair,
  change: Edit,
): Promise<Uint8Array<ArrayBuffer>> {
  const tbs = childOf(treeOf(der), 0);
  change(tbs);
  return signed(encode(tbs), issuerKeys);
}

/** The certificate with something changed that its signature does not cover. */
export function rewritten(der: Uint8Array<ArrayBuffer>, change: Edit): Uint8Array<ArrayBuffer> {
  const certificate = treeOf(der);
  change(certificate);
  return encode(certificate);
}
