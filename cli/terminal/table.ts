import Table from "cli-table3";
import { isJsonObject, type JsonObject } from "../json-object.ts";
import { printable } from "./terminal.ts";

// Plain columns, so that grep and awk can read a table too.
const plain = {
  chars: Object.fromEntries(
    [
      ...["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"],
      ...["left", "left-mid", "mid", "mid-mid", "right", "right-mid", "middle"],
    ].map((name) => [name, ""]),
  ),
  style: { head: [], border: [], "padding-left": 0, "padding-right": 2 },
};

/** A line for each row, below the columns' names. */
export function tableOf(rows: readonly JsonObject[], columns: readonly string[]): string {
  const table = new Table({ ...plain, head: columns.map(title) });
  for (const row of rows) table.push(columns.map((column) => shown(row[column])));
  return trimmed(table.toString());
}

/** A line for each field. */
export function fieldsOf(resource: JsonObject): string {
  const table = new Table(plain);
  for (const [name, value] of Object.entries(resource)) table.push([title(name), shown(value)]);
  return trimmed(table.toString());
}

/** `organizationId` → `ORGANIZATION ID`. */
function title(name: string): string {
  return printable(name)
    .replace(/[A-Z](?=[a-z])|(?<=[a-z])[A-Z]/g, " $&")
    .toUpperCase();
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return "-";
  if (Array.isArray(value)) return value.length === 0 ? "-" : value.map(shown).join(", ");
  if (isJsonObject(value)) {
    return printable(typeof value.ipAddress === "string" ? rangeOf(value) : JSON.stringify(value));
  }
  return printable(String(value));
}

/** A trusted address or range, as it is written in options. */
export function rangeOf({ ipAddress, prefix }: JsonObject): string {
  return prefix === undefined ? String(ipAddress) : `${ipAddress}/${prefix}`;
}

function trimmed(text: string): string {
  return text.replace(/ +$/gm, "");
}
