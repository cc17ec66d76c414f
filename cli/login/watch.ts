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
  /** Stores the token where its readers find it. */
  keep(token: IssuedToken): void;
  /** Prints a line for a person. */
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
/** A Retry-After counts up to this, so that a retry follows soon after an operator's fix. */
const maxRetryAfterSeconds = 300;
/** How long a timer runs before the clocks are read again. */
const maxSleepMilliseconds = 30_000;

/**
 * Rejects when `signal` ends it, or with the {@link Failure} of a first login that was refused for good. Once there was
 * a token it retries for ever, since the problem may be fixed.
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
  // Started before the request: a token is never older than its request.
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

/** Undefined if a login must replace the renewal. */
async function renewal(
  { token, age, sinceLogin, loginLife }: HeldToken,
  steps: WatchSteps,
  signal: AbortSignal,
) {
  // An expired token cannot be renewed, and a renewal's failures, such as a 429, may last longer than a login's.
  if (age() >= token.expiresIn * 1000) return undefined;
  // Near the max TTL, each renewed token would live shorter than the one before.
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

/** Waits for about two thirds of the token's life, with a random part, so that many watches do not renew together. */
async function untilDue({ token, age }: HeldToken, signal: AbortSignal): Promise<void> {
  // Its expiry is a whole second, so up to a second of its life was over when it was issued.
  const due = Math.max(1000, (token.expiresIn - 1) * 1000 * (2 / 3 - Math.random() / 10));
  for (let left = due; left > 0; left = due - age()) {
    await sleep(Math.min(left, maxSleepMilliseconds), undefined, { signal });
  }
}
