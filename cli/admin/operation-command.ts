/** Makes a command from an operation, and runs it. */
import confirm from "@inquirer/confirm";
import { type Command, InvalidArgumentError, Option } from "commander";
import * as z from "zod";
import { isJsonObject, type JsonObject } from "../json-object.ts";
import { exitCode, Failure } from "../terminal/failure.ts";
import { fieldsOf, tableOf } from "../terminal/table.ts";
import { isTerminal, onTerminal, print, printable, printableJson } from "../terminal/terminal.ts";
import type { AdminApi, AdminRequest } from "./api.ts";
import type { Confirmation, Operation } from "./operation.ts";

/** The result of the options of `oci-auth admin`. */
export interface AdminSession {
  readonly api: AdminApi;
  readonly json: boolean;
}

type Options = Readonly<Record<string, unknown>>;

export function addOperation(group: Command, operation: Operation, session: () => AdminSession): void {
  const { command: name, description, path, fields = [], columns, preparation, example } = operation;
  const command = group.command(name[1]).description(description);
  const parameters = [...path.matchAll(/\{(\w+)\}/g)].map(([, parameter = ""]) => parameter);
  for (const parameter of parameters) command.argument(`<${kebabCase(parameter)}>`);
  for (const { option } of fields) command.addOption(option);
  if (preparation !== undefined) command.addOption(preparation.option);
  if (operation.confirmation !== undefined) command.option("--yes", "do not ask");
  if (columns !== undefined) {
    command
      .addOption(new Option("--all", "every page, not only the first").conflicts("cursor"))
      .option("--limit <number>", "items per page, 1 to 100", pageSize)
      .option("--cursor <cursor>", "where the next page begins, as the page before printed it");
  }
  command.addHelpText("after", `\nExample:\n  $ oci-auth admin ${name.join(" ")} ${example}`);
  command.action(async () => {
    const places = new Map(parameters.map((parameter, at) => [parameter, idOf(parameter, command.args[at])]));
    const fill = (template: string) =>
      template.replace(/\{(\w+)\}/g, (_, parameter) => encodeURIComponent(places.get(parameter) ?? ""));
    const options: Options = command.opts();
    const { api: ordinary, json } = session();
    const given = await givenFields(operation, options);
    const [id = ""] = places.values();
    const first =
      preparation !== undefined && options[preparation.option.attributeName()] === true
        ? preparation
        : undefined;
    const api = first === undefined ? ordinary : ordinary.patient();
    first?.check(api, id);
    const confirmation = operation.confirmation && {
      ...operation.confirmation,
      ...(first && { prompt: first.prompt }),
    };
    if (confirmation !== undefined && options.yes !== true) await askFirst(confirmation, api, fill);
    await first?.carryOut(api, id);
    const request = { method: operation.method, path: fill(path) };
    const answer = await (columns === undefined
      ? api.call({ ...request, body: bodyOf(operation, given) })
      : readPages(api, { ...request, query: queryOf(given, options) }, operation.result ?? "", options));
    print(json ? printableJson(answer) : shown(operation, answer));
  });
}

/** Refuses an id that would make the path another operation's: `..` removes the part of the URL before it. */
function idOf(parameter: string, text = ""): string {
  if (!/^\.{0,2}$/.test(text)) return text;
  throw new Failure(
    `'${text}' is not a valid ${kebabCase(parameter)}; the list commands show what there is`,
    exitCode.usage,
  );
}

function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function pageSize(text: string): string {
  if (!/^\d{1,3}$/.test(text) || Number(text) < 1 || Number(text) > 100) {
    throw new InvalidArgumentError("It is not a number from 1 to 100.");
  }
  return text;
}

async function givenFields(
  { fields = [], needsOption = false }: Operation,
  options: Options,
): Promise<JsonObject> {
  const given: Record<string, unknown> = {};
  for (const { option, adds } of fields) {
    const value = options[option.attributeName()];
    if (value !== undefined) Object.assign(given, await adds(value as never));
  }
  if (needsOption && Object.keys(given).length === 0) {
    const names = fields.map(({ option }) => option.long).join(", ");
    throw new Failure(`there is nothing to change; give one or more of ${names}`, exitCode.usage);
  }
  return given;
}

function bodyOf({ fields, body }: Operation, given: JsonObject): JsonObject | undefined {
  return fields === undefined && body === undefined ? undefined : { ...given, ...body };
}

function queryOf(given: JsonObject, { limit, cursor }: Options): Record<string, string> {
  const query = Object.entries({ ...given, limit, cursor }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(query.map(([name, value]) => [name, String(value)]));
}

const anyPage = z.looseObject({ nextCursor: z.string().nullable() });

/** The requested page, or every page joined to one. */
async function readPages(
  api: AdminApi,
  request: AdminRequest,
  result: string,
  { all }: Options,
): Promise<JsonObject> {
  if (all !== true) return api.call(request);
  const rows: unknown[] = [];
  for await (const page of api.pages(anyPage, request)) rows.push(...rowsOf(page, result));
  return { [result]: rows, nextCursor: null };
}

function rowsOf(page: JsonObject, result: string): JsonObject[] {
  const rows = page[result];
  return Array.isArray(rows) ? rows.filter(isJsonObject) : [];
}

function shown({ result, columns }: Operation, answer: JsonObject): string {
  if (columns === undefined || result === undefined) {
    const resource = result === undefined ? answer : answer[result];
    return fieldsOf(isJsonObject(resource) ? resource : answer);
  }
  if (typeof answer.nextCursor === "string") {
    const cursor = printable(answer.nextCursor);
    process.stderr.write(`There are more: --all reads every page, --cursor ${cursor} the next.\n`);
  }
  return tableOf(rowsOf(answer, result), columns);
}

async function askFirst(
  { subjects, prompt }: Confirmation,
  api: AdminApi,
  fill: (template: string) => string,
): Promise<void> {
  if (!isTerminal()) {
    throw new Failure(
      "this deletes something and must be confirmed, but there is no terminal; give --yes to confirm",
      exitCode.usage,
    );
  }
  const found: JsonObject[] = [];
  for (const [path, result] of subjects) {
    const resource = (await api.call({ method: "GET", path: fill(path) }))[result];
    found.push(isJsonObject(resource) ? resource : {});
  }
  const message = printable(prompt(...found));
  const yes = await onTerminal(confirm({ message, default: false }, { output: process.stderr }));
  if (!yes) throw new Failure("not confirmed; nothing was changed", exitCode.refused);
}
