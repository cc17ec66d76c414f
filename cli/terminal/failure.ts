/** The exit codes of the command line. Every `--help` documents them, by {@link exitCodesHelp}. */
export const exitCode = {
  ok: 0,
  /** The Worker refused, or a check failed. */
  refused: 1,
  /** The command line, the configuration or a file is wrong: a retry is of no use before it is corrected. */
  usage: 2,
  /** The Worker could not be reached, or cannot answer now: a retry later may help. */
  unavailable: 3,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

/** The end of a help text. The parameters are what the first two codes mean for the command. */
export function exitCodesHelp(ok: string, refused: string): string {
  return `
Exit codes:
  0  ${ok}
  1  ${refused}
  2  the command line, the configuration or a file is wrong; correct it and run it again
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
