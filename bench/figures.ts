/** The results of a run: figures, each with the spread of its repetitions and the bar that it must meet. */

export interface Figure {
  readonly what: string;
  readonly unit: string;
  readonly median: number;
  readonly least: number;
  readonly greatest: number;
  /** The target for the median on a quiet machine. */
  readonly bar?: Bar;
  /** Its x value in the part's plot. */
  readonly at?: number;
}

export type Bar = { readonly atMost: number } | { readonly atLeast: number };

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const at = (index: number) => sorted[index] ?? Number.NaN;
  return Number.isInteger(middle) ? (at(middle - 1) + at(middle)) / 2 : at(Math.floor(middle));
}

/** The figure of repeated measurements. */
export function figure(what: string, unit: string, values: readonly number[], bar?: Bar): Figure {
  return {
    what,
    unit,
    median: median(values),
    least: Math.min(...values),
    greatest: Math.max(...values),
    ...(bar === undefined ? {} : { bar }),
  };
}

/** The ratio of two measurements. The two values of a repetition were measured in turns. */
export function ratio(what: string, ones: readonly number[], others: readonly number[], bar?: Bar): Figure {
  return figure(
    what,
    "×",
    ones.map((one, index) => one / (others[index] ?? Number.NaN)),
    bar,
  );
}

export function meets({ median, bar }: Figure): boolean | undefined {
  if (bar === undefined) return undefined;
  return "atMost" in bar ? median <= bar.atMost : median >= bar.atLeast;
}
