/**
 * What a Worker answered, and so must hold whatever version serves next, and how that is held against one. It knows the
 * wire and nothing of how a version stores things.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { decodeJwt } from "jose";
import type { OciUser } from "./oci-users.ts";
import { newRsaKey } from "./rsa-keys.ts";
import { type LoginHeaders, signAsGo } from "./signers.ts";
import type { Answer, clientOf } from "./worker.ts";

export type Client = ReturnType<typeof clientOf>;

/** Says what is not as it was answered. */
export type Differ = (what: string) => void;

interface EventOf {
  /** For the report. */
  readonly of: string;
  readonly type: string;
  readonly identityId: string | null;
  readonly actor: string;
  /** Some of its details. */
  readonly details: Readonly<Record<string, unknown>>;
}

interface ExpectedEvent extends EventOf {
  /** The request that was answered, after those that were told to try again: what these did is not known. */
  readonly reqId: string;
  readonly undecided: readonly string[];
}

export interface Account {
  /** What must be in the log, each once, and nothing else but what is undecided. */
  readonly events: ExpectedEvent[];
  /** Requests that were told to try again. */
  readonly undecided: Set<string>;
  /** Whether trying again was in vain. */
  inVain: boolean;
  /** Identities, by what is special about each. */
  readonly identities: Record<"plain" | "once" | "limited" | "admin" | "ended", string>;
  /** Who may log in, and who could until OCI no longer knew them. */
  readonly users: OciUser[];
  readonly gone: OciUser[];
  readonly liveTokens: string[];
  readonly revokedTokens: string[];
  /** Of an identity whose tokens were all revoked. */
  readonly endedTokens: string[];
  readonly adminTokens: string[];
  limitedTokens: { readonly token: string; usesLeft: number }[];
  /** Used for an identity that rejects reuse. */
  readonly usedSignatures: { readonly userOcid: string; readonly headers: LoginHeaders }[];
  /** Shown again and again, and how often so far, while that is known. */
  readonly repeated: { readonly headers: LoginHeaders; presentations: number | undefined };
  /** What the plain identity was last named. */
  name: string;
  /** How often each user signed, by OCID, and the time that they count back from. */
  readonly signed: Map<string, number>;
  readonly began: number;
}

/**
 * Headers with a second of the user's own, since two signatures of one second are the same; from two minutes ahead, so
 * that none is ever refused for its age.
 */
export function freshHeaders(
  { signed, began }: Pick<Account, "signed" | "began">,
  user: OciUser,
): LoginHeaders {
  const count = (signed.get(user.userOcid) ?? 0) + 1;
  signed.set(user.userOcid, count);
  return signAsGo(user, { date: new Date(began + 120_000 - count * 1000).toUTCString() });
}

/** How a request was answered, without the token that may be in it. */
export function said({ status, body }: Answer): string {
  return status === 200
    ? "200"
    : `${status} ${typeof body?.message === "string" ? body.message : JSON.stringify(body)}`;
}

const reqIdOf = (answer: Answer): string => answer.headers.get("x-request-id") ?? "";

interface Decided extends Answer {
  readonly undecided: readonly string[];
}

/** A 503 says to try again, and a busy machine has some. One that stays is as good an answer as any. */
export async function decided(account: Account, send: () => Promise<Answer>): Promise<Decided> {
  const undecided: string[] = [];
  for (;;) {
    const answer = await send();
    if (answer.status !== 503) return { ...answer, undecided };
    undecided.push(reqIdOf(answer));
    account.undecided.add(reqIdOf(answer));
    if (account.inVain || undecided.length === 4) {
      account.inVain = true;
      return { ...answer, undecided };
    }
    await sleep(500);
  }
}

/** Notes the event of an answer that was a success; whether it was one. */
export function keep(account: Account, answer: Decided, event: EventOf, differ: Differ): boolean {
  const { status, undecided } = answer;
  if (status === 200) account.events.push({ ...event, reqId: reqIdOf(answer), undecided });
  else differ(`${event.of} was answered ${said(answer)}`);
  return status === 200;
}

interface LoggedIn {
  readonly token: string;
  readonly headers: LoginHeaders;
}

export async function logIn(
  account: Account,
  client: Client,
  identity: keyof Account["identities"],
  user: OciUser,
  differ: Differ,
): Promise<LoggedIn | undefined> {
  let headers: LoginHeaders = { authorization: "", host: "" };
  const { userOcid } = user;
  const identityId = account.identities[identity];
  const answer = await decided(account, () => {
    // Whoever was told to try again signs again.
    headers = freshHeaders(account, user);
    return client.login({ identityId, userOcid, headers });
  });
  const accepted = keep(account, answer, loginOf(account, identity, user, answer), differ);
  return accepted ? { token: answer.body.accessToken, headers } : undefined;
}

function loginOf(
  account: Account,
  identity: keyof Account["identities"],
  user: OciUser,
  { body }: Answer,
): EventOf {
  const { userOcid, tenancyOcid, fingerprint, name: username } = user;
  const tokenId = body?.accessToken === undefined ? "" : decodeJwt(body.accessToken).jti;
  return {
    of: `a login of ${username} to the ${identity} identity`,
    type: "login",
    identityId: account.identities[identity],
    actor: `oci/${userOcid}`,
    details: { userOcid, tenancyOcid, fingerprint, username, tokenId },
  };
}

/** Shows one signature once more. */
export async function repeat(account: Account, client: Client, user: OciUser, differ: Differ): Promise<void> {
  const { repeated } = account;
  const identityId = account.identities.plain;
  const { headers } = repeated;
  const answer = await decided(account, () => client.login({ identityId, userOcid: user.userOcid, headers }));
  // What was not decided may have counted.
  if (answer.undecided.length > 0) repeated.presentations = undefined;
  else if (repeated.presentations !== undefined) repeated.presentations += 1;
  const count = repeated.presentations ?? 0;
  const { details, of, ...event } = loginOf(account, "plain", user, answer);
  const more = count > 1 ? { "signatureReused.count": count } : {};
  keep(
    account,
    answer,
    { ...event, of: `${of} with a signature shown before`, details: { ...details, ...more } },
    differ,
  );
}

export function tokenRequest(
  account: Account,
  client: Client,
  what: "renew" | "revoke",
  accessToken: string,
): Promise<Decided> {
  return decided(account, () => client.json("POST", `/api/v1/auth/token/${what}`, { accessToken }));
}

/** Whether everything that is over is refused, and everything that is not is accepted. Counts uses. */
export async function checkState(account: Account, client: Client, differ: Differ): Promise<void> {
  const introspect = async (token: string) => {
    const answer = await decided(account, () => client.introspect(token));
    if (answer.status !== 200) differ(`introspection was answered ${said(answer)}`);
    return { active: answer.body?.active === true, undecided: answer.undecided.length > 0 };
  };
  const checkRefused = (what: string, answer: Answer) => {
    if (answer.status < 400 || answer.status >= 500) differ(`${what} was answered ${said(answer)}`);
  };
  const checkLoginRefused = async (
    what: string,
    identity: keyof Account["identities"],
    userOcid: string,
    headers: LoginHeaders,
  ) => {
    const body = { identityId: account.identities[identity], userOcid, headers };
    checkRefused(what, await decided(account, () => client.login(body)));
  };
  const dead = [
    ...account.revokedTokens.map((token) => ["a token that was revoked", token] as const),
    ...account.endedTokens.map(
      (token) => ["a token of an identity whose tokens were revoked", token] as const,
    ),
  ];
  // Side by side by kind only: many at once keep each other waiting.
  await Promise.all([
    each(dead, async ([what, token]) => {
      if ((await introspect(token)).active) differ(`${what} is active`);
      checkRefused(`a renewal of ${what}`, await tokenRequest(account, client, "renew", token));
    }),
    each(account.liveTokens, async (token) => {
      if (!(await introspect(token)).active) differ("a token that was issued is not active");
    }),
    each(account.limitedTokens, async (limited) => {
      const { active, undecided } = await introspect(limited.token);
      // What was not decided may have counted.
      if (undecided) account.limitedTokens = account.limitedTokens.filter((other) => other !== limited);
      else if (active !== limited.usesLeft > 0) {
        differ(`a token with ${limited.usesLeft} uses left is ${active ? "active" : "not active"}`);
      }
      limited.usesLeft = Math.max(limited.usesLeft - 1, 0);
    }),
    each(account.usedSignatures, ({ userOcid, headers }) =>
      checkLoginRefused("a signature that was used", "once", userOcid, headers),
    ),
    each(account.gone, (user) =>
      checkLoginRefused(
        "a login of a user whom OCI no longer knows",
        "plain",
        user.userOcid,
        freshHeaders(account, user),
      ),
    ),
    each(account.users, (user) =>
      checkLoginRefused(
        `a login with a key that is not ${user.name}'s, who is cached`,
        "plain",
        user.userOcid,
        freshHeaders(account, { ...user, privateKey: strangersKey.privateKey }),
      ),
    ),
    each(account.adminTokens, async (token) => {
      const path = `/api/v1/identities/${account.identities.plain}`;
      const answer = await decided(account, () => client.json("GET", path, undefined, token));
      const name = answer.body?.identity?.name;
      if (name !== account.name) {
        differ(`an admin is told ${name ?? said(answer)} as the name that was changed to ${account.name}`);
      }
    }),
  ]);
}

async function each<T>(all: readonly T[], check: (one: T) => Promise<void>): Promise<void> {
  for (const one of all) await check(one);
}

const strangersKey = newRsaKey();

/**
 * Reads the whole log until everything is there that must be, then compares it: each event once, as it was answered,
 * and no other of these types. `move` is what moves events along but for alarms, which come by themselves.
 */
export async function checkLog(
  account: Account,
  client: Client,
  move: () => Promise<void>,
  patienceMilliseconds: number,
  differ: Differ,
): Promise<void> {
  const deadline = Date.now() + patienceMilliseconds;
  let events = new Map<string, LoggedEvent[]>();
  const types = new Set(account.events.map(({ type }) => type));
  const missing = () =>
    account.events.filter(({ reqId, undecided }) => ![reqId, ...undecided].some((id) => events.has(id)));
  for (;;) {
    await move();
    const read = await readLog(account, client);
    if (typeof read === "string") return differ(`the log cannot be read: ${read}`);
    events = read;
    if (missing().length === 0 || Date.now() > deadline) break;
    await sleep(250);
  }
  for (const { of } of missing()) differ(`the event of ${of} is not in the log`);
  const expected = new Map(account.events.map((event) => [event.reqId, event]));
  for (const [reqId, logged] of events) {
    const event = expected.get(reqId);
    const [first] = logged;
    if (first === undefined || !types.has(first.type)) continue;
    if (logged.length > 1) {
      differ(`the log has ${logged.length} events of one request: ${JSON.stringify(logged)}`);
    } else if (event !== undefined) {
      compare(event, first, differ);
    } else if (!account.undecided.has(reqId)) {
      differ(`the log has an event that nothing was answered for: ${JSON.stringify(logged)}`);
    }
  }
}

function compare(
  { of, type, identityId, actor, details }: ExpectedEvent,
  logged: LoggedEvent,
  differ: Differ,
): void {
  for (const [path, value] of Object.entries({ type, identityId, actor })) check(path, value);
  for (const [path, value] of Object.entries(details)) check(`details.${path}`, value);

  function check(path: string, value: unknown): void {
    const actual = valueAt(logged, path);
    if (actual === value) return;
    differ(`the event of ${of} has ${path} ${JSON.stringify(actual)} and not ${JSON.stringify(value)}`);
  }
}

const valueAt = (object: unknown, path: string): unknown =>
  path
    .split(".")
    .reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], object);

type LoggedEvent = Record<string, unknown> & Record<"reqId" | "type" | "outcome", string>;

/** Its successes, by request; or why it cannot be read. Refusals change nothing, and need not be there. */
async function readLog(account: Account, client: Client): Promise<Map<string, LoggedEvent[]> | string> {
  const events: LoggedEvent[] = [];
  let cursor: string | null = "";
  do {
    const from: string = cursor === "" ? "" : `&cursor=${cursor}`;
    const page = () => client.admin("GET", `/api/v1/audit-events?limit=100${from}`);
    const answer = await decided(account, page);
    if (answer.status !== 200) return said(answer);
    events.push(...answer.body.auditEvents);
    cursor = answer.body.nextCursor;
  } while (cursor !== null);
  return Map.groupBy(
    events.filter(({ outcome }) => outcome === "success"),
    ({ reqId }) => reqId,
  );
}
