/** `oci-auth login`: an access token for the holder of an API key, once or kept fresh in a file. */
import { Command, Option } from "commander";
import { loadApiKey } from "../profile/api-key.ts";
import { Passphrases } from "../profile/passphrase.ts";
import { profileHelp, readProfile } from "../profile/profile.ts";
import { orFail } from "../terminal/checked.ts";
import { exitCode, exitCodesHelp, Failure } from "../terminal/failure.ts";
import { print, say } from "../terminal/terminal.ts";
import { logIn, renew } from "./login.ts";
import { addLoginOptions, type LoginOptions } from "./options.ts";
import { Sink } from "./sink.ts";
import { formatToken, type TokenFormat, tokenFormats } from "./token-output.ts";
import { watch } from "./watch.ts";

interface LoginCommandOptions extends LoginOptions {
  readonly output: TokenFormat;
  readonly sink?: string;
  readonly watch?: true;
}

export function loginCommand(): Command {
  const command = new Command("login")
    .description("Log in with an API key and print the access token, or keep it fresh in a file.")
    .exitOverride()
    .showHelpAfterError("(--help says more)");
  return addLoginOptions(command)
    .addOption(new Option("--output <form>", "what to print or write").choices(tokenFormats).default("token"))
    .option("--sink <file>", "write it to this file (mode 0600, replaced atomically) and print nothing")
    .option("--watch", "with --sink: stay, renew the token before it expires, log in again when need be")
    .addHelpText(
      "after",
      `${profileHelp}

Examples:
  $ export OCI_AUTH_URL=https://auth.example.com OCI_AUTH_IDENTITY_ID=7d4f0f7e-2f0b-4d55-9d38-0c8f4c6b1a22
  $ printf 'authorization: Bearer %s' "$(oci-auth login)" | curl -H @- https://api.example.com/
  $ eval "$(oci-auth login --profile prod --output env)"
  $ oci-auth login --algorithm rsa-pss-sha256 --sink /run/app/token --watch

With --watch, what it does is said on stderr, and SIGTERM or Ctrl-C ends it with 0. A first login that is refused for
good ends it with 1; after that it keeps trying, and the old token stays in the file.
${exitCodesHelp("logged in; with --watch, stopped", "the Worker refused the login")}`,
    )
    .action(runLogin);
}

async function runLogin(options: LoginCommandOptions): Promise<void> {
  const { url, identityId, organizationSlug, output } = options;
  if (!url) throw misuse("no Worker is named; give --url or set OCI_AUTH_URL");
  if (!identityId) throw misuse("no identity is named; give --identity-id or set OCI_AUTH_IDENTITY_ID");
  const sink = options.sink === undefined ? undefined : new Sink(options.sink);
  if (options.watch && sink === undefined) {
    throw misuse("--watch keeps a file fresh; name it with --sink <file>");
  }

  const passphrases = new Passphrases();
  // Read at each login of a watch: a replaced key or a corrected profile counts at once.
  const login = async (signal?: AbortSignal) => {
    const profile = orFail(readProfile(options));
    const apiKey = await loadApiKey(profile, options.algorithm, passphrases);
    return logIn({ url, identityId, organizationSlug: organizationSlug || undefined }, apiKey, signal);
  };
  const { notice } = orFail(readProfile(options));
  if (notice !== undefined) say(notice);

  if (sink === undefined) return print(formatToken(await login(), output));
  if (!options.watch) return sink.write(formatToken(await login(), output));
  await untilStopped((signal) =>
    watch(
      {
        logIn: login,
        renew: (accessToken, ended) => renew(url, accessToken, ended),
        keep: (token) => sink.write(formatToken(token, output)),
        say,
      },
      signal,
    ),
  );
}

/** Runs until it fails, or SIGTERM or SIGINT ends it, which is no failure. */
async function untilStopped(run: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stop.abort());
  try {
    await run(stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
}

function misuse(message: string): Failure {
  return new Failure(message, exitCode.usage);
}
