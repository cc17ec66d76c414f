/**
 * The login, step by step as the table of docs/login.md has it: cheap and local checks first, and nothing leaves the
 * Worker for a request that could be refused without it. Step 1, the body, is the route's (contract.ts). Steps 3 to 5
 * and 7 to 10 are the method's (method.ts).
 *
 * It touches no binding: what it reads comes through {@link LoginDependencies}, so that every refusal can be tested.
 */

import type { ClientInfo } from "../access/caller.ts";
import type { Principal } from "../access/principal.ts";
import { roleIn } from "../access/role.ts";
import type { OutgoingEvent } from "../audit/event.ts";
import type { Refused } from "../audit/refusals.ts";
import type { LoginConfiguration, LoginOrganization } from "../identities/login-configuration.ts";
import { signatureDigest } from "../ledger/address.ts";
import type { LoginOutcome, LoginRecord } from "../ledger/ledger.ts";
import { Refusal } from "../refusal.ts";
import { isId } from "../storage/id.ts";
import type { Proven } from "../tokens/claims.ts";
import { type IssuedToken, type Issuer, issueToken } from "../tokens/issue.ts";
import { LoginAttempt } from "./attempt.ts";
import { checkConfiguration, checkOrganization } from "./eligibility.ts";
import type { LoginMethod, LoginRequest, Shown } from "./method.ts";

export interface LoginDependencies<Own> {
  readonly issuer: Issuer;
  readonly client: ClientInfo;
  /** Rejects with a {@link Refusal} if the caller's address is over its rate. */
  checkRate(): Promise<void>;
  loadConfiguration(
    identityId: string,
    organizationSlug: string | undefined,
  ): Promise<LoginConfiguration<Own> | undefined>;
  /** Rejects with a {@link Refusal} if the ledger does not answer. */
  recordLogin(principal: Principal, login: LoginRecord): Promise<LoginOutcome>;
  /** Takes the event of a refusal that comes after step 6, and who was refused. */
  reportRefusal(event: OutgoingEvent, refused: Refused): void;
}

/** How much longer than it could be shown a signature is remembered: clocks differ. */
const memoryMarginMilliseconds = 60_000;

/** Throws a {@link Refusal}. `now` in milliseconds since the epoch. */
export async function logIn<Request extends LoginRequest, S extends Shown, Cached, Own, P extends Proven>(
  method: LoginMethod<Request, S, Cached, Own, P>,
  request: Request,
  dependencies: LoginDependencies<Own>,
  now: number,
): Promise<IssuedToken> {
  // 2. The caller is within its rate.
  await dependencies.checkRate();

  // 3 to 5. What was shown parses, is meant for this login, and is fresh.
  const shown = method.read(request, now);

  // D1 and KV, side by side, for what can be an identity's id.
  const { identityId, organizationSlug } = request;
  if (!isId(identityId)) throw new Refusal(method.notConfigured);
  const [found, cached] = await Promise.all([
    dependencies.loadConfiguration(identityId, organizationSlug),
    method.readCache(shown),
  ]);

  // 6. The identity logs in with this method, and nothing above it is suspended.
  const configuration = checkConfiguration(found, method.notConfigured);

  const attempt = new LoginAttempt(shown, configuration, dependencies.client);
  let caller: Refused = "stranger";
  try {
    // 7. It is of those that the identity is pinned to.
    method.checkPinned(shown, configuration);

    // 8 and 9. What others vouch for made the signature.
    const proven = await method.prove(shown, cached, configuration, (more) => attempt.tell(more));
    caller = "holder";

    // 10. Whoever proved it is allowed.
    method.checkAllowed(proven, configuration);

    // 11. The organization is one that the identity may log in to.
    const organization = organizationOf(organizationSlug, configuration);

    // 12. The ledger records the login and its event, and knows if the signature was used before.
    const tokenId = crypto.randomUUID();
    const { recorded, presentations } = await dependencies.recordLogin(shown.principal, {
      signatureDigest: await signatureDigest(shown.signature),
      rememberUntil: shown.showableUntil + memoryMarginMilliseconds,
      signatureReuse: method.reuse(configuration),
      event: attempt.succeeded(organization, tokenId),
    });
    if (!recorded) {
      // The event of a refusal is the identity's own organization's: it may not be the one that was shown the signature.
      const { count } = presentations;
      attempt.tell({ signatureReused: organization === configuration.home ? presentations : { count } });
      throw new Refusal("signature-reused");
    }

    // 13. The token.
    const { identity, config: policy } = configuration;
    const loggedInAt = Math.floor(now / 1000);
    return await issueToken(
      dependencies.issuer,
      {
        tokenId,
        loggedInAt,
        identity: { ...identity, role: roleIn(organization, identity) },
        organization,
        policy,
        proven,
      },
      loggedInAt,
    );
  } catch (error) {
    if (error instanceof Refusal) dependencies.reportRefusal(attempt.refused(error.reason), caller);
    throw error;
  }
}

function organizationOf(
  slug: string | undefined,
  configuration: Pick<LoginConfiguration, "home" | "named">,
): LoginOrganization {
  const { home } = configuration;
  return slug === undefined || slug === home.slug ? home : checkOrganization(slug, configuration);
}
