/** `oci-auth doctor`: says why a login fails. */
import { Command } from "commander";
import { addLoginOptions, type LoginOptions } from "../login/options.ts";
import { Passphrases } from "../profile/passphrase.ts";
import { profileHelp } from "../profile/profile.ts";
import { exitCode, Failure } from "../terminal/failure.ts";
import { print, printable, printableJson } from "../terminal/terminal.ts";
import { examine, type Finding } from "./examine.ts";

export function doctorCommand(): Command {
  const command = new Command("doctor")
    .description("Say why a login fails: check the profile, the key, the clock and the Worker, and log in.")
    .exitOverride()
    .showHelpAfterError("(--help says more)");
  return addLoginOptions(command)
    .option(
      "--json",
      "print {ok, checks: [{name, ok, says, next?}]}; ok is null for what could not be checked",
    )
    .addHelpText(
      "after",
      `${profileHelp}

It takes what login takes, and its login is a real one, in the audit log too. The token is thrown away.

Examples:
  $ oci-auth doctor --url https://auth.example.com --identity-id 7d4f0f7e-2f0b-4d55-9d38-0c8f4c6b1a22
  $ oci-auth doctor --profile prod --json

Exit codes:
  0  all is ok
  1  something is not ok
  2  the command line is wrong; correct it and run it again`,
    )
    .action(async ({ json, ...options }: LoginOptions & { readonly json?: true }) => {
      const findings: Finding[] = [];
      for await (const found of examine(options, new Passphrases())) {
        findings.push(found);
        if (!json) print(lineOf(found));
      }
      const bad = findings.filter(({ ok }) => ok === false);
      if (json) print(printableJson({ ok: bad.length === 0, checks: findings }));
      if (bad.length === 0) return;
      const names = bad.map(({ name }) => name).join(", ");
      throw new Failure(`not ok: ${names}; follow the advice above, and run it again`, exitCode.refused);
    });
}

const words = new Map([
  [true, "ok"],
  [false, "not ok"],
  [null, "-"],
]);

function lineOf({ name, ok, says, next }: Finding): string {
  const line = `${words.get(ok)?.padEnd(6)}  ${name.padEnd(23)}  ${printable(says)}`;
  return next === undefined ? line : `${line}\n${" ".repeat(33)}${printable(next)}`;
}
