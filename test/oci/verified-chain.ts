import type { TrustedRoot } from "../../src/oci/certificate-authority.ts";
import { type InstanceChain, isLeafSigned, vouches } from "../../src/oci/instance-chain.ts";

/** The root that the chain leads to. */
export async function vouchingRoot(
  chain: InstanceChain,
  roots: readonly TrustedRoot[],
  now: number,
): Promise<TrustedRoot | undefined> {
  if (!(await isLeafSigned(chain))) return undefined;
  for (const root of roots) if (await vouches(root, chain.intermediate, now)) return root;
  return undefined;
}
