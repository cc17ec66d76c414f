/** What a refusal of the Worker means for the user who logs in, and what to do. */
import { isJsonObject } from "../json-object.ts";
import { type ExitCode, exitCode, Failure } from "../terminal/failure.ts";
import { printable } from "../terminal/terminal.ts";
import { type Answer, type NoAnswer, retryAfterSeconds } from "./client.ts";

/** A login or renewal that returned no token. Its message is one sentence, with what to do next. */
export class Refused extends Failure {
  readonly problem: string;
  readonly next: string;
  /** Whether the same attempt, signed again, may succeed although nobody changes anything. */
  readonly transient: boolean;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    problem: string,
    next: string,
    transient: boolean,
    code: ExitCode = exitCode.refused,
    retryAfter?: number,
  ) {
    super(`${problem}; ${next}`, code);
    this.problem = problem;
    this.next = next;
    this.transient = transient;
    this.retryAfterSeconds = retryAfter;
  }
}

interface Advice {
  readonly status: number;
  readonly message: RegExp;
  readonly means: string;
  readonly next: string;
}

/** The Worker's messages that clients may match, and what the owner of a workload can do about each. */
const advice: readonly Advice[] = [
  {
    status: 401,
    message: /isn't part of tenancy/,
    means: "this identity is for users of another tenancy than the profile's",
    next: "choose a profile of that tenancy or another --identity-id, or have an administrator correct tenancyOcid of the identity's OCI Auth",
  },
  {
    status: 401,
    message: /username not allowed/,
    means: "OCI's name of this user is not among the identity's allowed usernames",
    next: "have an administrator add it to allowedUsernames of the identity's OCI Auth (exact, with the identity domain if it has one), or choose another profile",
  },
  {
    status: 401,
    message: /username has a comma/,
    means: "OCI's name of this user has a comma, which separates the names of a list",
    next: "rename the user in OCI, or choose another profile",
  },
  {
    status: 401,
    message: /not an active key of an active OCI user/,
    means:
      "in OCI the key is not among this user's API keys or is inactive, or the user is deleted, blocked or may not use API keys",
    next: "compare the fingerprint with the user's API keys in the OCI console; a key that was just added counts within 30 s",
  },
  {
    status: 401,
    message: /the signed date/,
    means: "this machine's clock is wrong",
    next: "set it (timedatectl set-ntp true, or chronyc makestep) and try again",
  },
  {
    status: 401,
    message: /not authorized to access sub organization/,
    means: "the identity is not a member of that organization",
    next: "have an administrator add it there, or leave --organization-slug out",
  },
  {
    status: 403,
    message: /suspended/i,
    means: "an administrator suspended it",
    next: "ask an administrator why, and have it resumed",
  },
  {
    status: 404,
    message: /OCI auth method not found/,
    means: "there is no such identity, or it has no OCI Auth",
    next: "check --identity-id, or have an administrator attach OCI Auth to it",
  },
  {
    status: 404,
    message: /Sub organization/,
    means: "the identity's root organization has no such sub-organization",
    next: "check --organization-slug, or leave it out",
  },
];

const nextByStatus: Readonly<Record<number, string>> = {
  400: "correct what it names",
  422: "check --identity-id and --organization-slug, and use the command line of the Worker's own version",
  429: "wait, and have fewer logins from this address",
  500: "report the request id to the Worker's operator",
  503: "try again later",
};

export function refusalOf(origin: string, answer: Answer | NoAnswer, now: number): Refused {
  if (answer.kind === "no answer") {
    const next = "check --url and the network, and try again";
    return new Refused(`${origin} ${answer.problem}`, next, true, exitCode.unavailable);
  }
  const { status, body } = answer;
  const wait = retryAfterSeconds(answer, now);
  const passes = status === 429 || status >= 500;
  const code = passes ? exitCode.unavailable : exitCode.refused;

  if (typeof body?.reqId !== "string" || body.statusCode !== status) {
    const redirect = status >= 300 && status < 400 ? " (a redirect, which is not followed)" : "";
    const problem = `${origin} answered ${status}${redirect}, and not as an oci-auth-worker does`;
    return new Refused(problem, passes ? "try again later" : "check --url", passes, code, wait);
  }
  const message = messageOf(body.message);
  const said = `${message} (${status}, ${printable(body.reqId)})`;
  if (status === 401 && /signature was used before/.test(message)) {
    const means = "another process made the same signature in the same second";
    const next = "try again, and sign with --algorithm rsa-pss-sha256, which never makes a signature twice";
    return new Refused(`${said}: ${means}`, next, true);
  }
  const known = advice.find((row) => row.status === status && row.message.test(message));
  if (known !== undefined) return new Refused(`${said}: ${known.means}`, known.next, false);
  const next = nextByStatus[status] ?? "check the profile, --url and --identity-id";
  const later = wait === undefined ? next : `${next} (in ${Math.ceil(wait)} s)`;
  return new Refused(said, later, passes, code, wait);
}

/** The message of an envelope; a 422 has issues instead. */
function messageOf(message: unknown): string {
  if (!Array.isArray(message)) return printable(String(message)).replace(/\.$/, "");
  const issues = message.filter(isJsonObject).map((issue) => {
    const path = Array.isArray(issue.path) ? issue.path.join(".") : "";
    return `${path === "" ? "" : `${path}: `}${issue.message}`;
  });
  return printable(issues.join("; "));
}
