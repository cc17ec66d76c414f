/** Which users may log in as an identity. The login checks it, and each later use of its token checks it again. */
import type { OciAuthConfig } from "../storage/tables.ts";

export type UserSettings = Pick<OciAuthConfig, "tenancyOcid" | "allowedUsernames" | "signatureReuse">;

export function permitsTenancy(tenancyOcid: string, settings: Pick<UserSettings, "tenancyOcid">): boolean {
  return tenancyOcid === settings.tenancyOcid;
}

/**
 * The list is comma-separated; names match exactly and case-sensitively. Null allows every user of the tenancy. A list
 * cannot name a user whose name has a comma: it would name two others.
 */
export function permitsUsername(allowedUsernames: string | null, username: string): boolean {
  return allowedUsernames === null || allowedUsernames.split(",").some((one) => one.trim() === username);
}
