/** How the command line exits. Documented in `oci-auth --help`. */
export const exitCode = {
  ok: 0,
  /** The Worker, or a check, said no. */
  refused: 1,
  /** The command line, the configuration or a file is wrong: nothing was asked. */
  usage: 2,
  /** The Worker could not be reached, or answered that it cannot answer now: trying again later may help. */
  unavailable: 3,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

/** Ends the command: one sentence for stderr that says what is wrong and what to do next. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}
