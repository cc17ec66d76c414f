/** Keeps a token fresh: renews it before it expires, and logs in again when it must. */
import { setTimeout as sleep } from "node:timers/promises";
import pRetry from "p-retry";
import { Failure } from "../terminal/failure.ts";
import { Refused } from "../worker/refusal.ts";
import type { IssuedToken } from "./login.ts";
import { startStopwatch } from "./stopwatch.ts";

export interface WatchSteps {
  logIn(signal: AbortSignal): Promise<IssuedToken>;
  renew(accessToken: string, signal: AbortSignal): Promise<IssuedToken>;
  /** Puts the token where its readers find it. */
  keep(token: IssuedToken): void;
  /** Tells a person. */
  say(line: string): void;
}

interface HeldToken {
  readonly token: IssuedToken;
  /** Milliseconds. */
  readonly age: () => number;
  readonly sinceLogin: () => number;
  /** How long the login's own token lived, in seconds. */
  readonly loginLife: number;
}

const maxRetryDelaySeconds = 60;
/** However long an answer asks to wait, an operator who mends something is not kept waiting longer. */
const maxRetryAfterSeconds = 300;
/** How long a timer runs before the clocks are looked at again. */
const maxSleepMilliseconds = 30_000;

/**
 * Rejects when `signal` ends it, or with the {@link Failure} of a first login that was refused for good. Once there was
 * a token it never gives up, since what is wrong then may be mended.
 */
export async function watch(steps: WatchSteps, signal: AbortSignal): Promise<never> {
  let held: HeldToken | undefined;
  for (;;) {
    const current = held;
    held = await pRetry(() => freshToken(current, steps, signal), {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 1000,
      maxTimeout: maxRetryDelaySeconds * 1000,
      randomize: true,
      signal,
      shouldRetry: async ({ error }) => {
        if (!(error instanceof Failure)) return false;
        const refused = error instanceof Refused ? error : undefined;
        if (current === undefined && refused?.transient !== true) return false;
        const left = current === undefined ? "there is no token yet" : "the old token is left as it is";
        steps.say(`${error.message}; ${left}, trying again`);
        const wait = Math.min(refused?.retryAfterSeconds ?? 0, maxRetryAfterSeconds);
        await sleep(wait * 1000, undefined, { signal });
        return true;
      },
    });
    await untilDue(held, signal);
  }
}

async function freshToken(
  held: HeldToken | undefined,
  steps: WatchSteps,
  signal: AbortSignal,
): Promise<HeldToken> {
  // Started before the request: no token is older than its question.
  const age = startStopwatch();
  const renewed = held === undefined ? undefined : await renewal(held, steps, signal);
  if (held !== undefined && renewed !== undefined) {
    steps.keep(renewed);
    steps.say(`renewed for ${renewed.expiresIn} s`);
    return { ...held, token: renewed, age };
  }
  const token = await steps.logIn(signal);
  steps.keep(token);
  steps.say(`logged in for ${token.expiresIn} s`);
  return { token, age, sinceLogin: age, loginLife: token.expiresIn };
}

/** Undefined if a login must take the renewal's place. */
async function renewal(
  { token, age, sinceLogin, loginLife }: HeldToken,
  steps: WatchSteps,
  signal: AbortSignal,
) {
  // No answer to a renewal could be a token any more, and its failures, such as a 429, may outlast a login's.
  if (age() >= token.expiresIn * 1000) return undefined;
  // Near the max TTL each renewal would last shorter than the one before.
  const left = token.accessTokenMaxTTL - sinceLogin() / 1000;
  if (left < loginLife / 2) return undefined;
  try {
    return await steps.renew(token.accessToken, signal);
  } catch (error) {
    if (!(error instanceof Refused) || error.transient) throw error;
    steps.say(`the renewal was refused: ${error.problem}; logging in again`);
    return undefined;
  }
}

/** At about two thirds of the token's life; many that started together part ways. */
async function untilDue({ token, age }: HeldToken, signal: AbortSignal): Promise<void> {
  // It ends at a whole second, so up to a second of its life had gone when it was issued.
  const due = Math.max(1000, (token.expiresIn - 1) * 1000 * (2 / 3 - Math.random() / 10));
  for (let left = due; left > 0; left = due - age()) {
    await sleep(Math.min(left, maxSleepMilliseconds), undefined, { signal });
  }
}
