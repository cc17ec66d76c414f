/** What workloads and services do: they log in, renew, revoke and introspect; and what happens to the Worker meanwhile. */
import { isDeepStrictEqual } from "node:util";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { startEmulator } from "../../../dev/emulator.ts";
import type { AccessTokenClaims } from "../../../src/tokens/claims.ts";
import type { Weakening } from "../bundle.ts";
import type { RsaKey } from "../rsa-keys.ts";
import { signAsGo } from "../signers.ts";
import { Administration } from "./administration.ts";
import { type Answer, eventOf, short, start, type UserKeys } from "./comparison.ts";
import type { LoggedEvent } from "./expected-log.ts";
import { startProcess } from "./process.ts";

import {
  type Attempt,
  audienceIn,
  type Copy,
  type Identity,
  isActive,
  issuer,
  lifetime,
  login,
  type Outcome,
  type Reason,
  renewal,
  revocation,
  rootOf,
  type Token,
} from "./rules.ts";

export class Rig extends Administration {
  #tokens = 0;
  #readUntil = start;

  static async start(weakenings: readonly Weakening[] = []): Promise<Rig> {
    // The Worker's clock is years ahead of the emulator's.
    const emulator = await startEmulator(0, Number.MAX_SAFE_INTEGER);
    const worker = await startProcess(
      { ISSUER_URL: issuer, OCI_IDENTITY_ORIGIN: emulator.origin },
      weakenings,
    );
    const rig = new Rig(worker, emulator);
    try {
      await rig.populate();
    } catch (error) {
      await rig.close();
      throw error;
    }
    return rig;
  }

  attempt(
    identity: Identity,
    { user, keys }: UserKeys,
    key: RsaKey,
    about: { date: number; slug: string | undefined; genuine: boolean },
  ): Attempt & { readonly body: object } {
    const { date, slug, genuine } = about;
    const signer = { ...user, userOcid: user.ocid };
    const other = keys.find((each) => each !== key) ?? key;
    const headers = signAsGo(
      { ...signer, fingerprint: key.fingerprint, privateKey: (genuine ? key : other).privateKey },
      { date: new Date(date * 1000).toUTCString() },
    );
    const under = rootOf(identity.home);
    return {
      identity,
      user,
      fingerprint: key.fingerprint,
      genuine,
      date,
      signature: `${key.fingerprint} ${date}`,
      slug,
      named: this.organizations.find((each) => each.slug === slug && rootOf(each) === under),
      body: {
        identityId: identity.id,
        userOcid: user.ocid,
        headers,
        ...(slug === undefined ? {} : { organizationSlug: slug }),
      },
    };
  }

  #noteLogin({ identity, user, fingerprint, genuine, date, slug }: Attempt, outcome: string): void {
    const how = `key ${short(fingerprint)}${genuine ? "" : " forged"}, date ${date - this.world.now}`;
    this.note(
      `login as ${identity.label}${slug === undefined ? "" : ` in ${slug}`} by ${user.label} (${how}): ${outcome}`,
      user,
    );
  }

  async login(attempt: Attempt & { readonly body: object }): Promise<void> {
    const outcomes = login(this.world, attempt);
    const answer = await this.send("POST", "/api/v1/auth/oci-auth/login", attempt.body);
    const { identity, user } = attempt;
    this.#noteLogin(
      attempt,
      `${answer.status}, expected ${outcomes.map(({ verdict }) => verdict).join(" or ")}`,
    );
    const outcome = await this.compare(answer, outcomes, identity, user);
    this.learn(user, outcome.resolution);
    this.#present(attempt, outcome);
    this.#settleLogin(attempt, outcome, answer);
  }

  #present({ signature }: Attempt, { presented }: Outcome): void {
    if (!presented) return;
    this.world.presentations.set(signature, (this.world.presentations.get(signature) ?? 0) + 1);
  }

  /** What a login leaves: a token and an event, or a refusal's event. */
  #settleLogin(
    attempt: Attempt,
    { verdict, organization, resolution }: Outcome,
    answer: Answer,
  ): Token | undefined {
    this.count(`login ${verdict}`);
    const { identity, user, fingerprint } = attempt;
    if (verdict !== "granted" || organization === undefined) {
      // Up to step 6 there is no event.
      const early: readonly string[] = ["date-out-of-range", "no-oci-auth"];
      const atDoor = verdict === "suspended" && resolution === undefined;
      if (!early.includes(verdict) && !atDoor) {
        this.log.refused(answer.reqId, "login", verdict as Reason, identity.id);
      }
      return undefined;
    }
    this.#tokens += 1;
    const token: Token = {
      id: decodeJwt(answer.body.accessToken).jti ?? "",
      label: `token ${this.#tokens}`,
      identity,
      organization,
      user,
      fingerprint,
      generation: identity.generation,
      loggedInAt: this.world.now,
      revoked: false,
      uses: 0,
    };
    this.#keepCopy(token, resolution?.username ?? "", answer);
    this.log.succeeded([answer.reqId], { ...eventOf("login", organization, identity), tokenId: token.id });
    return token;
  }

  /** Checks what the token says, and keeps it. */
  #keepCopy(token: Token, username: string, { body }: Answer): void {
    const { identity, organization, user } = token;
    const { policy } = identity;
    if (policy === undefined) throw new Error("a token without a policy");
    const { now } = this.world;
    const seconds = lifetime(policy, token.loggedInAt, now);
    const { tenancyOcid, ocid: userOcid } = user;
    const expected: Partial<AccessTokenClaims> = {
      iss: issuer,
      sub: identity.id,
      aud: audienceIn(organization, identity, policy),
      iat: now,
      exp: now + seconds,
      jti: token.id,
      identityId: identity.id,
      orgId: organization.id,
      rootOrgId: rootOf(organization).id,
      creationEpoch: token.loggedInAt,
      tokenGeneration: token.generation,
      oci: { tenancyOcid, userOcid, username, fingerprint: token.fingerprint },
      ...(policy.accessTokenNumUsesLimit > 0 ? { numUsesLimit: policy.accessTokenNumUsesLimit } : {}),
    };
    const claims: Record<string, unknown> = decodeJwt(body.accessToken);
    const { kid = "" } = decodeProtectedHeader(body.accessToken);
    for (const [name, value] of Object.entries(expected)) {
      if (!isDeepStrictEqual(claims[name], value)) {
        this.differ(`${name}: ${JSON.stringify(value)}`, JSON.stringify(claims), identity, user, token);
      }
    }
    if (kid !== this.world.signingKids[0] || body.expiresIn !== seconds) {
      this.differ(
        `${seconds} s, signed by ${this.world.signingKids[0]}`,
        `${body.expiresIn} s, signed by ${kid}`,
      );
    }
    const copy: Copy = {
      token,
      label: `${token.label} until +${now + seconds - start}`,
      jwt: body.accessToken,
      kid,
      username,
      audience: expected.aud ?? "",
      expiresAt: now + seconds,
      usesLimit: policy.accessTokenNumUsesLimit,
    };
    this.copies.push(copy);
    this.note(`issued ${copy.label} as ${identity.label} to ${user.label}`, token);
  }

  async renew(copy: Copy, ip: string): Promise<void> {
    const { token } = copy;
    const { identity, user, organization } = token;
    const outcomes = renewal(this.world, copy, ip);
    const answer = await this.send(
      "POST",
      "/api/v1/auth/token/renew",
      { accessToken: copy.jwt },
      { "cf-connecting-ip": ip },
    );
    const expected = outcomes.map(({ verdict }) => verdict).join(" or ");
    this.note(`renew ${copy.label} from ${ip}: ${answer.status}, expected ${expected}`, token);
    const { verdict, resolution } = await this.compare(answer, outcomes, identity, user, token);
    this.learn(user, resolution);
    this.count(`renew ${verdict}`);
    if (verdict === "granted") {
      this.#keepCopy(token, resolution?.username ?? "", answer);
      this.log.succeeded([answer.reqId], {
        ...eventOf("token.renew", organization, identity),
        tokenId: token.id,
      });
    } else if (verdict !== "token-malformed" && verdict !== "token-expired") {
      this.log.refused(answer.reqId, "token.renew", verdict, identity.id);
    }
  }

  /** So many times at once. */
  async revoke(copy: Copy, times = 1): Promise<void> {
    const { token } = copy;
    const verdict = revocation(this.world, copy);
    const body = { accessToken: copy.jwt };
    const answers = await Promise.all(
      Array.from({ length: times }, () => this.send("POST", "/api/v1/auth/token/revoke", body)),
    );
    this.note(`revoke ${copy.label}, ${times} at once: ${answers.map(({ status }) => status)}`, token);
    for (const answer of answers) await this.compare(answer, [{ verdict }], token.identity, token);
    if (verdict !== "granted" || token.revoked) return;
    token.revoked = true;
    const event = { ...eventOf("token.revoke", token.organization, token.identity), tokenId: token.id };
    this.log.succeeded(
      answers.map(({ reqId }) => reqId),
      event,
    );
  }

  /** So many times at once. */
  async introspect(copy: Copy, ip: string | undefined, times = 1): Promise<void> {
    const { token } = copy;
    const { identity } = token;
    const form = { token: copy.jwt, ...(ip === undefined ? {} : { client_ip: ip }) };
    const authorization = `Bearer ${this.secrets.ADMIN_TOKEN}`;
    const left = copy.usesLimit > 0 ? Math.max(copy.usesLimit - token.uses, 0) : times;
    const expected = isActive(this.world, copy, ip) ? Math.min(left, times) : 0;
    const answers = await Promise.all(
      Array.from({ length: times }, () =>
        this.send("POST", "/oauth2/introspect", new URLSearchParams(form), { authorization }),
      ),
    );
    const active = answers.filter(({ body }) => body.active === true).length;
    const inactive = answers.filter(({ body }) => body.active === false).length;
    this.note(`introspect ${copy.label} from ${ip}, ${times} at once: ${active} active`, token);
    if (active !== expected || inactive !== times - expected) {
      const actual = answers.map(({ status, body }) => `${status} active ${body.active}`).join(", ");
      this.differ(
        `${copy.label} active ${expected} of ${times} times from ${ip}`,
        actual,
        this.world,
        ...this.organizations,
        identity,
        token,
      );
    }
    this.count(active > 0 ? "introspect active" : "introspect inactive");
    if (copy.usesLimit > 0) token.uses += active;
  }

  /** One signature, shown so many times at once, of a user whose key is known and fresh. */
  async loginAtOnce(attempt: Attempt & { readonly body: object }, times: number): Promise<void> {
    const [outcome, ...others] = login(this.world, attempt);
    if (outcome === undefined || others.length > 0 || outcome.resolution?.asksOci) return;
    const { identity, user } = attempt;
    const answers = await Promise.all(
      Array.from({ length: times }, () => this.send("POST", "/api/v1/auth/oci-auth/login", attempt.body)),
    );
    this.#noteLogin(attempt, `${times} at once: ${answers.map(({ status }) => status)}`);
    // Of a signature that may be used once, whichever came first.
    answers.sort((one, other) => one.status - other.status);
    for (const answer of answers) {
      const [next] = login(this.world, attempt);
      const verdict = await this.compare(answer, next === undefined ? [] : [next], identity, user);
      this.#present(attempt, verdict);
      this.#settleLogin(attempt, verdict, answer);
    }
  }

  async ring(): Promise<void> {
    await this.told("ring", this.#signers());
  }

  async scheduled(): Promise<void> {
    await this.told("scheduled", {});
  }

  async evict(): Promise<void> {
    this.note("evict the ledgers", this.log);
    await this.told("evict", this.#signers());
  }

  #signers() {
    return this.users.map(({ user: { tenancyOcid, ocid } }) => ({ tenancyOcid, userOcid: ocid }));
  }

  /**
   * SIGKILL while these requests and the alarms are in flight. What was answered holds; what was not may have happened.
   * Their signatures may not be shown again, and their tokens are not kept: the walk goes on the same whichever it was.
   */
  async kill(
    wanted: readonly (Attempt & { readonly body: object })[],
    revoked: readonly Copy[],
    afterMilliseconds: number,
  ): Promise<void> {
    const attempts = wanted.filter((attempt) => {
      const outcomes = login(this.world, attempt);
      return outcomes.length === 1 && outcomes[0]?.resolution?.asksOci !== true;
    });
    for (const { signature } of attempts) this.uncertain.add(signature);
    this.note(
      `SIGKILL with ${attempts.length} logins and ${revoked.length} revocations in flight`,
      this.world,
      this.log,
    );
    const inFlight = [
      ...attempts.map((attempt) => this.send("POST", "/api/v1/auth/oci-auth/login", attempt.body)),
      ...revoked.map(({ jwt }) => this.send("POST", "/api/v1/auth/token/revoke", { accessToken: jwt })),
    ];
    const ringing = this.ring();
    const settled = Promise.allSettled([...inFlight, ringing]);
    await new Promise((resolve) => setTimeout(resolve, afterMilliseconds));
    await this.worker.kill();
    const results = await settled;
    await this.worker.start();
    await this.control();
    const answerOf = (index: number): Answer | undefined => {
      const result = results[index];
      return result?.status === "fulfilled" ? (result.value as Answer) : undefined;
    };
    for (const [index, attempt] of attempts.entries()) {
      const outcomes = login(this.world, attempt);
      const answer = answerOf(index);
      const { identity, user } = attempt;
      this.#noteLogin(attempt, answer === undefined ? "no answer" : `${answer.status}`);
      const [outcome] = outcomes;
      if (answer !== undefined) {
        const kept = this.copies.length;
        const verdict = await this.compare(answer, outcomes, identity, user);
        this.#settleLogin(attempt, verdict, answer);
        this.copies.length = kept;
      } else if (outcome?.verdict === "granted" && outcome.organization !== undefined) {
        this.log.unanswered(eventOf("login", outcome.organization, identity));
      }
    }
    for (const [index, copy] of revoked.entries()) {
      const { token } = copy;
      const event = { ...eventOf("token.revoke", token.organization, token.identity), tokenId: token.id };
      const answer = answerOf(attempts.length + index);
      this.note(`revoke ${copy.label}: ${answer?.status ?? "no answer"}`, token);
      const valid = revocation(this.world, copy) === "granted" && !token.revoked;
      if (answer !== undefined) {
        await this.compare(answer, [{ verdict: revocation(this.world, copy) }], token.identity, token);
        if (valid) this.log.succeeded([answer.reqId], event);
      } else if (valid) {
        // It is revoked again: one of the two did it.
        const again = await this.send("POST", "/api/v1/auth/token/revoke", { accessToken: copy.jwt });
        this.log.succeededAtLast(again.reqId, event);
      }
      if (valid) token.revoked = true;
    }
  }

  /** Everything that waits arrives: each success is in the log, and nothing that did not happen. */
  async settle(): Promise<void> {
    if (this.auditDb !== "works") await this.setAuditDb("works");
    // A mover waits a minute and its jitter at most after a failure.
    for (let minute = 0; minute < 4; minute++) {
      await this.advance(minute === 0 ? 2 : 90);
      await this.ring();
      await this.scheduled();
      await this.#read("WHERE at >= ?", new Date(this.#readUntil * 1000).toISOString());
      if (this.log.missing().length === 0) {
        this.#readUntil = this.world.now;
        return;
      }
    }
    const [first] = this.log.missing();
    const subjects = [...this.identities, ...this.organizations].filter(
      ({ id }) => id === first?.identityId || id === first?.organizationId,
    );
    this.differ(`an event ${JSON.stringify(first)}`, "the log has none", this.log, ...subjects);
  }

  /** The whole log. */
  async readAll(): Promise<number> {
    return this.#read("WHERE at >= ?", "");
  }

  async #read(where: string, ...values: unknown[]): Promise<number> {
    const sql = `SELECT * FROM audit_events ${where}`;
    const events = (await this.told("sql", { database: "AUDIT_DB", sql, values })) as LoggedEvent[];
    const problem = this.log.problem(events);
    if (problem !== undefined) this.differ("what happened, once", problem, this.log);
    return events.length;
  }
}
