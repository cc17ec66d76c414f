/** Figures as rows of a table, and as a table for a terminal. */
import Table from "cli-table3";
import { type Figure, meets } from "./figures.ts";

export const head = ["", "median", "least to greatest", "bar", ""];

/** A run is precise to three digits at most. */
function shown(value: number): string {
  return value >= 1000
    ? Math.round(value).toLocaleString("en")
    : String(Number.parseFloat(value.toPrecision(3)));
}

function barOf({ bar }: Figure): string {
  if (bar === undefined) return "";
  return "atMost" in bar ? `≤ ${shown(bar.atMost)}` : `≥ ${shown(bar.atLeast)}`;
}

/** With `judged`, whether each met its bar. */
export function rowsOf(figures: readonly Figure[], judged: boolean): string[][] {
  return figures.map((figure) => {
    const { what, unit, median, least, greatest } = figure;
    const met = judged ? meets(figure) : undefined;
    return [
      what,
      `${shown(median)} ${unit}`,
      least === greatest ? "" : `${shown(least)} to ${shown(greatest)}`,
      barOf(figure),
      met === undefined ? "" : met ? "met" : "missed",
    ];
  });
}

export function tableOf(figures: readonly Figure[], judged: boolean): string {
  const table = new Table({ head, style: { head: [], border: [], compact: true } });
  table.push(...rowsOf(figures, judged));
  return table.toString();
}
