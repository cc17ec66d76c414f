import type { Figure } from "./figures.ts";
import type { Plot } from "./plot.ts";

/** A part of the bench, and what it is told. */
export interface Part {
  readonly title: string;
  readonly plot?: Plot;
  measure(run: Run): Promise<Figure[]>;
}

/** A part, by its name, and what it told. */
export interface Measured {
  readonly name: string;
  readonly part: Part;
  readonly figures: readonly Figure[];
}

export interface Run {
  /** Everything once and small: that the bench runs, and nothing about speed. */
  readonly smoke: boolean;
  /** Tells the progress. */
  say(line: string): void;
}
