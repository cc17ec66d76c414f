/** How the command line exits. Documented in every `--help`, by {@link exitCodesHelp}. */
export const exitCode = {
  ok: 0,
  /** The Worker, or a check, said no. */
  refused: 1,
  /** The command line, the configuration or a file is wrong: trying again is of no use before it is mended. */
  usage: 2,
  /** The Worker could not be reached, or answered that it cannot answer now: trying again later may help. */
  unavailable: 3,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

/** For the end of a help text, with what the first two mean to the command. */
export function exitCodesHelp(ok: string, refused: string): string {
  return `
Exit codes:
  0  ${ok}
  1  ${refused}
  2  the command line, the configuration or a file is wrong; mend it and run it again
  3  the Worker could not be reached or cannot answer now; try again later`;
}

/** Ends the command: one sentence for stderr that says what is wrong and what to do next. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}
