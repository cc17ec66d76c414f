/** A client of the admin API: JSON in and out. The message of each refusal is a sentence that says what to do next. */
import type * as z from "zod";
import { isJsonObject, type JsonObject, parseJsonObject } from "../json-object.ts";
import { exitCode, Failure } from "../terminal/failure.ts";
import { type Answer, callWorker, retryAfterSeconds } from "../worker/client.ts";

export interface AdminRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly body?: JsonObject | undefined;
  /** Another status than 200 that is a success, unless the answer has an error's form. */
  readonly reportStatus?: number;
}

/** Longer than for a login: a page of credentials to encrypt or to try needs many calls one after another. */
const timeoutSeconds = 30;

/** A rate limit's window is a minute, so this is the number of minutes. */
const patientAttempts = 10;

/** The Worker refused. */
export class ApiRefusal extends Failure {
  readonly status: number;

  constructor(message: string, status: number) {
    super(message, exitCode.refused);
    this.status = status;
  }
}

/** The Worker cannot answer now, or not this often; or there was no answer, so the change may or may not be made. */
export class ApiUnavailable extends Failure {
  readonly retryAfterSeconds: number | undefined;

  constructor(message: string, retryAfterSeconds?: number) {
    super(message, exitCode.unavailable);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export class AdminApi {
  readonly #origin: string;
  readonly #bearer: string;
  readonly #attempts: number;

  constructor(origin: string, bearer: string, attempts = 1) {
    this.#origin = origin;
    this.#bearer = bearer;
    this.#attempts = attempts;
  }

  /** The same, for calls that may be repeated: it retries unavailable calls, when the answer says. */
  patient(): AdminApi {
    return new AdminApi(this.#origin, this.#bearer, patientAttempts);
  }

  /** The organization that an access token names, which limits its reach; undefined for ADMIN_TOKEN. */
  get organizationId(): string | undefined {
    const claims = this.#bearer.split(".")[1] ?? "";
    const { orgId } = parseJsonObject(Buffer.from(claims, "base64url").toString()) ?? {};
    return typeof orgId === "string" ? orgId : undefined;
  }

  /** {@link call}'s answer, parsed by `schema`. */
  async callFor<T>(schema: z.ZodType<T>, request: AdminRequest): Promise<T> {
    const read = schema.safeParse(await this.call(request));
    if (read.success) return read.data;
    const what = `${this.#origin} answered ${request.method} ${request.path} in an unknown form`;
    throw new Failure(`${what}; use the command line of the Worker's own version`, exitCode.refused);
  }

  /** The pages of a list, in order. Throws a {@link Failure} if a page leads back to one that was read. */
  async *pages<T extends { readonly nextCursor: string | null }>(
    schema: z.ZodType<T>,
    request: AdminRequest,
  ): AsyncGenerator<T> {
    let { query } = request;
    const read = new Set<string>();
    for (;;) {
      const page = await this.callFor(schema, { ...request, query });
      yield page;
      if (page.nextCursor === null) return;
      if (read.has(page.nextCursor)) {
        const what = `${this.#origin} answered ${request.method} ${request.path} with pages that never end`;
        throw new Failure(`${what}; report it to the Worker's operator`, exitCode.refused);
      }
      read.add(page.nextCursor);
      query = { ...query, cursor: page.nextCursor };
    }
  }

  /** The body of a 200. Throws an {@link ApiRefusal}, or another {@link Failure} if there is no definite answer. */
  async call(request: AdminRequest): Promise<JsonObject> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#callOnce(request);
      } catch (error) {
        if (!(error instanceof ApiUnavailable) || attempt === this.#attempts) throw error;
        const seconds = Math.min(error.retryAfterSeconds ?? 2, 60);
        await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
      }
    }
  }

  async #callOnce({ method, path, query, body, reportStatus }: AdminRequest): Promise<JsonObject> {
    const url = new URL(path, this.#origin);
    for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
    const answer = await callWorker(this.#origin, {
      method,
      path: `${url.pathname}${url.search}`,
      body: body && JSON.stringify(body),
      bearer: this.#bearer,
      timeoutSeconds,
    });
    if (answer.kind === "no answer") throw unreachable(this.#origin, method, answer.problem);
    const { status } = answer;
    if (answer.body !== undefined) {
      if (status === 200 || (status === reportStatus && !isEnvelope(status, answer.body))) return answer.body;
    }
    throw explained(this.#origin, answer);
  }
}

function unreachable(origin: string, method: string, problem: string): ApiUnavailable {
  const next =
    method === "GET"
      ? "check --url and the network, and try again"
      : "it may or may not have been done: check before you do it again";
  return new ApiUnavailable(`${origin} ${problem}; ${next}`);
}

/** Whether the answer has the form of every error of the Worker. */
function isEnvelope(status: number, answer: JsonObject | undefined): answer is JsonObject {
  return typeof answer?.reqId === "string" && answer.statusCode === status;
}

function explained(origin: string, answer: Answer): Failure {
  const { status, body } = answer;
  if (!isEnvelope(status, body)) {
    const what = `${origin} answered ${status}, and not as an oci-auth-worker does`;
    return status === 429 || status >= 500
      ? new ApiUnavailable(`${what}; try again later`)
      : new ApiRefusal(`${what}; check --url`, status);
  }
  const said = `${messageOf(body)} (${status}, ${body.reqId})`;
  if (status === 429 || status >= 500) {
    const seconds = retryAfterSeconds(answer, Date.now());
    const wait = seconds === undefined ? "later" : `in ${Math.ceil(seconds)} s`;
    return new ApiUnavailable(`${said}; try again ${wait}`, seconds);
  }
  const next = nextSteps[status];
  return new ApiRefusal(next === undefined ? said : `${said}; ${next}`, status);
}

const nextSteps: Readonly<Record<number, string>> = {
  401: "check the token in OCI_AUTH_ADMIN_TOKEN or --token-file",
  403: "use ADMIN_TOKEN, or the access token of an admin of that organization",
  404: "the list commands show what there is",
  422: "correct that and run it again",
};

/** The envelope's message, the issues of a 422 each with its path, and OCI's answer about a credential. */
function messageOf({ message, details }: JsonObject): string {
  if (Array.isArray(message)) {
    return message
      .filter(isJsonObject)
      .map((issue) => {
        const path = Array.isArray(issue.path) ? issue.path.join(".") : "";
        return path === "" ? String(issue.message) : `${path}: ${issue.message}`;
      })
      .join("; ");
  }
  const said = String(message).replace(/\.$/, "");
  const oci = isJsonObject(details) && isJsonObject(details.oci) ? saidByOci(details.oci) : undefined;
  return oci === undefined ? said : `${said} ${oci}`;
}

/** OCI's answer about a credential, in parentheses; undefined if it did not answer. */
export function saidByOci({ status, code, message, opcRequestId }: JsonObject): string | undefined {
  if (status === undefined) return undefined;
  const parts = [code === undefined ? String(status) : `${code}: ${message}`.replace(/\.$/, "")];
  // Oracle's support needs it.
  if (opcRequestId !== undefined) parts.push(`opc-request-id ${opcRequestId}`);
  return `(OCI says ${parts.join(", ")})`;
}
