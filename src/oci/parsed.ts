/** The parsed value, or a message for the sender that says what is wrong with the text. */
export type Parsed<T> = { ok: true; value: T } | { ok: false; problem: string };

export function parsed<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

export function malformed(problem: string): { ok: false; problem: string } {
  return { ok: false, problem };
}

/** Text from outside, shortened and with everything but printable ASCII escaped, for use in a message. */
export function quoted(text: string, maxLength = 200): string {
  const short = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  return `'${short.replace(/[^\x20-\x7e…]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)}'`;
}

/**
 * The end of a message: it names the first character that does not belong in the text, and its position, counted
 * from 1. A newline in the middle is easily overlooked. Empty if there is none. `stray` matches one such character.
 */
export function strayCharacter(text: string, stray: RegExp): string {
  const at = text.search(stray);
  const code = text.codePointAt(at);
  if (at === -1 || code === undefined) return "";
  const isVisible = code > 0x20 && code < 0x7f;
  const name = isVisible ? `'${text.charAt(at)}'` : `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  return `: character ${name} at position ${at + 1}`;
}

/** What is wrong, thrown by readers that are many calls deep. It never leaves {@link parsing}. */
class MalformedError extends Error {}

/** Ends the surrounding {@link parsing} with this problem unless the condition holds. */
export function ensure(condition: boolean, problem: string): asserts condition {
  if (!condition) throw new MalformedError(problem);
}

/** What `read` returns, or the problem that it met. `subject` begins the problem: what is being read. */
export function parsing<T>(subject: string, read: () => T): Parsed<T> {
  try {
    return parsed(read());
  } catch (error) {
    if (error instanceof MalformedError) return malformed(`${subject} ${error.message}`);
    throw error;
  }
}
