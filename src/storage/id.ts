const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Ids are UUIDs in lower case. Any other text needs no query. */
export function isId(text: string): boolean {
  return uuid.test(text);
}
