/** Why a request is refused: a closed set. http/envelope.ts is the one place that turns a refusal into a response. */

const refusals = {
  "malformed-json": [400, "Malformed JSON in request body"],
  "malformed-request": [400, "Malformed request"],
  "security-token": [400, "Security tokens cannot log in"],
  "date-not-signed": [400, "Neither date nor x-date is signed"],
  conflict: [400, "Bad request"],
  "another-user": [401, "Access denied: the signature is not of the user who logs in."],
  "date-out-of-range": [401, "Access denied: the signed date is too far from our clock."],
  "another-tenancy": [401, "Access denied: OCI account isn't part of tenancy."],
  "another-realm": [401, "Access denied: the host is not of the tenancy's realm."],
  "key-unknown": [401, "Access denied: the API key is not an active key of an active OCI user."],
  "user-unknown": [401, "Access denied: the API key is not an active key of an active OCI user."],
  "user-inactive": [401, "Access denied: the API key is not an active key of an active OCI user."],
  "signature-invalid": [401, "Access denied: the signature does not verify."],
  "username-not-allowed": [401, "Access denied: OCI account username not allowed."],
  "username-has-comma": [
    401,
    "Access denied: OCI account username has a comma, so allowedUsernames cannot name it.",
  ],
  "sub-organization-not-authorized": [401, "Identity not authorized to access sub organization"],
  "statement-header": [401, "Access denied: this is not a statement of an instance."],
  "another-audience": [401, "Access denied: the statement is for another audience."],
  "another-identity": [401, "Access denied: the statement is for another identity."],
  "statement-out-of-date": [401, "Access denied: the statement is too far from our clock."],
  "certificate-out-of-date": [401, "Access denied: a certificate is not valid now."],
  "region-unknown": [401, "Access denied: the instance's OCID names no region that is known."],
  "region-not-allowed": [401, "Access denied: the instance's region is not allowed."],
  "chain-invalid": [401, "Access denied: no root of the instance's region vouches for its certificate."],
  "compartment-not-allowed": [401, "Access denied: the instance's compartment is not allowed."],
  "instance-not-allowed": [401, "Access denied: the instance is not allowed."],
  unauthenticated: [401, "A bearer token is required, and this one is not known."],
  "not-permitted": [403, "You are not permitted to do this.", "PermissionDenied"],
  suspended: [403, "Suspended: an administrator must resume it first.", "ForbiddenError"],
  "token-malformed": [403, "This is not an access token of this Worker.", "TokenError"],
  "token-revoked": [401, "This token has been revoked. Please log in again."],
  "token-used-up": [401, "This token has been used as often as it may be. Please log in again."],
  "token-max-ttl": [401, "This token's max TTL has passed. Please log in again."],
  "signature-reused": [401, "Access denied: this signature was used before. Please sign again."],
  "ip-not-trusted": [403, "This token may not be used from this IP address.", "ForbiddenError"],
  "token-expired": [403, "Your token has expired. Please log in again.", "TokenError"],
  "no-oci-auth": [404, "OCI auth method not found for identity, did you configure OCI auth?"],
  "no-oci-instance-auth": [
    404,
    "OCI instance auth method not found for identity, did you configure OCI instance auth?",
  ],
  "sub-organization-not-found": [404, "Sub organization not found"],
  "not-found": [404, "Not found"],
  "method-not-allowed": [405, "Method not allowed"],
  "too-large": [413, "The request body is too large"],
  "media-type": [
    415,
    "The request body must be application/json (for introspection, application/x-www-form-urlencoded): send a content-type header that says so",
  ],
  "too-many-logins": [429, "Too many logins from this address. Please wait."],
  "too-many-requests": [429, "Too many requests from this address. Please wait."],
  "too-many-failures": [429, "Too many failed authentications from this address. Please wait."],
  "too-many-calls": [429, "Too many calls of this identity. Please wait."],
  validation: [422, "The request does not fit its schema"],
  internal: [500, "Something went wrong"],
  "over-budget": [
    503,
    "Too many questions about unknown users of this tenancy at the moment; try again later",
  ],
  "too-slow": [503, "Something that the Worker depends on is too slow at the moment; try again"],
  "roots-unavailable": [
    503,
    "The roots of the instance's region cannot be fetched from OCI at the moment; try again",
  ],
  "oci-unavailable": [503, "OCI cannot be asked about this user at the moment; try again"],
  "ledger-unavailable": [503, "This cannot be recorded at the moment; sign again before you try again"],
  "storage-unavailable": [503, "A storage that the Worker depends on cannot answer at the moment; try again"],
} as const satisfies Record<string, readonly [status: number, message: string, error?: string]>;

const errorNames = {
  400: "BadRequest",
  401: "UnauthorizedError",
  403: "PermissionDenied",
  404: "NotFound",
  405: "MethodNotAllowed",
  413: "PayloadTooLarge",
  415: "UnsupportedMediaType",
  422: "ValidationFailure",
  429: "RateLimitExceeded",
  500: "InternalServerError",
  503: "ServiceUnavailable",
} as const;

export type Reason = keyof typeof refusals;
export type RefusalStatus = keyof typeof errorNames;

export const reasons = Object.keys(refusals) as Reason[];

export function statusOf(reason: Reason): RefusalStatus {
  return refusals[reason][0];
}

/** Thrown to end a request. Holds all that the caller may know. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly reason: Reason;
  readonly status: RefusalStatus;
  readonly error: string;
  /** Only sent with a 400 or 403, as the contract says. */
  readonly details: unknown;
  /** The Zod issues of a 422, in place of a message. */
  readonly issues: readonly unknown[] | undefined;

  /** `message` replaces the reason's own. */
  constructor(
    reason: Reason,
    message?: string,
    more: { details?: unknown; issues?: readonly unknown[]; cause?: unknown } = {},
  ) {
    const [status, own, error]: readonly [RefusalStatus, string, string?] = refusals[reason];
    super(message ?? own, { cause: more.cause });
    this.reason = reason;
    this.status = status;
    this.error = error ?? errorNames[status];
    this.details = more.details;
    this.issues = more.issues;
  }
}
