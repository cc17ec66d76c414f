import password from "@inquirer/password";
import { isTerminal, onTerminal } from "../terminal/terminal.ts";

/** Prompts for the passphrase of each key, once in the life of the process. */
export class Passphrases {
  readonly #answers = new Map<string, string>();

  /** Undefined if there is no terminal for a prompt. `label` is the key's name in the prompt. */
  async of(label: string): Promise<string | undefined> {
    const known = this.#answers.get(label);
    if (known !== undefined || !isTerminal()) return known;
    // Standard output is for the token.
    const answer = await onTerminal(
      password({ message: `Passphrase of ${label}` }, { output: process.stderr }),
    );
    this.#answers.set(label, answer);
    return answer;
  }
}
