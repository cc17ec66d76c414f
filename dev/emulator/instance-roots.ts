/** What vouches for instances: in each region a root and an intermediate of its own, made when they are first needed. */
import { z } from "zod";
import { type Certificate, mint, newRsaKeys } from "./certificate.ts";
import { type Answer, notFound } from "./http.ts";
import { intermediateShape, rootShape } from "./instance-certificates.ts";
import { knownRegion } from "./regions.ts";

/** Roots to answer with in place of the emulator's own: whatever they are, they are not looked at. */
export const wantedRoots = z.strictObject({
  /** Base64, DER. */
  certificates: z.array(z.string()),
  refreshIn: z.string().optional(),
  format: z.enum(["json-der", "json-pem", "pem"]).default("json-der"),
});

type WantedRoots = z.output<typeof wantedRoots>;

const hour = 3_600_000;

export class InstanceRoots {
  /** The oldest first; the last one signs. */
  readonly #own = new Map<string, Promise<readonly Certificate[]>>();
  readonly #intermediates = new Map<string, Promise<Certificate>>();
  readonly #replacements = new Map<string, WantedRoots>();

  /** What signs the leaves of the region's instances. */
  intermediate(region: string): Promise<Certificate> {
    const made = this.#intermediates.get(region) ?? this.#ownRoots(region).then(newIntermediate(region));
    this.#intermediates.set(region, made);
    return made;
  }

  /** What signs leaves from now on is under a new root; the roots before it stay published. */
  async rotate(region: string): Promise<{ certificates: string[] }> {
    const roots = this.#ownRoots(region).then(async (before) => [...before, await newRoot(region, before)]);
    this.#own.set(region, roots);
    this.#intermediates.delete(region);
    return { certificates: (await roots).map(base64) };
  }

  replace(region: string, roots: WantedRoots): WantedRoots {
    this.#replacements.set(region, roots);
    return roots;
  }

  restore(region: string): { restored: boolean } {
    return { restored: this.#replacements.delete(region) };
  }

  /** As `GET /v1/instancePrincipalRootCACertificates` of the region answers. Elsewhere there is no such host. */
  async answer(region: string): Promise<Answer> {
    const replacement = this.#replacements.get(region);
    if (replacement !== undefined) return written(replacement);
    if (!this.#own.has(region) && knownRegion(region)?.name !== region) throw notFound;
    const roots = await this.#ownRoots(region);
    const refreshIn = new Date(Date.now() + hour).toISOString();
    return written({ certificates: roots.map(base64), refreshIn, format: "json-der" });
  }

  #ownRoots(region: string): Promise<readonly Certificate[]> {
    const made = this.#own.get(region) ?? newRoot(region, []).then((root) => [root]);
    this.#own.set(region, made);
    return made;
  }
}

/**
 * As old as the root of a region in service may be, and a second younger than the one before: OCI names a root by when
 * it was made.
 */
async function newRoot(region: string, before: readonly Certificate[]): Promise<Certificate> {
  const at = new Date(Date.now() - 24 * hour + before.length * 1000);
  return mint(await rootShape(region, await newRsaKeys(4096), at));
}

const newIntermediate = (region: string) => async (roots: readonly Certificate[]) => {
  const root = roots.at(-1);
  if (root === undefined) throw new Error(`${region} has no root`);
  return mint(await intermediateShape(root, region, await newRsaKeys(4096), new Date(Date.now() - hour)));
};

const base64 = ({ der }: Certificate) => Buffer.from(der).toString("base64");

function pem(der: string): string {
  const lines = der.match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

function written({ certificates, refreshIn, format }: WantedRoots): Answer {
  switch (format) {
    case "json-der":
      return { body: { certificates, refreshIn } };
    case "json-pem":
      return { body: { certificates: certificates.map(pem), refreshIn } };
    case "pem":
      return { body: certificates.map(pem).join(""), contentType: "text/plain" };
  }
}
