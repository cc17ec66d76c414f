import type { Figure } from "./figures.ts";
import type { Plot } from "./plot.ts";

/** A part of the bench. */
export interface Part {
  readonly title: string;
  readonly plot?: Plot;
  measure(run: Run): Promise<Figure[]>;
}

/** A part by its name, and its figures. */
export interface Measured {
  readonly name: string;
  readonly part: Part;
  readonly figures: readonly Figure[];
}

export interface Run {
  /** Runs everything once and small: it shows that the bench runs, and nothing about speed. */
  readonly smoke: boolean;
  /** Reports the progress. */
  say(line: string): void;
}
