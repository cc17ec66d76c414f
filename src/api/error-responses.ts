/** The refusals of a route in its description: for each status the schema of its body, for each reason an example. */
import * as z from "zod";
import { type Reason, Refusal, type RefusalStatus, reasons, statusOf } from "../refusal.ts";
import { examples } from "./examples.ts";

/** Of a route that takes JSON. */
export const bodyRefusals: readonly Reason[] = ["malformed-json", "too-large", "media-type", "validation"];

/** Of a route that takes an access token, in its body or as its bearer. */
export const tokenRefusals: readonly Reason[] = [
  "token-revoked",
  "token-used-up",
  "suspended",
  "ip-not-trusted",
  "token-expired",
  "storage-unavailable",
  "ledger-unavailable",
];

/** Of a route that asks who calls (authenticate.ts). */
export const callerRefusals: readonly Reason[] = [
  "unauthenticated",
  "not-permitted",
  "too-many-failures",
  "too-many-calls",
  ...tokenRefusals,
];

/** Of a user's login, and of its renewal. */
export const userRefusals: readonly Reason[] = [
  "another-tenancy",
  // What is wrong with a key or its user is not told apart.
  "key-unknown",
  "username-not-allowed",
  "username-has-comma",
  "no-oci-auth",
  "over-budget",
  "oci-unavailable",
];

/** Of an instance's login, and of its renewal. */
export const instanceRefusals: readonly Reason[] = [
  "another-tenancy",
  "region-not-allowed",
  "compartment-not-allowed",
  "instance-not-allowed",
  "no-oci-instance-auth",
  "over-budget",
];

/** Of a login and a renewal, by whichever method. */
export const loginRefusals: readonly Reason[] = [
  "sub-organization-not-authorized",
  "suspended",
  "sub-organization-not-found",
  "storage-unavailable",
];

/** Of every route that needs the configuration. */
const commonRefusals: readonly Reason[] = ["internal", "too-slow"];

/** The schema of one status's error body, in the order and with exactly the fields of the contract. */
export function bodySchema(status: RefusalStatus) {
  const statusCode = z.literal(status);
  const text = z.string();
  switch (status) {
    case 400:
      return z.strictObject({
        reqId: text,
        statusCode,
        message: text,
        error: text,
        details: z.unknown().optional(),
      });
    case 403:
      return z.strictObject({
        reqId: text,
        statusCode,
        message: text,
        details: z.unknown().optional(),
        error: text,
      });
    case 422:
      return z.strictObject({ reqId: text, statusCode, message: z.unknown().optional(), error: text });
    default:
      return z.strictObject({ reqId: text, statusCode, message: text, error: text });
  }
}

const schemas = new Map<RefusalStatus, z.ZodType>();

function schemaOf(status: RefusalStatus): z.ZodType {
  const schema = schemas.get(status) ?? bodySchema(status).meta({ id: `Error${status}` });
  schemas.set(status, schema);
  return schema;
}

/** For a route's `responses`. Handlers throw refusals and never return one, so their types need not know of these. */
export function errorResponses(...wanted: (Reason | readonly Reason[])[]): object {
  const all = new Set([...wanted, commonRefusals].flat());
  const byStatus = Map.groupBy(all, statusOf);
  return Object.fromEntries(
    [...byStatus].map(([status, ofStatus]) => [
      status,
      {
        description: "Default Response",
        content: {
          "application/json": {
            schema: schemaOf(status),
            examples: Object.fromEntries(
              ofStatus.map((reason) => [reason, { $ref: `#/components/examples/${reason}` }]),
            ),
          },
        },
      },
    ]),
  );
}

/** Where the reason's own message is not what a caller reads. */
const messages: Partial<Record<Reason, string>> = {
  "malformed-request": "authorization: the scheme is not 'Signature'",
  conflict: "The slug 'acme' is taken under this root organization",
  "sub-organization-not-found": "Sub organization with slug payments not found",
  "sub-organization-not-authorized": "Identity not authorized to access sub organization payments",
  "not-found": "Identity not found",
};

const issue = { code: "invalid_type", expected: "string", path: ["name"], message: "Invalid input" };

/** An error body of every reason, for the document's `components.examples`. */
export function errorExamples(): Record<Reason, { value: object }> {
  const exampleOf = (reason: Reason) => {
    const { status, message, error } = new Refusal(reason, messages[reason]);
    const told = reason === "validation" ? [issue] : message;
    return { value: { reqId: examples.reqId, statusCode: status, message: told, error } };
  };
  return Object.fromEntries(reasons.map((reason) => [reason, exampleOf(reason)])) as ReturnType<
    typeof errorExamples
  >;
}
