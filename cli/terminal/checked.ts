import { exitCode, Failure } from "./failure.ts";

/**
 * The result of a check: a value with a remark, or what is wrong and what to do. A login ends at the first failed
 * check; the doctor shows them all.
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
