/**
 * Who may log in, apart from the signature: what a renewal asks again, so that no token outlives its right to log in.
 * Each throws a {@link Refusal}.
 */
import type { Resolution } from "../directory/users.ts";
import { allowsUsername } from "../identities/allowed-usernames.ts";
import type { LoginConfiguration, LoginOrganization } from "../identities/login-configuration.ts";
import { Refusal } from "../refusal.ts";

/** Step 6: the identity logs in with OCI Auth, and nothing above it is suspended. */
export function checkConfiguration(configuration: LoginConfiguration | undefined): LoginConfiguration {
  if (configuration === undefined) throw new Refusal("no-oci-auth");
  if (configuration.suspended) {
    throw new Refusal(
      "suspended",
      "The identity or its organization is suspended: an administrator must resume it first.",
    );
  }
  return configuration;
}

/** Step 7: the tenancy is the one that is pinned. */
export function checkTenancy(tenancyOcid: string, { config }: LoginConfiguration): void {
  if (tenancyOcid !== config.tenancyOcid) throw new Refusal("another-tenancy");
}

/** Step 8: the directory knows the key, of this tenancy and user. */
export function checkUser(user: Resolution) {
  if (user.kind === "refused") throw new Refusal(user.reason);
  if (user.kind === "over-budget") throw new Refusal("over-budget");
  if (user.kind === "unavailable") throw new Refusal("oci-unavailable");
  return user;
}

/** Step 10: the user is allowed. */
export function checkUsername(username: string, { config }: LoginConfiguration): void {
  if (allowsUsername(config.allowedUsernames, username)) return;
  throw new Refusal(username.includes(",") ? "username-has-comma" : "username-not-allowed");
}

/** Step 11, for another organization than the identity's own: one that it is a member of. `called` is for messages. */
export function checkOrganization(called: string, { named }: LoginConfiguration): LoginOrganization {
  // The root is no sub-organization of an identity that was created below it.
  if (named === null || named.organization.parentId === null) {
    throw new Refusal("sub-organization-not-found", `Sub organization with slug ${called} not found`);
  }
  if (!named.isMember) {
    throw new Refusal(
      "sub-organization-not-authorized",
      `Identity not authorized to access sub organization ${called}`,
    );
  }
  if (named.organization.suspended) {
    throw new Refusal(
      "suspended",
      `Sub organization ${called} is suspended: an administrator must resume it first.`,
    );
  }
  return named.organization;
}
