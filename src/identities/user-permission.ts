/** Which users may log in as an identity: asked by the login, and again of each token that it gave. */
import type { OciAuthConfig } from "../storage/tables.ts";

export type UserSettings = Pick<OciAuthConfig, "tenancyOcid" | "allowedUsernames" | "signatureReuse">;

export function permitsTenancy(tenancyOcid: string, settings: Pick<UserSettings, "tenancyOcid">): boolean {
  return tenancyOcid === settings.tenancyOcid;
}

/**
 * Comma-separated, exact and case-sensitive; null allows every user of the tenancy. No list names a user whose name has
 * a comma: it would name two others.
 */
export function permitsUsername(allowedUsernames: string | null, username: string): boolean {
  return allowedUsernames === null || allowedUsernames.split(",").some((one) => one.trim() === username);
}
