/**
 * Instances log in by a statement that the key of their certificate signed: the steps of docs/login.md that are theirs.
 * There is no revocation of certificates: what takes its place is that no token outlives the certificate.
 */
import type { CachedRoots, RootsQuery } from "../../directory/instance-roots.ts";
import type { Resolution } from "../../directory/vouched-cache.ts";
import { type InstanceSettings, instancePermission } from "../../identities/instance-permission.ts";
import type { TrustedRoot } from "../../oci/certificate-authority.ts";
import type { Checked } from "../../oci/checked.ts";
import type { InstanceIdentity } from "../../oci/instance-certificate.ts";
import { checkValidity, type InstanceChain, parseInstanceChain } from "../../oci/instance-chain.ts";
import { checkRegion } from "../../oci/instance-region.ts";
import {
  type InstanceStatement,
  parseInstanceStatement,
  verifyStatement,
} from "../../oci/instance-statement.ts";
import type { Parsed } from "../../oci/parsed.ts";
import { importPublicKey } from "../../oci/public-key.ts";
import type { SignatureAlgorithm } from "../../oci/request-signature.ts";
import { checkAddressee, checkTimes } from "../../oci/statement-checks.ts";
import { Refusal } from "../../refusal.ts";
import type { StoredCredential } from "../../tenancies/tenancy-client.ts";
import type { ProvenBy } from "../../tokens/claims.ts";
import type { LoginMethod, LoginRequest, RenewalMethod, Shown } from "../method.ts";

/** What an instance sends. */
export interface InstanceLogin extends LoginRequest {
  readonly jwt: string;
}

/** A statement, as it was read. */
export interface ShownStatement extends Shown {
  readonly statement: InstanceStatement;
  readonly algorithm: SignatureAlgorithm;
  readonly chain: InstanceChain;
  readonly instance: InstanceIdentity;
  /** Where the instance's OCID says that it is: undefined if that is no region, which is a refusal of step 7. */
  readonly region: Checked<string>;
  /** When the certificate ends, in seconds since the epoch. */
  readonly proofExpiresAt: number;
}

/** Which roots vouch for instances. */
export interface Roots {
  read(query: RootsQuery): Promise<CachedRoots>;
  /** Rejects as `prove` does. */
  resolve(
    query: RootsQuery,
    chain: InstanceChain,
    cached: CachedRoots,
    prove: () => Promise<void>,
    tenancy: StoredCredential,
  ): Promise<Resolution<TrustedRoot, never>>;
}

type ProvenInstance = ProvenBy<"oci-instance-auth">;

const notConfigured = "no-oci-instance-auth";

/** `issuer` is ours, whom a statement names. */
export function instanceMethod(
  issuer: string,
  roots: Roots,
): LoginMethod<InstanceLogin, ShownStatement, CachedRoots, InstanceSettings, ProvenInstance> {
  return {
    notConfigured,
    read: (request, now) => readStatement(request, issuer, now),
    readCache: async ({ instance, region }) =>
      region.ok ? roots.read({ tenancyOcid: instance.tenancyOcid, region: region.value }) : "absent",

    // 7. The tenancy is the one that is pinned, all are of one realm, and the region is one of it that is allowed.
    checkPinned({ instance, region }, { config }) {
      if (instance.tenancyOcid !== config.tenancyOcid) throw new Refusal("another-tenancy");
      const where = { ...instance, region: accept(region) };
      if (!instancePermission.region(config, where)) throw new Refusal("region-not-allowed");
    },

    async prove(shown, cached, { tenancy }, tell) {
      const { chain, instance } = shown;
      const region = accept(shown.region);
      const prove = () => checkStatement(shown);

      // 8. A root of the region signed the intermediate, and the intermediate the leaf.
      const query = { tenancyOcid: instance.tenancyOcid, region };
      const resolution = await roots.resolve(query, chain, cached, prove, tenancy);
      if (resolution.kind === "unknown") throw new Refusal("chain-invalid");
      if (resolution.kind === "over-budget") {
        throw new Refusal(
          "over-budget",
          "Too many lookups of regions' roots for this tenancy at the moment; try again later",
        );
      }
      if (resolution.kind !== "found") throw new Refusal("roots-unavailable");
      tell({ rootSource: resolution.source });

      // 9. The leaf's key made the signature.
      await prove();
      return {
        authMethod: "oci-instance-auth",
        oci: { ...instance, region },
        proofExpiresAt: shown.proofExpiresAt,
      };
    },

    // 10. The compartment and the instance are allowed.
    checkAllowed: ({ oci }, { config }) => checkInstance(oci, config),
    // A statement names its one login.
    reuse: () => "reject",
  };
}

/** Steps 7 and 10, by what the token says: its end is the certificate's, which takes the place of the chain. */
export function instanceRenewal(
  loadConfiguration: RenewalMethod<InstanceSettings, ProvenInstance>["loadConfiguration"],
): RenewalMethod<InstanceSettings, ProvenInstance> {
  return {
    notConfigured,
    loadConfiguration,
    async confirm({ authMethod, oci, proofExpiresAt }, { config }) {
      if (oci.tenancyOcid !== config.tenancyOcid) throw new Refusal("another-tenancy");
      if (!instancePermission.region(config, oci)) throw new Refusal("region-not-allowed");
      checkInstance(oci, config);
      return { authMethod, oci, proofExpiresAt };
    },
  };
}

function readStatement({ identityId, jwt }: InstanceLogin, issuer: string, now: number): ShownStatement {
  // 3. The statement and the two certificates parse, within the profile.
  const statement = parse(parseInstanceStatement(jwt));
  const chain = parse(parseInstanceChain(statement.header.x5c));

  // 4. It is a statement of ours, for us and for this identity.
  const algorithm = accept(checkAddressee(statement, issuer, identityId));

  // 5. It is fresh, and both certificates are valid.
  accept(checkTimes(statement, now));
  accept(checkValidity(chain, now));
  const proofExpiresAt = Math.floor(chain.leaf.notAfter / 1000);
  // Less than a second is left, and a token lives for whole ones.
  if (proofExpiresAt <= Math.floor(now / 1000)) throw new Refusal("certificate-out-of-date");

  const instance = chain.leaf.identity;
  return {
    principal: { authority: instance.tenancyOcid, subject: instance.instanceOcid },
    actor: `oci/${instance.instanceOcid}`,
    details: { authMethod: "oci-instance-auth", ...instance },
    signature: statement.signature,
    showableUntil: statement.claims.exp * 1000,
    statement,
    algorithm,
    chain,
    instance,
    region: checkRegion(instance),
    proofExpiresAt,
  };
}

function parse<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new Refusal("malformed-request", parsed.problem);
  return parsed.value;
}

function accept<T>(checked: Checked<T>): T {
  if (checked.ok) return checked.value;
  const { reason, message } = checked.denial;
  throw new Refusal(reason, `Access denied: ${message}`);
}

async function checkStatement({ statement, algorithm, chain }: ShownStatement): Promise<void> {
  const key = await importPublicKey(chain.leaf.publicKey, algorithm);
  if (!key.ok || !(await verifyStatement(statement, algorithm, key.value))) {
    throw new Refusal("signature-invalid");
  }
}

function checkInstance(instance: ProvenInstance["oci"], config: InstanceSettings): void {
  if (!instancePermission.compartment(config, instance)) throw new Refusal("compartment-not-allowed");
  if (!instancePermission.instance(config, instance)) throw new Refusal("instance-not-allowed");
}
