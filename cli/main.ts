#!/usr/bin/env node
/** `oci-auth`, the command line: bundled to one file, for Node 20 and later. */
import { Command, CommanderError } from "commander";
import { version } from "../package.json";
import { adminCommand } from "./admin/command.ts";
import { doctorCommand } from "./doctor/command.ts";
import { loginCommand } from "./login/command.ts";
import { probeCommand } from "./probe/command.ts";
import { secretsCommand } from "./secrets/command.ts";
import { exitCode, exitCodesHelp, Failure } from "./terminal/failure.ts";
import { say } from "./terminal/terminal.ts";

const program = new Command("oci-auth")
  .description(
    "Turns an Oracle Cloud (OCI) API key into a short-lived access token, and manages the Worker that issues it.",
  )
  .version(version)
  .showHelpAfterError("(--help says more)")
  .addHelpText("after", exitCodesHelp("done", "the Worker refused, or a check failed"))
  .exitOverride()
  .addCommand(loginCommand())
  .addCommand(doctorCommand())
  .addCommand(adminCommand())
  .addCommand(probeCommand())
  .addCommand(secretsCommand());

program.parseAsync().catch((error: unknown) => {
  process.exitCode = report(error);
});

/** Prints what went wrong, in one sentence on stderr, and returns the exit code. */
function report(error: unknown): number {
  // The parser has printed it already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.usage;
  if (error instanceof Failure) {
    say(error.message);
    return error.exitCode;
  }
  throw error;
}
