/**
 * Comma-separated, exact and case-sensitive; null allows every user of the tenancy. No list names a user whose name has
 * a comma: it would name two others.
 */
export function allowsUsername(allowedUsernames: string | null, username: string): boolean {
  return allowedUsernames === null || allowedUsernames.split(",").some((one) => one.trim() === username);
}
