/** Chains of certificates in OCI's shape, as they are today or with a difference. Runs in workerd and in Node. */
import {
  type Certificate,
  type CertificateShape,
  mint,
  newEcKeys,
  newRsaKeys,
} from "../../dev/emulator/certificate.ts";
import { intermediateShape, leafShape, rootShape } from "../../dev/emulator/instance-certificates.ts";
import { changed, type Edit } from "./der-tree.ts";

export const now = Date.parse("2026-11-25T12:00:00Z");

export const instance = {
  instanceOcid: `ocid1.instance.oc1.phx.${"secreti".repeat(8)}`,
  compartmentOcid: `ocid1.compartment.oc1..${"secretc".repeat(8)}`,
  tenancyOcid: `ocid1.tenancy.oc1..${"secrett".repeat(8)}`,
};

export interface Keys {
  readonly root: CryptoKeyPair;
  readonly intermediate: CryptoKeyPair;
  readonly leaf: CryptoKeyPair;
  readonly other: CryptoKeyPair;
  readonly long: CryptoKeyPair;
  readonly short: CryptoKeyPair;
  readonly ec: CryptoKeyPair;
}

/** In milliseconds, for a hook: long keys take seconds, and more where two cores are busy. */
export const timeToMakeKeys = 120_000;

/** As long as OCI's. */
export async function newKeys(): Promise<Keys> {
  const [root, intermediate, leaf, other, long, short, ec] = await Promise.all([
    newRsaKeys(4096),
    newRsaKeys(4096),
    newRsaKeys(2048),
    newRsaKeys(2048),
    newRsaKeys(4096),
    newRsaKeys(1024),
    newEcKeys(),
  ]);
  return { root, intermediate, leaf, other, long, short, ec };
}

export type Der = Uint8Array<ArrayBuffer>;

export interface Chain {
  readonly leaf: Der;
  readonly intermediate: Der;
  readonly roots: readonly Der[];
}

export type Reshape = (
  shape: CertificateShape,
  keys: Keys,
) => Partial<CertificateShape> | Promise<Partial<CertificateShape>>;

/** How a chain differs from today's: in what is minted, or in the DER of it, signed again. */
export interface Difference {
  readonly root?: Reshape;
  readonly intermediate?: Reshape;
  readonly leaf?: Reshape;
  readonly rootDer?: Edit;
  readonly intermediateDer?: Edit;
  readonly leafDer?: Edit;
  /** Of what was minted, not signed again. */
  readonly after?: (chain: Chain, keys: Keys) => Chain | Promise<Chain>;
}

export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

export async function chainOf(keys: Keys, difference: Difference = {}): Promise<Chain> {
  const { root: reshapeRoot, rootDer, intermediate: reshapeIntermediate, intermediateDer } = difference;
  const isRootChanged = reshapeRoot !== undefined || rootDer !== undefined;
  const isIntermediateChanged = reshapeIntermediate !== undefined || intermediateDer !== undefined;
  const today = await todays(keys);
  const root = isRootChanged ? await mintAs(await newRoot(keys), keys, reshapeRoot, rootDer) : today.root;
  const intermediate =
    isRootChanged || isIntermediateChanged
      ? await mintAs(await newIntermediate(root, keys), keys, reshapeIntermediate, intermediateDer)
      : today.intermediate;
  const leaf = await mintAs(
    await leafShape(intermediate, instance, keys.leaf, new Date(now - 10 * minute)),
    keys,
    difference.leaf,
    difference.leafDer,
  );
  const chain = { leaf: leaf.der, intermediate: intermediate.der, roots: [root.der] };
  return (await difference.after?.(chain, keys)) ?? chain;
}

/** Minted once: it takes time. */
const minted = new WeakMap<Keys, Promise<{ root: Certificate; intermediate: Certificate }>>();

function todays(keys: Keys): Promise<{ root: Certificate; intermediate: Certificate }> {
  const known = minted.get(keys);
  if (known !== undefined) return known;
  const minting = (async () => {
    const root = await mint(await newRoot(keys));
    return { root, intermediate: await mint(await newIntermediate(root, keys)) };
  })();
  minted.set(keys, minting);
  return minting;
}

async function mintAs(
  shape: CertificateShape,
  keys: Keys,
  reshape: Reshape | undefined,
  edit: Edit | undefined,
): Promise<Certificate> {
  const reshaped = { ...shape, ...(await reshape?.(shape, keys)) };
  const certificate = await mint(reshaped);
  const issuer = reshaped.issuer ?? reshaped;
  return edit === undefined
    ? certificate
    : { ...certificate, der: await changed(certificate.der, issuer.keys, edit) };
}

export const newRoot = ({ root }: Pick<Keys, "root">) =>
  rootShape("us-phoenix-1", root, new Date(now - 365 * day));

export const newIntermediate = (root: Pick<Certificate, "subject" | "keys">, keys: Keys) =>
  intermediateShape(root, "r2", keys.intermediate, new Date(now - 30 * day));
