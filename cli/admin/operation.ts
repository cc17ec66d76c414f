/** An operation of the admin API, described as data. operation-command.ts makes a command from it. */
import { InvalidArgumentError, Option } from "commander";
import type { JsonObject } from "../json-object.ts";
import type { AdminApi, AdminRequest } from "./api.ts";

/** An option, and what it adds to the body, or to the query of a GET. */
export interface Field {
  readonly option: Option;
  readonly adds: (value: never) => JsonObject | Promise<JsonObject>;
}

export interface Operation {
  /** Such as `organizations create`. */
  readonly command: readonly [group: string, name: string];
  readonly description: string;
  readonly method: AdminRequest["method"];
  /** As in /openapi.json. Its parameters are the command's arguments. */
  readonly path: string;
  readonly fields?: readonly Field[];
  /** Fields that the body always has. */
  readonly body?: JsonObject;
  /** The field of the answer that is shown; without it, the whole answer is. */
  readonly result?: string;
  /** The table's columns; only for a list, which has pages. */
  readonly columns?: readonly string[];
  /** Whether at least one option is required. */
  readonly needsOption?: boolean;
  readonly confirmation?: Confirmation;
  readonly preparation?: Preparation;
  readonly example: string;
}

/** The prompt before a deletion. It names what the API says will be deleted. */
export interface Confirmation {
  /** The paths that are read first, and the field of each answer that the prompt names. */
  readonly subjects: readonly (readonly [path: string, result: string])[];
  readonly prompt: (...subjects: JsonObject[]) => string;
}

/** What the command does first if its flag is given. */
export interface Preparation {
  readonly option: Option;
  readonly prompt: Confirmation["prompt"];
  /** `id` is the command's first argument. Throws a {@link Failure} before the prompt, if it cannot be done. */
  readonly check: (api: AdminApi, id: string) => void;
  /** `api` is patient. Throws a {@link Failure}. */
  readonly carryOut: (api: AdminApi, id: string) => Promise<void>;
}

/** An option whose text becomes the field of this name. */
export function text(flags: string, name: string, description: string): Field {
  return { option: new Option(flags, description), adds: (value: string) => ({ [name]: value }) };
}

/** As {@link text}, but required. */
export function requiredText(flags: string, name: string, description: string): Field {
  return mandatory(text(flags, name, description));
}

export function mandatory(field: Field): Field {
  field.option.makeOptionMandatory();
  return field;
}

export function oneOf(flags: string, name: string, values: readonly string[], description: string): Field {
  const field = text(flags, name, description);
  field.option.choices(values);
  return field;
}

/** A whole number. The API checks its range. */
export function count(flags: string, name: string, description: string): Field {
  const option = new Option(flags, description).argParser((value) => {
    if (!/^\d{1,15}$/.test(value)) throw new InvalidArgumentError("It is not a whole number.");
    return Number(value);
  });
  return { option, adds: (value: number) => ({ [name]: value }) };
}

/** An option that may repeat, for a field that is a list. */
export function list(
  flags: string,
  name: string,
  description: string,
  item: (value: string) => unknown = (value) => value,
): Field {
  const option = new Option(flags, `${description} (may repeat)`).argParser(
    (value: string, before: readonly string[] | undefined) => [...(before ?? []), value],
  );
  return { option, adds: (values: readonly string[]) => ({ [name]: values.map(item) }) };
}

/** An option without a value that sets null; `instead` is the option that sets a value. */
export function setsNull(flag: string, name: string, instead: string, description: string): Field {
  return {
    option: new Option(flag, description).conflicts(instead),
    adds: () => ({ [name]: null }),
  };
}
