/** What every attack is held to: the answer is the envelope and nothing else, and nothing changed behind it. */
import { type IncomingMessage, request } from "node:http";
import { expect } from "vitest";
import type { Answer, Worker } from "./worker.ts";

const errors: Record<number, string> = {
  400: "BadRequest",
  401: "UnauthorizedError",
  403: "PermissionDenied",
  404: "NotFound",
  405: "MethodNotAllowed",
  413: "PayloadTooLarge",
  415: "UnsupportedMediaType",
  422: "ValidationFailure",
};

/** Tokens, keys, stack traces, paths of files, errors of dependencies. */
const leaks =
  /eyJ[\w-]*\.|-----BEGIN|\b\w*Error:|\n +at |\.[cm]?[jt]s\b|node_modules|\/(?:src|tmp|home)\/|\bD1_|SQLITE/;

/** `message` is that of the envelope; of a 422, its issues as JSON. */
export function expectRefusal(
  answer: Answer,
  status: number,
  message: string | RegExp,
  error = errors[status],
): void {
  const text = JSON.stringify(answer.body);
  expect([answer.status, answer.body?.error], text).toEqual([status, error]);
  expect(answer.body).toEqual({
    reqId: expect.stringMatching(/^req-[\w-]{14}$/),
    statusCode: status,
    message: status === 422 ? expect.any(Array) : expect.any(String),
    error,
  });
  const told = status === 422 ? JSON.stringify(answer.body.message) : answer.body.message;
  if (typeof message === "string") expect(told).toBe(message);
  else expect(told).toMatch(message);
  expect(told.replaceAll("\\n", "\n")).not.toMatch(leaks);
  const header = (name: string) => answer.headers.get(name);
  expect(
    ["content-type", "cache-control", "x-request-id", "access-control-allow-origin"].map(header),
  ).toEqual(["application/json", "no-store", answer.body.reqId, null]);
}

export interface RawRequest {
  readonly method?: string;
  /** Sent as it is: nothing is normalised or encoded. */
  readonly path: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: string | Uint8Array;
}

/** A request as fetch would not make it: any method and path, and a header as often as it is listed. */
export function sendRaw(
  worker: Worker,
  { method = "GET", path, headers = [], body }: RawRequest,
): Promise<Answer> {
  const { hostname, port, host } = worker.url;
  const named = new Set(headers.map(([name]) => name));
  const lines = [...(named.has("host") ? [] : [["host", host]]), ...headers].flat();
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path, headers: lines, agent: false }, (received) => {
      answerOf(received).then(resolve, reject);
      received.once("close", () => sent.destroy());
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

async function answerOf(received: IncomingMessage): Promise<Answer> {
  let text = "";
  for await (const chunk of received.setEncoding("utf8")) text += chunk;
  const headers = new Headers();
  for (const [name, values = []] of Object.entries(received.headersDistinct))
    headers.set(name, values.join(", "));
  return { status: received.statusCode ?? 0, headers, body: text === "" ? undefined : JSON.parse(text) };
}

/** What the Worker has stored, cached, recorded and asked. */
interface State {
  /** Of each table, its rows as JSON. */
  readonly tables: Record<string, unknown>;
  readonly cached: string[];
  readonly ledgers: string[];
  readonly askedOci: number;
}

/** Sees to it that attacks leave no trace. */
export class Watch {
  readonly #worker: Worker;
  /** One question to D1 for all tables. */
  readonly #question: string;
  #before: State | undefined;

  private constructor(worker: Worker, question: string) {
    this.#worker = worker;
    this.#question = question;
  }

  /** Over every table that there is; of those that are empty now, over the number of rows. */
  static async over(worker: Worker): Promise<Watch> {
    const { DB } = await worker.env();
    const { results } = await DB.prepare(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf*' AND name NOT GLOB 'sqlite_*'",
    ).all();
    const columns = await Promise.all(
      results.map(async ({ name }) => {
        const row = (await DB.prepare(`SELECT * FROM ${name} LIMIT 1`).all()).results[0] ?? {};
        const values = ["count(*)", ...Object.keys(row).map((column) => `group_concat(quote(${column}))`)];
        return `(SELECT json_array(${values.join(", ")}) FROM (SELECT * FROM ${name} ORDER BY 1, 2)) AS ${name}`;
      }),
    );
    return new Watch(worker, `SELECT ${columns.join(", ")}`);
  }

  /**
   * Runs attacks between two looks. Those that get as far as the directory may ask OCI and have the answer cached; what
   * is configured and recorded they may not touch either.
   */
  async unchanged(attacks: () => Promise<void>, { mayAskOci = false } = {}): Promise<void> {
    const before = this.#before ?? (await this.#settled());
    this.#before = undefined;
    await attacks();
    const after = await this.#look();
    expect(mayAskOci ? { ...after, askedOci: before.askedOci, cached: before.cached } : after).toEqual(
      before,
    );
    // What OCI answered is cached after the response, and may be on its way.
    this.#before = after.askedOci === before.askedOci ? after : undefined;
  }

  /** To be called after anything but an attack. */
  forget(): void {
    this.#before = undefined;
  }

  /** Once what was done before has come to rest: events move, and answers are cached, after the response. */
  async #settled(): Promise<State> {
    let [one, other] = [await this.#look(), await this.#look()];
    await expect
      .poll(
        async () => {
          [one, other] = [other, await this.#look()];
          const waiting = JSON.parse(String(other.tables.audit_outbox))[0];
          return waiting === 0 && JSON.stringify(one) === JSON.stringify(other);
        },
        { timeout: 10_000 },
      )
      .toBe(true);
    return other;
  }

  async #look(): Promise<State> {
    const { DB, DIRECTORY } = await this.#worker.env();
    const [tables, { keys }, ledgers, { body }] = await Promise.all([
      DB.prepare(this.#question).first(),
      DIRECTORY.list(),
      this.#worker.ledgers(),
      this.#worker.emulator("GET", "requests"),
    ]);
    return {
      tables,
      cached: keys.map(({ name }) => name),
      ledgers: [...ledgers].sort(),
      askedOci: body.requests.length,
    };
  }
}
