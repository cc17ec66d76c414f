/** What an operator changes here, and what changes at OCI. */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { calculateJwkThumbprint } from "jose";
import { newOcid } from "../oci-users.ts";
import { newRsaKey, type RsaKey } from "../rsa-keys.ts";
import { Comparison, eventOf, short } from "./comparison.ts";
import {
  type Identity,
  type Organization,
  type Policy,
  rootOf,
  type Tenancy,
  type User,
  type World,
} from "./rules.ts";

/** Keys are slow to make, so those of a whole test run are made once. */
const keyPool: RsaKey[] = [];
function keyOfPool(index: number): RsaKey {
  keyPool[index] ??= newRsaKey();
  return keyPool[index];
}

export class Administration extends Comparison {
  // The world as it begins.

  async populate(): Promise<void> {
    for (const kid of ["one", "two"]) {
      const jwk = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
      this.signingKeys.set(await calculateJwkThumbprint(jwk), jwk);
      this.encryptionKeys.set(kid, { kty: "oct", kid, k: randomBytes(32).toString("base64url") });
    }
    this.world.signingKids = this.allSigningKids().slice(0, 1);
    this.world.encryptionKids = ["one"];
    await this.control();
    const alpha = await this.#addOrganization("alpha");
    const one = await this.#addOrganization("one", alpha);
    const two = await this.#addOrganization("two", alpha);
    const beta = await this.#addOrganization("beta");
    const shared = await this.#addTenancy([alpha, beta], 0);
    const own = await this.#addTenancy([alpha], 1);
    await this.#addUser("ann", shared, [2, 3]);
    await this.#addUser("ben", shared, [4, 5]);
    await this.#addUser("tom", own, [6, 7]);
    await this.#addIdentity("p", alpha, shared);
    await this.#addIdentity("q", one, shared, { signatureReuse: "reject" });
    await this.#addIdentity("r", two, own, { accessTokenNumUsesLimit: 3 });
    await this.#addIdentity("s", beta, shared, { accessTokenTTL: 600 });
    for (const identity of this.identities.slice(0, 2)) await this.setMember(identity, two, true);
  }

  async #addOrganization(slug: string, parent?: Organization): Promise<Organization> {
    const { body, reqId } = await this.admin(
      "POST",
      "/api/v1/organizations",
      { name: slug, slug, ...(parent === undefined ? {} : { parentId: parent.id }) },
      undefined,
    );
    const organization = { id: body.organization.id, slug, parent, suspended: false };
    this.log.succeeded([reqId], eventOf("organization.create", organization));
    this.organizations.push(organization);
    return organization;
  }

  async #addTenancy(roots: Organization[], poolIndex: number): Promise<Tenancy> {
    const tenancyOcid = newOcid("tenancy");
    const { publicKey, privateKey, fingerprint } = keyOfPool(poolIndex);
    const userOcid = newOcid("user");
    await this.emulated("PUT", `users/${userOcid}`, {
      tenancyOcid,
      name: "reader",
      apiKeys: [{ publicKey }],
    });
    await this.admin(
      "PUT",
      `/api/v1/oci/tenancies/${tenancyOcid}`,
      {
        region: "us-ashburn-1",
        organizationIds: roots.map(({ id }) => id),
        userOcid,
        fingerprint,
        privateKey,
      },
      { type: "tenancy.put" },
    );
    const tenancy = { ocid: tenancyOcid, roots, encryptedWith: "one" };
    this.world.tenancies.set(tenancyOcid, tenancy);
    await this.ociWasAsked();
    return tenancy;
  }

  async #addUser(label: string, { ocid: tenancyOcid }: Tenancy, pool: number[]): Promise<void> {
    const keys = pool.map(keyOfPool);
    const user: User = {
      ocid: newOcid("user"),
      tenancyOcid,
      label,
      name: `${label}@example.com`,
      state: "active",
      activeKeys: new Set(keys.slice(0, 1).map(({ fingerprint }) => fingerprint)),
    };
    this.users.push({ user, keys });
    await this.changeUser(user, {});
  }

  async #addIdentity(
    label: string,
    home: Organization,
    tenancy: Tenancy,
    settings: Partial<Policy> = {},
  ): Promise<void> {
    const { body, reqId } = await this.admin(
      "POST",
      "/api/v1/identities",
      { name: label, organizationId: home.id },
      undefined,
    );
    const identity: Identity = {
      id: body.identity.id,
      label,
      home,
      role: "member",
      suspended: false,
      generation: 0,
      memberOf: new Set(),
      policy: undefined,
    };
    this.log.succeeded([reqId], eventOf("identity.create", home, identity));
    this.identities.push(identity);
    await this.attach(identity, tenancy.ocid, settings);
  }

  allSigningKids(): string[] {
    return [...this.signingKeys.keys()];
  }

  // What is done to both.

  async advance(seconds: number): Promise<void> {
    this.world.now += seconds;
    await this.control();
  }

  async setAuditDb(state: "works" | "fails" | "loses"): Promise<void> {
    this.note(`the audit database ${state}`, this.log);
    this.auditDb = state;
    await this.control();
  }

  async setOci(oci: World["oci"], status: number): Promise<void> {
    this.note(`OCI ${oci} (${status})`, this.world);
    this.world.oci = oci;
    if (oci === "answers") await this.emulated("DELETE", "faults");
    else await this.emulated("PUT", "faults", { status });
  }

  async setSigningKeys(kids: readonly string[]): Promise<void> {
    this.note(`signing keys: ${kids.map((kid) => kid.slice(0, 4)).join(", ")}`, this.world);
    this.world.signingKids = kids;
    await this.control();
  }

  async setEncryptionKeys(kids: readonly string[]): Promise<void> {
    this.note(`encryption keys: ${kids.join(", ")}`, this.world);
    this.world.encryptionKids = kids;
    await this.control();
  }

  async reEncrypt(): Promise<void> {
    this.note("re-encrypt", this.world);
    const { encryptionKids, tenancies } = this.world;
    const old = [...tenancies.values()].filter(({ encryptedWith }) => encryptedWith !== encryptionKids[0]);
    const moved = old.filter(({ encryptedWith }) => encryptionKids.includes(encryptedWith));
    const { body, reqId } = await this.admin(
      "POST",
      "/api/v1/oci/tenancies/re-encrypt",
      undefined,
      undefined,
    );
    if (body.reEncrypted !== moved.length || body.undecryptable.length !== old.length - moved.length) {
      this.differ(`${moved.length} encrypted anew of ${old.length}`, JSON.stringify(body));
    }
    for (const tenancy of moved) tenancy.encryptedWith = encryptionKids[0] ?? "";
    this.log.succeeded([reqId], { type: "tenancy.re-encrypt" }, moved.length);
  }

  async changeUser(user: User, change: Partial<Pick<User, "name" | "state" | "activeKeys">>): Promise<void> {
    Object.assign(user, change);
    const { name, state, activeKeys, tenancyOcid, label } = user;
    this.note(
      `OCI: ${label} is ${state}, called ${name}, with active keys ${[...activeKeys].map(short)}`,
      user,
    );
    if (state === "deleted") {
      await this.emulated("DELETE", `users/${user.ocid}`);
      return;
    }
    const keys = this.users.find((each) => each.user === user)?.keys ?? [];
    await this.emulated("PUT", `users/${user.ocid}`, {
      tenancyOcid,
      name,
      lifecycleState: state === "inactive" ? "INACTIVE" : "ACTIVE",
      canUseApiKeys: state !== "without-api-keys",
      // One that is inactive is listed or not: it is the same.
      apiKeys: keys
        .filter(({ fingerprint }, index) => activeKeys.has(fingerprint) || index === 0)
        .map(({ publicKey, fingerprint }) => ({
          publicKey,
          lifecycleState: activeKeys.has(fingerprint) ? "ACTIVE" : "DELETED",
        })),
    });
  }

  async purge(user: User): Promise<void> {
    this.note(`purge ${user.label}`, user);
    this.world.directory.delete(user);
    const path = `/api/v1/oci/tenancies/${user.tenancyOcid}/users/${user.ocid}/cache`;
    await this.admin("DELETE", path, undefined, { type: "tenancy.purge-user" }, 200, user);
  }

  async suspend(target: Identity | Organization, suspended: boolean): Promise<void> {
    const isIdentity = "home" in target;
    const name = isIdentity ? `identity ${target.label}` : `organization ${target.slug}`;
    this.note(`${suspended ? "suspend" : "resume"} ${name}`, target);
    const path = `/api/v1/${isIdentity ? "identities" : "organizations"}/${target.id}`;
    const event = isIdentity
      ? eventOf("identity.update", target.home, target)
      : eventOf("organization.update", target);
    await this.admin("PATCH", path, { suspended }, event, 200, target);
    target.suspended = suspended;
  }

  async setRole(identity: Identity, role: Identity["role"]): Promise<void> {
    this.note(`${identity.label} becomes ${role}`, identity);
    const event = eventOf("identity.update", identity.home, identity);
    await this.admin("PATCH", `/api/v1/identities/${identity.id}`, { role }, event, 200, identity);
    identity.role = role;
  }

  async revokeTokens(identity: Identity): Promise<void> {
    this.note(`revoke-tokens of ${identity.label}`, identity);
    const event = eventOf("identity.revoke-tokens", identity.home, identity);
    await this.admin(
      "POST",
      `/api/v1/identities/${identity.id}/revoke-tokens`,
      undefined,
      event,
      200,
      identity,
    );
    identity.generation += 1;
  }

  async setMember(identity: Identity, organization: Organization, member: boolean): Promise<void> {
    const was = identity.memberOf.has(organization);
    this.note(`${identity.label} ${member ? "joins" : "leaves"} ${organization.slug}`, identity);
    const inPlace = organization.parent === rootOf(identity.home) && organization !== identity.home;
    const status = member ? (inPlace ? 200 : 400) : was ? 200 : 404;
    // Once is enough, and again changes nothing.
    const changes = status === 200 && member !== was;
    const type = member ? "membership.add" : "membership.remove";
    const path = `/api/v1/organizations/${organization.id}/identities/${identity.id}`;
    const event = changes ? eventOf(type, organization, identity) : undefined;
    await this.admin(member ? "PUT" : "DELETE", path, undefined, event, status, identity);
    if (!changes) return;
    const others = [...identity.memberOf].filter((each) => each !== organization);
    identity.memberOf = new Set(member ? [...others, organization] : others);
  }

  async attach(identity: Identity, tenancyOcid: string, settings: Partial<Policy>): Promise<void> {
    const policy: Policy = {
      tenancyOcid,
      allowedUsernames: null,
      accessTokenTTL: 2_592_000,
      accessTokenMaxTTL: 2_592_000,
      accessTokenPeriod: 0,
      accessTokenNumUsesLimit: 0,
      accessTokenAudience: null,
      trusted: "anywhere",
      signatureReuse: "allow",
      ...settings,
    };
    this.note(`attach ${identity.label}: ${settingsOf(this, settings)}`, identity);
    const { accessTokenTTL, accessTokenMaxTTL } = policy;
    const allowed = this.#mayUse(identity, policy) && identity.policy === undefined;
    // By itself, or against what is stored.
    const refused = accessTokenTTL > accessTokenMaxTTL ? 422 : 400;
    const event = eventOf("oci-auth.attach", identity.home, identity);
    const path = `/api/v1/auth/oci-auth/identities/${identity.id}`;
    await this.admin("POST", path, bodyOf(policy), event, allowed ? 200 : refused, identity);
    if (allowed) identity.policy = policy;
  }

  async setPolicy(identity: Identity, change: Partial<Policy>): Promise<void> {
    this.note(`set ${identity.label}: ${settingsOf(this, change)}`, identity);
    const policy = identity.policy && { ...identity.policy, ...change };
    const status = policy === undefined ? 404 : this.#mayUse(identity, policy) ? 200 : 400;
    const event = eventOf("oci-auth.update", identity.home, identity);
    const path = `/api/v1/auth/oci-auth/identities/${identity.id}`;
    await this.admin("PATCH", path, bodyOf(change), event, status, identity);
    if (status === 200) identity.policy = policy;
  }

  /** A tenancy that its root may use, and a TTL that the max TTL allows. */
  #mayUse({ home }: Identity, { tenancyOcid, accessTokenTTL, accessTokenMaxTTL }: Policy): boolean {
    const roots = this.world.tenancies.get(tenancyOcid)?.roots ?? [];
    return roots.includes(rootOf(home)) && accessTokenTTL <= accessTokenMaxTTL;
  }

  async detach(identity: Identity): Promise<void> {
    this.note(`detach ${identity.label}`, identity);
    const status = identity.policy === undefined ? 404 : 200;
    const event = eventOf("oci-auth.detach", identity.home, identity);
    const path = `/api/v1/auth/oci-auth/identities/${identity.id}`;
    await this.admin("DELETE", path, undefined, event, status, identity);
    if (status === 200) identity.generation += 1;
    identity.policy = undefined;
  }
}

function settingsOf(comparison: Comparison, { tenancyOcid, ...settings }: Partial<Policy>): string {
  const tenancy = [...comparison.world.tenancies.keys()].indexOf(tenancyOcid ?? "");
  return JSON.stringify({ ...settings, ...(tenancy < 0 ? {} : { tenancy }) });
}

function bodyOf({ trusted, allowedUsernames, ...settings }: Partial<Policy>) {
  const ranges = trusted === "anywhere" ? ["0.0.0.0/0", "::/0"] : [trusted];
  return {
    ...settings,
    ...(allowedUsernames === undefined ? {} : { allowedUsernames: allowedUsernames?.join(", ") ?? null }),
    ...(trusted === undefined ? {} : { accessTokenTrustedIps: ranges.map((ipAddress) => ({ ipAddress })) }),
  };
}
