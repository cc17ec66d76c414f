import { exitCode, Failure } from "./failure.ts";

/** Questions are read from stdin and written to stderr, so that stdout holds the answer alone. */
export function isTerminal(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** What a person answered; one who leaves instead (Ctrl-C, Ctrl-D) ends the command. */
export async function onTerminal<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Error && error.name === "ExitPromptError") {
      throw new Failure("stopped at the question; nothing was changed", exitCode.refused);
    }
    throw error;
  }
}

/** Writes an answer to stdout. A reader who has read enough, such as head, is no error. */
export function print(text: string): void {
  if (!process.stdout.listeners("error").includes(onError)) process.stdout.on("error", onError);
  process.stdout.write(`${text}\n`);
}

function onError(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") return;
  say(`the answer cannot be written: ${error.message}; see that standard output takes it`);
  process.exitCode = exitCode.usage;
}

/** Tells a person, in one line on stderr. What others wrote into it, a server say, reaches no terminal as it is. */
export function say(line: string): void {
  // A log that is full or that nobody reads any more is no reason to stop what goes on.
  if (process.stderr.listenerCount("error") === 0) process.stderr.on("error", () => {});
  process.stderr.write(`oci-auth: ${printable(line)}\n`);
}

/** Text of others, such as a user agent, that cannot move a terminal's cursor or turn its text around. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}]/gu, escaped);
}

/** JSON for people and programs. What JSON.stringify leaves as it is and a terminal could obey is escaped too. */
export function printableJson(value: unknown, indentation = 2): string {
  return JSON.stringify(value, undefined, indentation).replace(/[\x7f-\x9f\p{Bidi_Control}]/gu, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
