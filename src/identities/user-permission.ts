/** Which users may log in as an identity. The login checks it, and each later use of its token checks it again. */
import type { OciAuthConfig } from "../storage/tables.ts";
import { isAllowed } from "./allowed-list.ts";

export type UserSettings = Pick<OciAuthConfig, "tenancyOcid" | "allowedUsernames" | "signatureReuse">;
export type UserPermission = Pick<UserSettings, "tenancyOcid" | "allowedUsernames">;

export function permitsUsername({ allowedUsernames }: UserPermission, username: string): boolean {
  return isAllowed(allowedUsernames, username);
}

export function permitsUser(
  permission: UserPermission,
  { tenancyOcid, username }: { readonly tenancyOcid: string; readonly username: string },
): boolean {
  return tenancyOcid === permission.tenancyOcid && permitsUsername(permission, username);
}
