import password from "@inquirer/password";
import { isTerminal, onTerminal } from "../terminal/terminal.ts";

/** Asks for the passphrase of a key once in the life of the process. */
export class Passphrases {
  readonly #answers = new Map<string, string>();

  /** Undefined if there is no terminal to ask in. */
  async ask(called: string): Promise<string | undefined> {
    const known = this.#answers.get(called);
    if (known !== undefined || !isTerminal()) return known;
    // Standard output is for the token.
    const answer = await onTerminal(
      password({ message: `Passphrase of ${called}` }, { output: process.stderr }),
    );
    this.#answers.set(called, answer);
    return answer;
  }
}
