/** `oci-auth secrets`: makes and rotates the secrets of a deployment, in files, and says what to do with them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Argument, Command, InvalidArgumentError } from "commander";
import * as z from "zod";
import { resolvePath } from "../profile/profile.ts";
import { exitCode, exitCodesHelp, Failure } from "../terminal/failure.ts";
import { print } from "../terminal/terminal.ts";
import { freshSecrets, type SecretName, secretNames } from "./fresh-secrets.ts";
import { rotationOf, type Step } from "./rotation.ts";
import { writeSecretFiles } from "./secret-files.ts";

interface Options {
  readonly folder: string;
  readonly env: string;
}

export function secretsCommand(): Command {
  const secrets = new Command("secrets")
    .description("Make and rotate the secrets of a deployment, in files, and say what to do with them.")
    .exitOverride()
    .showHelpAfterError("(--help says more)")
    .addHelpText(
      "after",
      `
Files have mode 0600. None replaces a file that is there, and none is written where git could commit it. No secret is
printed or taken as an argument.

Examples:
  $ oci-auth secrets new
  $ oci-auth secrets rotate TOKEN_SIGNING_KEYS --from secrets.json
${exitCodesHelp("written", "not used")}`,
    );
  withOptions(secrets.command("new"))
    .description("Make ADMIN_TOKEN, TOKEN_SIGNING_KEYS and ENCRYPTION_KEYS for a first deployment.")
    .addHelpText(
      "after",
      `
It writes secrets.json, for 'wrangler deploy --secrets-file'.

Example:
  $ oci-auth secrets new --env staging --folder ~/staging`,
    )
    .action(makeNew);
  withOptions(secrets.command("rotate"))
    .description(
      "Write what each step of a rotation deploys: add the new key last, move it first, drop the old.",
    )
    .addArgument(new Argument("<name>", "the secret to rotate").choices(secretNames))
    .requiredOption(
      "--from <file>",
      "secrets.json as it is kept, or - for stdin: Cloudflare never shows a secret again",
    )
    .addHelpText(
      "after",
      `
It writes a file for each step, and secrets.next.json, which is kept in place of secrets.json when the last step is done.
A new signing key has the algorithm of the first one there.

Examples:
  $ oci-auth secrets rotate ENCRYPTION_KEYS --from secrets.json
  $ pass show oci-auth/production | oci-auth secrets rotate ADMIN_TOKEN --from - --folder /dev/shm`,
    )
    .action(rotate);
  return secrets;
}

function withOptions(command: Command): Command {
  return command
    .option("--folder <path>", "where to write the files", ".")
    .option(
      "--env <name>",
      "the environment of wrangler.toml that the commands name",
      parseEnvironment,
      "production",
    );
}

function parseEnvironment(text: string): string {
  if (!/^[\w-]+$/.test(text)) throw new InvalidArgumentError("It is not the name of an environment.");
  return text;
}

async function makeNew({ folder, env }: Options): Promise<void> {
  const name = "secrets.json";
  writeSecretFiles(folder, [{ name, text: fileOf(await freshSecrets()) }]);
  const path = quoted(join(folder, name));
  print(`Wrote ${path}: ${secretNames.join(", ")}.

1. Copy it to your secret store. Cloudflare never shows a secret again, and each rotation starts from it.
2. Deploy with it:
     npx wrangler deploy --env ${env} --secrets-file ${path}
3. Remove it from this machine.

docs/operate.md says what comes before and after.`);
}

async function rotate(name: SecretName, options: Options & { from: string }): Promise<void> {
  const { folder, env, from } = options;
  const kept = readKept(from, name);
  const rotation = await rotationOf(name, kept[name] ?? "");
  if (!rotation.ok) {
    throw new Failure(`${name} of ${from}: ${rotation.problem}; correct --from`, exitCode.usage);
  }
  const steps = rotation.value;
  const next = "secrets.next.json";
  const value = steps.at(-1)?.value ?? "";
  writeSecretFiles(folder, [
    ...steps.map((step, at) => ({ name: fileName(name, step, at), text: step.value })),
    { name: next, text: fileOf({ ...kept, [name]: value }) },
  ]);
  const path = quoted(join(folder, next));
  print(`Wrote ${path} and a file for each step. Copy ${path} to your secret store first, beside what is there.
`);
  for (const [at, step] of steps.entries()) {
    const file = quoted(join(folder, fileName(name, step, at)));
    print(`${at + 1}. ${step.does}:
     npx wrangler secret put ${name} --env ${env} < ${file}`);
    if (step.wait !== undefined) print(`   ${step.wait}.`);
  }
  print(`${steps.length + 1}. Keep ${path} as secrets.json from now on, and remove the files of the steps.

docs/operate.md says more, and what to do about a leaked key.`);
}

function fileName(name: SecretName, step: Step, at: number): string {
  return `secrets.${name}.${at + 1}-${step.name}`;
}

function fileOf(secrets: Readonly<Record<string, string>>): string {
  return `${JSON.stringify(secrets, null, 2)}\n`;
}

const keptSecrets = z.record(z.string(), z.string());

/** The other secrets in the file are kept unchanged. No message shows any of them. */
function readKept(from: string, name: SecretName): Record<string, string> {
  const kept = keptSecrets.safeParse(jsonOf(readText(from)));
  if (kept.success && kept.data[name]) return kept.data;
  throw new Failure(
    `${from} does not hold ${name}: it must be JSON, {"${name}": "…"}, with strings as 'oci-auth secrets new' writes them; correct --from`,
    exitCode.usage,
  );
}

function readText(from: string): string {
  try {
    return readFileSync(from === "-" ? 0 : resolvePath(from), "utf8");
  } catch (error) {
    throw new Failure(
      `the current secrets cannot be read: ${(error as Error).message}; check --from`,
      exitCode.usage,
    );
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A path as one word of a shell. */
function quoted(path: string): string {
  return /^[\w./~-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
