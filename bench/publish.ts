/** Puts the tables of a run into README.md, between its marks, and the plots beside it. */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import type { Measured } from "./part.ts";
import { drawPlot } from "./plot.ts";
import { head, rowsOf } from "./table.ts";

const folder = new URL("./", import.meta.url);
const [begin, end] = ["<!-- figures -->\n", "<!-- /figures -->"];

/** The machine of the figures. */
export function machine() {
  const all = cpus();
  return { cores: all.length, cpu: all[0]?.model, node: process.version, at: new Date().toISOString() };
}

function sectionOf({ part: { title, plot }, figures }: Measured): string {
  const rows = [head, head.map(() => "---"), ...rowsOf(figures, true)];
  const table = rows.map((row) => `| ${row.join(" | ")} |`).join("\n");
  const image = plot === undefined ? "" : `\n\n![${plot.title}](${plot.file})`;
  return `### ${title}\n\n${table}${image}\n`;
}

export function publish(measured: readonly Measured[]): void {
  const readme = new URL("README.md", folder);
  const text = readFileSync(readme, "utf8");
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`bench/README.md has no ${begin.trim()} before a ${end}`);
  const { cores, cpu, node, at } = machine();
  const about = `On ${cores} cores (${cpu}), Node ${node}, ${at.slice(0, 10)}.\n`;
  const sections = ["", about, ...measured.map(sectionOf), ""].join("\n");
  writeFileSync(readme, text.slice(0, from + begin.length) + sections + text.slice(to));
  for (const { part, figures } of measured) {
    if (part.plot !== undefined) writeFileSync(new URL(part.plot.file, folder), drawPlot(part.plot, figures));
  }
}
