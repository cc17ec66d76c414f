/** What may happen next, and how often. What is chosen depends on the seed and the world alone, never on time. */
import type { RsaKey } from "../rsa-keys.ts";
import type { UserKeys } from "./comparison.ts";
import type { Random } from "./random.ts";
import type { Rig } from "./rig.ts";
import { type Copy, type Identity, isActive, type Policy, rootOf } from "./rules.ts";

type Step = (rig: Rig, random: Random) => Promise<void>;

/** Around each limit: 30 s, 60 s, 300 s, an hour. */
const waits: [weight: number, seconds: number[]][] = [
  [60, [1, 2, 5, 10, 29, 30, 31]],
  [30, [60, 61, 120, 240, 299, 300, 301]],
  [10, [600, 1200, 3599, 3600, 3661]],
];
const dates = [0, 0, 0, 0, 0, 0, -1, -2, -3, -60, -120, -299, -300, -301, 60, 300, 301];
const addresses = ["192.0.2.7", "192.0.2.7", "198.51.100.1"];

function someone(rig: Rig, random: Random, identity: Identity): UserKeys {
  const own = rig.users.filter(
    ({ user }) =>
      user.tenancyOcid === identity.policy?.tenancyOcid && (user.state === "active" || random.chance(0.2)),
  );
  return own.length > 0 && random.chance(0.93) ? random.pick(own) : random.pick(rig.users);
}

function someKey({ user, keys }: UserKeys, random: Random): RsaKey {
  const active = keys.filter(({ fingerprint }) => user.activeKeys.has(fingerprint));
  return active.length > 0 && random.chance(0.85) ? random.pick(active) : random.pick(keys);
}

function someAttempt(rig: Rig, random: Random, likely = false) {
  const open = rig.identities.filter((each) => each.policy !== undefined && !each.suspended);
  const identity = random.pick(open.length > 0 && random.chance(0.85) ? open : rig.identities);
  const who = someone(rig, random, identity);
  const key = someKey(who, random);
  const members = [...identity.memberOf];
  const slug = random.chance(0.7)
    ? undefined
    : members.length > 0 && random.chance(0.6)
      ? random.pick(members).slug
      : random.pick([...rig.organizations.map((each) => each.slug), "nowhere"]);
  const genuine = likely || random.chance(0.94);
  let date = rig.world.now + (likely ? 0 : random.pick(dates));
  while (rig.uncertain.has(`${key.fingerprint} ${date}`)) date -= 1;
  return rig.attempt(identity, who, key, { date, slug, genuine });
}

/** Copies that have not expired, of tokens that are dead all the same. */
function deadCopies(rig: Rig): Copy[] {
  return rig.copies.slice(-100).filter(({ expiresAt, usesLimit, token: { revoked, uses } }) => {
    return expiresAt > rig.world.now && (revoked || (usesLimit > 0 && uses >= usesLimit));
  });
}

/** Of the last few: mostly one that has not expired, and often one of a token that is dead all the same. */
function someCopy(rig: Rig, random: Random): Copy | undefined {
  const recent = rig.copies.slice(-60);
  const alive = recent.filter(({ expiresAt }) => expiresAt > rig.world.now);
  const dead = deadCopies(rig);
  const likely = dead.length > 0 && random.chance(0.2) ? dead : alive;
  const from = likely.length > 0 && random.chance(0.93) ? likely : recent;
  return from.length > 0 ? random.pick(from) : undefined;
}

const ofCopy =
  (act: (rig: Rig, copy: Copy, random: Random) => Promise<void>): Step =>
  async (rig, random) => {
    const copy = someCopy(rig, random);
    if (copy !== undefined) await act(rig, copy, random);
  };

function someChange(rig: Rig, random: Random): Partial<Policy> {
  const names = rig.users.map(({ user }) => user.name);
  return random.pick<() => Partial<Policy>>([
    () => ({
      allowedUsernames: random.pick([null, null, names, names.slice(0, 1), names.slice(1), ["nobody"]]),
    }),
    () => ({ accessTokenTTL: random.pick([0, 300, 600]) }),
    () => ({ accessTokenTTL: random.pick([0, 60, 300, 600, 1200, 3600, 7200]) }),
    () => ({ accessTokenMaxTTL: random.pick([600, 1800, 3600, 7200, 2_592_000]) }),
    () => ({ accessTokenPeriod: random.pick([0, 0, 120, 600, 7200]) }),
    () => ({ accessTokenNumUsesLimit: random.pick([0, 0, 1, 2, 5]) }),
    () => ({ accessTokenAudience: random.pick([null, null, "payments"]) }),
    () => ({ trusted: random.pick(["anywhere", "anywhere", "192.0.2.0/24"] as const) }),
    () => ({ signatureReuse: random.pick(["allow", "reject"] as const) }),
    () => ({ tenancyOcid: random.pick([...rig.world.tenancies.keys()]) }),
  ])();
}

const steps: Record<string, readonly [weight: number, step: Step]> = {
  login: [28, (rig, random) => rig.login(someAttempt(rig, random))],
  "login at once": [2, (rig, random) => rig.loginAtOnce(someAttempt(rig, random, true), random.whole(2, 4))],
  renew: [13, ofCopy((rig, copy, random) => rig.renew(copy, random.pick(addresses)))],
  introspect: [
    20,
    ofCopy((rig, copy, random) => rig.introspect(copy, random.pick([undefined, ...addresses]))),
  ],
  "introspect at once": [
    2,
    ofCopy((rig, copy, random) => rig.introspect(copy, "192.0.2.7", random.whole(2, 4))),
  ],
  revoke: [4, ofCopy((rig, copy) => rig.revoke(copy))],
  "revoke at once": [1, ofCopy((rig, copy, random) => rig.revoke(copy, random.whole(2, 3)))],
  wait: [
    14,
    async (rig, random) => {
      await rig.advance(random.pick(random.weighted(waits)));
      // An alarm may be late.
      if (random.chance(0.8)) await rig.ring();
      // What is dead stays so.
      const dead = deadCopies(rig);
      if (dead.length > 0) await rig.introspect(random.pick(dead), "192.0.2.7");
    },
  ],
  scheduled: [1, (rig) => rig.scheduled()],
  suspend: [
    3,
    async (rig, random) => {
      const all = [...rig.identities, ...rig.organizations];
      const suspended = all.filter((each) => each.suspended);
      if (suspended.length > 0 && random.chance(0.85)) await rig.suspend(random.pick(suspended), false);
      else await rig.suspend(random.pick(all), true);
    },
  ],
  setting: [6, (rig, random) => rig.setPolicy(random.pick(rig.identities), someChange(rig, random))],
  attach: [
    2,
    async (rig, random) => {
      const detached = rig.identities.filter(({ policy }) => policy === undefined);
      if (detached.length === 0 && random.chance(0.9)) return;
      const identity = random.pick(detached.length > 0 ? detached : rig.identities);
      await rig.attach(identity, random.pick([...rig.world.tenancies.keys()]), someChange(rig, random));
    },
  ],
  detach: [1, (rig, random) => rig.detach(random.pick(rig.identities))],
  "revoke tokens": [1, (rig, random) => rig.revokeTokens(random.pick(rig.identities))],
  member: [
    3,
    (rig, random) => {
      const identity = random.pick(rig.identities);
      const near = rig.organizations.filter((each) => each.parent === rootOf(identity.home));
      const organization =
        near.length > 0 && random.chance(0.8) ? random.pick(near) : random.pick(rig.organizations);
      return rig.setMember(identity, organization, random.chance(0.6));
    },
  ],
  role: [
    1,
    (rig, random) =>
      rig.setRole(random.pick(rig.identities), random.pick(["member", "member", "introspector", "admin"])),
  ],
  "OCI keys": [
    4,
    (rig, random) => {
      const { user, keys } = random.pick(rig.users);
      const key = random.pick(keys).fingerprint;
      const others = [...user.activeKeys].filter((each) => each !== key);
      return rig.changeUser(user, {
        activeKeys: new Set(user.activeKeys.has(key) ? others : [...others, key]),
      });
    },
  ],
  "OCI user": [
    1.5,
    (rig, random) => {
      const { user } = random.pick(rig.users);
      const state = random.pick(["active", "active", "inactive", "without-api-keys", "deleted"] as const);
      const name = `${user.label}${random.pick(["", "", ".b"])}@example.com`;
      return rig.changeUser(user, user.state === "active" ? { state, name } : { state: "active" });
    },
  ],
  "OCI fault": [
    2.5,
    (rig, random) => {
      if (rig.world.oci !== "answers") return rig.setOci("answers", 200);
      if (random.chance(0.5)) return rig.advance(1);
      const status = random.pick([500, 503, 401, 404]);
      return rig.setOci(status === 404 ? "finds-nobody" : "fails", status);
    },
  ],
  purge: [1.5, (rig, random) => rig.purge(random.pick(rig.users).user)],
  "signing keys": [
    1,
    (rig, random) => {
      const [one = "", two = ""] = rig.allSigningKids();
      return rig.setSigningKeys(random.pick([[one], [one, two], [one, two], [two, one], [two, one], [two]]));
    },
  ],
  "encryption keys": [
    1,
    (rig, random) =>
      rig.setEncryptionKeys(
        random.pick([["one"], ["one", "two"], ["two", "one"], ["one", "two"], ["two", "one"], ["two"]]),
      ),
  ],
  "re-encrypt": [1, (rig) => rig.reEncrypt()],
  "audit database": [
    2.5,
    (rig, random) =>
      rig.setAuditDb(rig.auditDb === "works" ? random.pick(["fails", "loses"] as const) : "works"),
  ],
  // A copy may end before the one that it was renewed from, and what the ledger knows of both may not end with it.
  "shorter copy": [
    1,
    async (rig, random) => {
      const active = rig.copies.slice(-60).filter((copy) => isActive(rig.world, copy, "192.0.2.7"));
      if (active.length === 0) return;
      const copy = random.pick(active);
      await rig.setPolicy(copy.token.identity, { accessTokenTTL: random.pick([60, 120]) });
      await rig.renew(copy, "192.0.2.7");
      const shorter = rig.copies.findLast(({ token }) => token === copy.token) ?? copy;
      if (random.chance(0.6)) await rig.revoke(shorter);
      else await rig.introspect(shorter, "192.0.2.7", 3);
      await rig.advance(random.pick([119, 121, 181]));
      await rig.ring();
      await rig.introspect(copy, "192.0.2.7");
    },
  ],
  // All at once, so that the world does not stay in pieces.
  repair: [
    2.5,
    async (rig, random) => {
      if (rig.world.oci !== "answers") await rig.setOci("answers", 200);
      const suspended = [...rig.identities, ...rig.organizations].filter((each) => each.suspended);
      for (const each of suspended) await rig.suspend(each, false);
      for (const { user, keys } of rig.users) {
        const activeKeys = new Set(keys.map(({ fingerprint }) => fingerprint));
        if (user.state !== "active" || user.activeKeys.size === 0) {
          await rig.changeUser(user, { state: "active", activeKeys });
        }
      }
      for (const identity of rig.identities) {
        const tenancies = [...rig.world.tenancies.values()].filter(({ roots }) =>
          roots.includes(rootOf(identity.home)),
        );
        const { ocid } = random.pick(tenancies);
        if (identity.policy === undefined) await rig.attach(identity, ocid, {});
        else if (identity.policy.allowedUsernames !== null)
          await rig.setPolicy(identity, { allowedUsernames: null });
      }
      if (rig.world.encryptionKids.length < 2) {
        await rig.setEncryptionKeys(
          random.pick([
            ["one", "two"],
            ["two", "one"],
          ]),
        );
      }
    },
  ],
  evict: [1, (rig) => rig.evict()],
  kill: [
    0.25,
    (rig, random) => {
      const attempts = Array.from({ length: random.whole(1, 4) }, () => someAttempt(rig, random, true));
      const apart = attempts.filter(
        (attempt, index) => attempts.findIndex((each) => each.signature === attempt.signature) === index,
      );
      const copy = someCopy(rig, random);
      return rig.kill(apart, copy === undefined ? [] : [copy], random.whole(0, 12));
    },
  ],
  settle: [1.5, (rig) => rig.settle()],
};

export const table = Object.entries(steps).map(([name, [weight, step]]) => [weight, { name, step }] as const);
