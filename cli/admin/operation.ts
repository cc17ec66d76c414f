/** What an admin command is: an operation of the API, described as data. commands.ts makes the command of it. */
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
  /** What the body says whatever the options are. */
  readonly body?: JsonObject;
  /** Where the answer holds what is shown; without it, the whole answer is. */
  readonly result?: string;
  /** Of a list, which is paged. */
  readonly columns?: readonly string[];
  /** Without an option there is nothing to do. */
  readonly needsOption?: boolean;
  readonly confirmation?: Confirmation;
  readonly preparation?: Preparation;
  readonly example: string;
}

/** What is asked before something is deleted, once the API has said what that is. */
export interface Confirmation {
  /** The paths that are read first, and where each answer holds what is named in the question. */
  readonly subjects: readonly (readonly [path: string, result: string])[];
  readonly question: (...subjects: JsonObject[]) => string;
}

/** What the command does first where its flag is given. */
export interface Preparation {
  readonly option: Option;
  readonly question: Confirmation["question"];
  /** `id` is the command's first argument. Throws a {@link Failure} before the question is shown, if it cannot do it. */
  readonly check: (api: AdminApi, id: string) => void;
  /** `api` is patient. Throws a {@link Failure}. */
  readonly carryOut: (api: AdminApi, id: string) => Promise<void>;
}

/** Text that becomes the field of this name. */
export function text(flags: string, name: string, description: string): Field {
  return { option: new Option(flags, description), adds: (value: string) => ({ [name]: value }) };
}

/** As {@link text}, and the command cannot do without. */
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

/** A whole number. Its range is the API's to check. */
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

/** An option without a value that sets null, where the API takes null; `instead` is the option that sets a value. */
export function setsNull(flag: string, name: string, instead: string, description: string): Field {
  return {
    option: new Option(flag, description).conflicts(instead),
    adds: () => ({ [name]: null }),
  };
}
