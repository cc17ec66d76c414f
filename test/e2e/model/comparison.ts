/** The Worker, the world that it should be, and what was done to both; how they are reached, and how they are compared. */
import type { startEmulator } from "../../../dev/emulator.ts";
import { testSecrets } from "../../secrets.ts";
import type { RsaKey } from "../rsa-keys.ts";
import { type ExpectedEvent, ExpectedLog } from "./expected-log.ts";
import type { WorkerProcess } from "./process.ts";
import {
  type Copy,
  type Identity,
  type Organization,
  type Outcome,
  type Resolution,
  refusals,
  rootOf,
  type Tenancy,
  type User,
  type World,
} from "./rules.ts";

/** Where the Worker and the world differ. */
export class Difference extends Error {
  override readonly name = "Difference";
}

export interface Answer {
  readonly status: number;
  readonly reqId: string;
  // biome-ignore lint/suspicious/noExplicitAny: the rig says what it expects of it.
  readonly body: any;
}

/** Whom and what an act concerns. */
type Subject = object;

interface Act {
  readonly step: number;
  readonly at: number;
  readonly text: string;
  readonly subjects: readonly Subject[];
}

export interface UserKeys {
  readonly user: User;
  /** Both of its keys, whatever their state at OCI. */
  readonly keys: readonly RsaKey[];
}

/** Seconds since the epoch. */
export const start = Date.UTC(2100, 0, 1) / 1000;

export function eventOf(type: string, organization: Organization, identity?: Identity): ExpectedEvent {
  return {
    type,
    organizationId: organization.id,
    rootOrganizationId: rootOf(organization).id,
    ...(identity === undefined ? {} : { identityId: identity.id }),
  };
}

type Emulator = Awaited<ReturnType<typeof startEmulator>>;

export class Comparison {
  readonly world: World;
  readonly organizations: Organization[] = [];
  readonly identities: Identity[] = [];
  readonly users: UserKeys[] = [];
  /** Of all tokens that were issued, oldest first. */
  readonly copies: Copy[] = [];
  readonly log = new ExpectedLog();
  /** Signatures of which nobody knows whether the ledger saw them. */
  readonly uncertain = new Set<string>();
  auditDb: "works" | "fails" | "loses" = "works";
  step = 0;
  /** How often what came out. */
  readonly counts = new Map<string, number>();
  readonly #acts: Act[] = [];
  protected readonly worker: WorkerProcess;
  readonly #emulator: Emulator;
  protected readonly secrets: Record<string, string>;
  protected readonly signingKeys = new Map<string, object>();
  protected readonly encryptionKeys = new Map<string, object>();

  constructor(worker: WorkerProcess, emulator: Emulator) {
    this.worker = worker;
    this.#emulator = emulator;
    this.secrets = testSecrets();
    this.world = {
      now: start,
      oci: "answers",
      signingKids: [],
      encryptionKids: [],
      tenancies: new Map<string, Tenancy>(),
      directory: new Map(),
      failedAt: new Map(),
      presentations: new Map(),
    };
  }

  async close(): Promise<void> {
    await this.worker.close();
    await this.#emulator.close();
  }

  // What is compared, and how a difference is told.

  /** Notes what is done, for the history of a difference. */
  protected note(text: string, ...subjects: Subject[]): void {
    this.#acts.push({ step: this.step, at: this.world.now - start, text, subjects });
  }

  /** Ends the walk: tells what was expected, and what was done before to those whom it concerns. */
  protected differ(expected: string, actual: string, ...subjects: Subject[]): never {
    const concerned = this.#acts.filter((act) => act.subjects.some((subject) => subjects.includes(subject)));
    const history = concerned
      .slice(-60)
      .map(({ step, at, text }) => `  ${`#${step}`.padStart(6)} +${at} s  ${text}`);
    throw new Difference(
      [`expected: ${expected}`, `actual:   ${actual}`, "what led to it:", ...history].join("\n"),
    );
  }

  /** The verdict that the answer is, among those that may be. */
  protected async compare(
    answer: Answer,
    outcomes: readonly Outcome[],
    ...concerned: Subject[]
  ): Promise<Outcome> {
    const subjects = [this.world, ...concerned, ...this.organizations];
    const fitting = outcomes.filter(({ verdict }) => {
      if (verdict === "granted") return answer.status === 200;
      const [status, words] = refusals[verdict];
      return (
        answer.status === status && JSON.stringify(answer.body).toLowerCase().includes(words.toLowerCase())
      );
    });
    const expected = outcomes.map(({ verdict }) => verdict).join(" or ");
    const actual = `${answer.status} ${JSON.stringify(answer.body)}`;
    if (fitting.length === 0) return this.differ(expected, actual, ...subjects);
    const asked = await this.ociWasAsked();
    const chosen = fitting.find(({ resolution }) => (resolution?.asksOci ?? false) === asked);
    // With a credential that cannot be decrypted, OCI is asked in vain.
    const undecryptable = fitting.find(({ resolution }) => resolution?.failed);
    return (
      chosen ??
      (asked ? undefined : undecryptable) ??
      this.differ(
        `${expected}, and OCI is ${asked ? "not " : ""}called`,
        `${actual}, and it was${asked ? "" : " not"}`,
        ...subjects,
      )
    );
  }

  protected count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  protected learn(user: User, resolution: Resolution | undefined): void {
    if (resolution === undefined) return;
    if (resolution.entry === undefined) this.world.directory.delete(user);
    else this.world.directory.set(user, resolution.entry);
    if (resolution.failed) this.world.failedAt.set(user.tenancyOcid, this.world.now);
  }

  // How the Worker and the emulator are reached.

  protected async send(
    method: string,
    path: string,
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const form = body instanceof URLSearchParams;
    const response = await this.worker.fetch(path, {
      method,
      headers: { ...(form || body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: form ? body : JSON.stringify(body) }),
    });
    const reqId = response.headers.get("x-request-id") ?? "";
    return { status: response.status, reqId, body: await response.json() };
  }

  protected async told(path: string, body: unknown): Promise<unknown> {
    const response = await this.worker.fetch(`/_model/${path}`, {
      method: "POST",
      body: JSON.stringify(body),
    });
    if (!response.ok) this.differ(`${path} without an error`, await response.text());
    return response.json();
  }

  protected async emulated(method: string, path: string, body?: unknown) {
    const response = await fetch(`${this.#emulator.origin}/_emulator/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return response.json();
  }

  protected async ociWasAsked(): Promise<boolean> {
    const { requests } = await this.emulated("GET", "requests");
    if (requests.length > 0) await this.emulated("DELETE", "requests");
    return requests.length > 0;
  }

  /** Tells the Worker its clock, its secrets and the state of its audit database. */
  protected async control(): Promise<void> {
    const keysOf = (kids: readonly string[], keys: Map<string, object>) =>
      JSON.stringify({ keys: kids.map((kid) => keys.get(kid)) });
    await this.told("control", {
      now: this.world.now * 1000,
      auditDb: this.auditDb,
      secrets: {
        ...this.secrets,
        TOKEN_SIGNING_KEYS: keysOf(this.world.signingKids, this.signingKeys),
        ENCRYPTION_KEYS: keysOf(this.world.encryptionKids, this.encryptionKeys),
      },
    });
  }

  /** A request of the operator's; `event` is what a success must leave in the log. */
  protected async admin(
    method: string,
    path: string,
    body: unknown,
    event: ExpectedEvent | undefined,
    status = 200,
    ...subjects: Subject[]
  ): Promise<Answer> {
    const authorization = `Bearer ${this.secrets.ADMIN_TOKEN}`;
    const answer = await this.send(method, path, body, { authorization });
    if (answer.status !== status) {
      this.differ(`${status}`, `${answer.status} ${JSON.stringify(answer.body)}`, ...subjects);
    }
    if (status === 200 && event !== undefined) this.log.succeeded([answer.reqId], event);
    return answer;
  }
}

export function short(fingerprint: string): string {
  return fingerprint.slice(0, 5);
}
