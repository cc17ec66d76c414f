/** A value that fits its grammar, or what is wrong with the text, in words for whoever sent it. */
export type Parsed<T> = { ok: true; value: T } | { ok: false; problem: string };

export function parsed<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

export function malformed(problem: string): { ok: false; problem: string } {
  return { ok: false, problem };
}

/** Text from outside, shortened and with everything but printable ASCII escaped, for use in a message. */
export function quoted(text: string): string {
  const short = text.length > 200 ? `${text.slice(0, 200)}…` : text;
  return `'${short.replace(/[^\x20-\x7e…]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)}'`;
}
