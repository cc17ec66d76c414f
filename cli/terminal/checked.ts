import { exitCode, Failure } from "./failure.ts";

/**
 * What a check found: a value, and a word on it, or what is wrong and what to do. A login ends at the first that is not
 * ok; the doctor shows them all.
 */
export type Checked<T> = Passed<T> | Failed;

export interface Passed<T> {
  readonly ok: true;
  readonly value: T;
  readonly says: string;
}

export interface Failed {
  readonly ok: false;
  readonly problem: string;
  readonly next: string;
}

export function passed<T>(value: T, says: string): Passed<T> {
  return { ok: true, value, says };
}

export function failed(problem: string, next: string): Failed {
  return { ok: false, problem, next };
}

export function orFail<T>(checked: Checked<T>): T {
  if (checked.ok) return checked.value;
  throw new Failure(`${checked.problem}; ${checked.next}`, exitCode.usage);
}
