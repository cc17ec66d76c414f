/** The emulated compute instances, and the certificate that each has at the time. */
import { KeyObject } from "node:crypto";
import { z } from "zod";
import { type Certificate, mint, newRsaKeys } from "./certificate.ts";
import { OciError } from "./http.ts";
import { type Instance, leafLifetimeSeconds, leafShape } from "./instance-certificates.ts";
import type { InstanceRoots } from "./instance-roots.ts";
import { type EmulatedRegion, knownRegion } from "./regions.ts";

export const wantedInstance = z.strictObject({
  tenancyOcid: z.string().min(1),
  compartmentOcid: z.string().min(1),
  lifetimeSeconds: z.number().int().min(1).max(315_360_000).default(leafLifetimeSeconds),
});

export const wantedCurrentInstance = z.strictObject({ instanceOcid: z.string() });

/** A leaf, and the intermediate that signed it. */
interface Chain {
  readonly leaf: Certificate;
  readonly intermediate: Certificate;
}

export interface EmulatedInstance extends Instance {
  readonly realm: string;
  readonly region: EmulatedRegion;
  readonly timeCreated: string;
  readonly lifetimeSeconds: number;
  issuedAt: number;
  chain: Promise<Chain>;
}

export class Instances {
  readonly #roots: InstanceRoots;
  readonly #instances = new Map<string, EmulatedInstance>();
  #current: string | undefined;

  constructor(roots: InstanceRoots) {
    this.#roots = roots;
  }

  /** Makes the instance, or gives it a new certificate. */
  async put(instanceOcid: string, wanted: z.output<typeof wantedInstance>) {
    const { realm, region } = placeOf(instanceOcid);
    const about = { instanceOcid, ...wanted, realm, region };
    const instance = { ...about, timeCreated: new Date().toISOString(), ...this.#issue(about) };
    this.#instances.set(instanceOcid, instance);
    const { leaf, intermediate } = await instance.chain;
    return { certificate: leaf.pem, intermediate: intermediate.pem, privateKey: privateKey(leaf, "pkcs8") };
  }

  /** From now on the metadata service is this instance's. */
  setCurrent(instanceOcid: string) {
    if (!this.#instances.has(instanceOcid)) {
      throw new OciError(404, "NotFound", `There is no instance ${instanceOcid}: put it first.`);
    }
    this.#current = instanceOcid;
    return { instanceOcid };
  }

  /**
   * The instance that the metadata service is of. Its certificate is issued anew after a tenth of its lifetime, which
   * for OCI's own two hours is every twelve minutes.
   */
  current(): EmulatedInstance | undefined {
    const instance = this.#instances.get(this.#current ?? "");
    if (instance !== undefined && Date.now() - instance.issuedAt >= instance.lifetimeSeconds * 100) {
      Object.assign(instance, this.#issue(instance));
    }
    return instance;
  }

  #issue(about: Instance & Pick<EmulatedInstance, "region" | "lifetimeSeconds">) {
    const certify = async (): Promise<Chain> => {
      const intermediate = await this.#roots.intermediate(about.region.name);
      const keys = await newRsaKeys();
      // A certificate has whole seconds.
      const at = new Date(Math.floor(Date.now() / 1000) * 1000);
      return {
        leaf: await mint(await leafShape(intermediate, about, keys, at, about.lifetimeSeconds)),
        intermediate,
      };
    };
    return { issuedAt: Date.now(), chain: certify() };
  }
}

/** PEM. OCI's metadata service has PKCS#1. */
export function privateKey({ keys }: Certificate, type: "pkcs1" | "pkcs8"): string {
  return KeyObject.from(keys.privateKey).export({ type, format: "pem" }).toString();
}

/** `ocid1.instance.{realm}.{region}.{unique}`, where the region is a name or a short code. */
function placeOf(ocid: string): { realm: string; region: EmulatedRegion } {
  const [, realm, region] = /^ocid1\.instance\.([a-z0-9]+)\.([a-z0-9-]+)\.[a-z0-9.-]+$/.exec(ocid) ?? [];
  if (realm === undefined || region === undefined) {
    throw new OciError(400, "InvalidParameter", `${ocid} is not ocid1.instance.<realm>.<region>.<unique>.`);
  }
  return { realm, region: knownRegion(region) ?? { name: region, code: region } };
}
