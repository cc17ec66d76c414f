/** Checks whether the Worker answers, and whether its clock and ours agree. */
import { type Checked, failed, passed } from "../terminal/checked.ts";
import { callWorker } from "../worker/client.ts";
import { refusalOf } from "../worker/refusal.ts";

export interface Health {
  /** The Worker's date; undefined if the answer had none. */
  readonly date: string | undefined;
  /** Our clock, in milliseconds, before the call and after it. */
  readonly sentAt: number;
  readonly answeredAt: number;
}

/** The Worker's own allowance for the signed date: 300 s, either way. */
const allowedSkewSeconds = 300;
/** A synchronized clock is not further off. */
const usualSkewSeconds = 30;

export async function checkHealth(url: string | undefined): Promise<Checked<Health>> {
  if (!url) return failed("no Worker is named", "give --url or set OCI_AUTH_URL");
  const sentAt = Date.now();
  const answer = await callWorker(url, { path: "/health" });
  const answeredAt = Date.now();
  if (answer.kind === "answer" && answer.status === 200 && answer.body?.status === "ok") {
    const date = answer.headers.get("date") ?? undefined;
    return passed({ date, sentAt, answeredAt }, `${url} answers`);
  }
  const { problem, next } = refusalOf(url, answer, answeredAt);
  return failed(problem, next);
}

export function checkClock({ date, sentAt, answeredAt }: Health): Checked<void> {
  const theirs = date === undefined ? Number.NaN : Date.parse(date);
  if (Number.isNaN(theirs)) return passed(undefined, "not checked: the Worker's answer has no date");
  // The date has whole seconds only, so the true time is half a second later on average.
  const skew = Math.round(((sentAt + answeredAt) / 2 - theirs - 500) / 1000);
  const off = Math.abs(skew);
  const where = skew < 0 ? "behind" : "ahead of";
  if (off > allowedSkewSeconds) {
    return failed(
      `this machine's clock is ${off} s ${where} the Worker's, which says ${date}; a login may be ${allowedSkewSeconds} s off`,
      "set the clock: timedatectl set-ntp true, or chronyc makestep (a container's clock is its host's)",
    );
  }
  if (off <= usualSkewSeconds) return passed(undefined, "agrees with the Worker's");
  return passed(
    undefined,
    `${off} s ${where} the Worker's; ${allowedSkewSeconds} s are allowed, but check that it is synchronized (timedatectl, chronyc)`,
  );
}
