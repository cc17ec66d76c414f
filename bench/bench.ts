/** `npm run bench`: each part in turn, a line for what goes on, and the figures as a table, as JSON and as plots. */
import { writeFileSync } from "node:fs";
import Table from "cli-table3";
import { Command, Option } from "commander";
import { type Figure, meets, type Part } from "./figures.ts";
import { audit } from "./parts/audit.ts";
import { identities } from "./parts/identities.ts";
import { ledger } from "./parts/ledger.ts";
import { login } from "./parts/login.ts";
import { peers } from "./parts/peers.ts";
import { size } from "./parts/size.ts";
import { storage } from "./parts/storage.ts";
import { waits } from "./parts/waits.ts";

const parts: Record<string, Part> = { login, waits, peers, identities, ledger, audit, storage, size };

interface Options {
  readonly only: readonly string[];
  readonly smoke: boolean;
  readonly json?: string;
}

/** Four digits tell more than a run can. */
function told(value: number): string {
  return value >= 1000
    ? Math.round(value).toLocaleString("en")
    : String(Number.parseFloat(value.toPrecision(3)));
}

function barOf({ bar }: Figure): string {
  if (bar === undefined) return "";
  return "atMost" in bar ? `≤ ${told(bar.atMost)}` : `≥ ${told(bar.atLeast)}`;
}

function tableOf(figures: readonly Figure[], smoke: boolean): string {
  const table = new Table({
    head: ["", "median", "least to greatest", "bar", ""],
    style: { head: [], border: [], compact: true },
  });
  for (const figure of figures) {
    const { what, unit, least, greatest } = figure;
    const met = meets(figure);
    table.push([
      what,
      `${told(figure.median)} ${unit}`,
      least === greatest ? "" : `${told(least)} to ${told(greatest)}`,
      barOf(figure),
      met === undefined || smoke ? "" : met ? "met" : "missed",
    ]);
  }
  return table.toString();
}

async function bench({ only, smoke, json }: Options): Promise<void> {
  const figures: Record<string, Figure[]> = {};
  for (const name of only) {
    const part = parts[name] as Part;
    process.stderr.write(`${name}: ${part.title}\n`);
    figures[name] = await part.measure({
      smoke,
      say: (line) => process.stderr.write(`${name}: ${line}\n`),
    });
  }
  for (const [name, measured] of Object.entries(figures)) {
    process.stdout.write(`\n${parts[name]?.title}\n${tableOf(measured, smoke)}\n`);
  }
  if (json !== undefined) {
    writeFileSync(json, `${JSON.stringify({ node: process.version, smoke, figures }, null, 2)}\n`);
  }
}

const all = Object.keys(parts);
await new Command("npm run bench --")
  .description("Measures what a login costs. On Linux only: elsewhere no account of CPU is fine enough.")
  .addOption(new Option("--only <part...>", "measure these parts").choices(all).default(all))
  .option("--json <file>", "write the figures to a file, as JSON")
  .option("--smoke", "everything once and small: whether the bench runs, and nothing about speed", false)
  .action(bench)
  .parseAsync();
