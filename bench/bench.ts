/** `npm run bench`: runs each part in turn, prints its progress, and writes the figures as a table, JSON and plots. */
import { writeFileSync } from "node:fs";
import { Command, Option } from "commander";
import type { Measured, Part } from "./part.ts";
import { audit } from "./parts/audit.ts";
import { identities } from "./parts/identities.ts";
import { ledger } from "./parts/ledger.ts";
import { login } from "./parts/login.ts";
import { peers } from "./parts/peers.ts";
import { size } from "./parts/size.ts";
import { storage } from "./parts/storage.ts";
import { waits } from "./parts/waits.ts";
import { machine, publish } from "./publish.ts";
import { tableOf } from "./table.ts";

const parts: Record<string, Part> = { login, waits, peers, identities, ledger, audit, storage, size };

interface Options {
  readonly only: readonly string[];
  readonly smoke: boolean;
  readonly json?: string;
  readonly publish?: boolean;
}

async function bench({ only, smoke, json, publish: toPublish }: Options): Promise<void> {
  if (process.platform !== "linux") {
    throw new Error(`the bench runs on Linux alone; on ${process.platform} no account of CPU is fine enough`);
  }
  const measured: Measured[] = [];
  try {
    for (const [name, part] of Object.entries(parts).filter(([name]) => only.includes(name))) {
      const say = (line: string) => process.stderr.write(`${name}: ${line}\n`);
      say(part.title);
      measured.push({ name, part, figures: await part.measure({ smoke, say }) });
    }
  } finally {
    // A failed part does not lose the figures of those before it.
    for (const { part, figures } of measured) {
      process.stdout.write(`\n${part.title}\n${tableOf(figures, !smoke)}\n`);
    }
  }
  if (json !== undefined) {
    const figures = Object.fromEntries(measured.map(({ name, figures }) => [name, figures]));
    writeFileSync(json, `${JSON.stringify({ ...machine(), smoke, figures }, null, 2)}\n`);
  }
  if (toPublish) publish(measured);
}

const all = Object.keys(parts);
await new Command("npm run bench --")
  .description("Measures what a login costs. On Linux only: elsewhere no account of CPU is fine enough.")
  .addOption(new Option("--only <part...>", "measure these parts").choices(all).default(all))
  .option("--json <file>", "write the figures to a file, as JSON")
  .addOption(
    new Option("--publish", "put the tables and plots into bench/README.md").conflicts(["smoke", "only"]),
  )
  .option("--smoke", "everything once and small: whether the bench runs, and nothing about speed", false)
  .action(bench)
  .parseAsync();
