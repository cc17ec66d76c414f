import { exitCode, Failure } from "./failure.ts";

/** Prompts are written to stderr and read from stdin, so that stdout holds the answer only. */
export function isTerminal(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** A person's answer. Ctrl-C or Ctrl-D ends the command. */
export async function onTerminal<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Error && error.name === "ExitPromptError") {
      throw new Failure("cancelled at the prompt; nothing was changed", exitCode.refused);
    }
    throw error;
  }
}

/** Writes an answer to stdout. A reader that stops early, such as head, is no error. */
export function print(text: string): void {
  if (!process.stdout.listeners("error").includes(onError)) process.stdout.on("error", onError);
  process.stdout.write(`${text}\n`);
}

function onError(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") return;
  say(`the output cannot be written: ${error.message}; check standard output`);
  process.exitCode = exitCode.usage;
}

/** Prints one line for a person, on stderr. Text of others in it, such as a server's, is escaped. */
export function say(line: string): void {
  // A log that is full, or that nobody reads any more, must not stop the command.
  if (process.stderr.listenerCount("error") === 0) process.stderr.on("error", () => {});
  process.stderr.write(`oci-auth: ${printable(line)}\n`);
}

/** Escapes text of others, such as a user agent, so that it cannot move a terminal's cursor or turn its text around. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}]/gu, escaped);
}

/** JSON for people and programs. Control characters that JSON.stringify does not escape are escaped too. */
export function printableJson(value: unknown, indentation = 2): string {
  return JSON.stringify(value, undefined, indentation).replace(/[\x7f-\x9f\p{Bidi_Control}]/gu, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
