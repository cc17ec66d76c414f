/**
 * Whether a comma-separated list allows a value: exact and case-sensitive. Null allows every one; no list allows a value
 * that has a comma, which would be two.
 */
export function isAllowed(list: string | null, value: string): boolean {
  return list === null || list.split(",").some((one) => one.trim() === value);
}
