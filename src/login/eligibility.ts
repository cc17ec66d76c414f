/**
 * Who may log in, apart from the proof and what is a method's own: what a renewal repeats, so that no token outlives its
 * right to log in. Each throws a {@link Refusal}.
 */
import type { LoginConfiguration, LoginOrganization } from "../identities/login-configuration.ts";
import { type Reason, Refusal } from "../refusal.ts";

/** Step 6: the identity logs in with the method, and nothing above it is suspended. */
export function checkConfiguration<Own>(
  configuration: LoginConfiguration<Own> | undefined,
  notConfigured: Reason,
): LoginConfiguration<Own> {
  if (configuration === undefined) throw new Refusal(notConfigured);
  if (configuration.suspended) {
    throw new Refusal(
      "suspended",
      "The identity or its organization is suspended: an administrator must resume it first.",
    );
  }
  return configuration;
}

/** Step 11, for another organization than the identity's own: one that it is a member of. `called` is for messages. */
export function checkOrganization(
  called: string,
  { named }: Pick<LoginConfiguration, "named">,
): LoginOrganization {
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
