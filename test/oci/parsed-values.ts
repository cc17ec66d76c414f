import type { Parsed } from "../../src/oci/parsed.ts";

export function accepted<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.value;
}

export function refused(parsed: Parsed<unknown>): string {
  if (parsed.ok) throw new Error(`accepted as ${JSON.stringify(parsed.value)}`);
  return parsed.problem;
}
