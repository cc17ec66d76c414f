/** `oci-auth probe`: checks a deployment from outside. */
import { Command, Option } from "commander";
import { addProfileOptions, type ProfileOptions, profileHelp } from "../profile/profile.ts";
import { exitCode, exitCodesHelp, Failure } from "../terminal/failure.ts";
import { tableOf } from "../terminal/table.ts";
import { print, printableJson } from "../terminal/terminal.ts";
import { parseWorkerUrl, workerUrlOption } from "../worker/url.ts";
import { type ApiKey, loadProbeKey } from "./api-key.ts";
import { type Check, judgeRefusal } from "./check.ts";
import { forgeries, newStrangeKey } from "./forgeries.ts";
import { checkLogin, checkToken, postLogin } from "./good-login.ts";
import { honestSigning, signLogin } from "./signed-login.ts";

interface ProbeOptions extends ProfileOptions {
  readonly url?: string;
  readonly identityId?: string;
  readonly issuer?: string;
  readonly audience: string;
  readonly json?: true;
}

export function probeCommand(): Command {
  const command = new Command("probe")
    .description(
      `Check a deployment from outside: one login that must succeed, and ${forgeries.length} that must not.`,
    )
    .exitOverride()
    .showHelpAfterError("(--help says more)")
    .addOption(workerUrlOption())
    .addOption(
      new Option("--identity-id <id>", "an identity for probing, which this API key may log in as").env(
        "OCI_AUTH_IDENTITY_ID",
      ),
    )
    .option("--issuer <origin>", "iss of its tokens, where that is not --url", parseWorkerUrl)
    .option("--audience <audience>", "aud of its tokens", "api");
  return addProfileOptions(command)
    .option("--json", "print {url, ok, checks: [{name, expected, got, ok, milliseconds}]}")
    .addHelpText(
      "after",
      `
Each forgery is right in all but one thing, and must be refused by its own status. The good login's token is verified
with the keys that the issuer publishes. A run leaves a login and some refusals in the audit log.
${profileHelp}

Examples:
  $ oci-auth probe --url https://auth.example.com --identity-id 7d4f0f7e-2f0b-4d55-9d38-0c8f4c6b1a22
  $ oci-auth probe --url https://auth.example.com --identity-id 7d4f0f7e-2f0b-4d55-9d38-0c8f4c6b1a22 --profile probe --json
${exitCodesHelp("every check passed", "a login that must succeed did not, or one that must be refused was not")}`,
    )
    .action(async (options: ProbeOptions) => {
      const { url, identityId, json = false } = options;
      if (!url) throw missing("no Worker is named; give --url or set OCI_AUTH_URL");
      if (!identityId) throw missing("no identity is named; give --identity-id or set OCI_AUTH_IDENTITY_ID");
      const apiKey = await loadProbeKey(options);
      const expectation = { issuer: options.issuer ?? url, audience: options.audience, identityId, apiKey };
      const checks = await probe(url, expectation);
      report(url, checks, json);
    });
}

function missing(message: string): Failure {
  return new Failure(message, exitCode.usage);
}

async function probe(
  origin: string,
  expectation: { issuer: string; audience: string; identityId: string; apiKey: ApiKey },
): Promise<Check[]> {
  const { identityId, apiKey } = expectation;
  const now = Date.now();
  const { check, login } = await checkLogin(
    origin,
    await signLogin(identityId, honestSigning(apiKey, new Date(now))),
  );
  const checks = [check];
  // Without an answer, each of the other checks would wait as long for the same result.
  if (check.got === null) return checks;
  if (login !== undefined) checks.push(await checkToken(origin, login, expectation));
  const strangeKey = await newStrangeKey();
  for (const [at, { name, expected, body }] of forgeries.entries()) {
    const date = new Date(now - (at + 1) * 1000);
    const text = await body({ apiKey, identityId, strangeKey, date });
    checks.push(judgeRefusal(name, expected, await postLogin(origin, text)));
  }
  return checks;
}

function report(url: string, checks: readonly Check[], json: boolean): void {
  const rows = checks.map(({ verdict, ...check }) => ({ ...check, ok: verdict === "ok" }));
  const ok = rows.every((row) => row.ok);
  const columns = ["check", "expected", "got", "result", "milliseconds", ...(ok ? [] : ["message"])];
  const lines = checks.map((check) => ({ ...check, check: check.name, result: check.verdict }));
  print(json ? printableJson({ url, ok, checks: rows }) : tableOf(lines, columns));
  if (!ok) throw verdictOn(url, checks);
}

function verdictOn(url: string, checks: readonly Check[]): Failure {
  const by = (verdict: Check["verdict"]) => checks.filter((check) => check.verdict === verdict);
  const said = (some: readonly Check[]) => some.map(({ name, message }) => `${name} (${message})`).join(", ");
  const alarms = by("alarm").map(
    ({ name }) => `${name} (${forgeries.find((forgery) => forgery.name === name)?.defence})`,
  );
  if (alarms.length > 0) {
    return new Failure(
      `ALARM: ${url} did not refuse a login that it must refuse; a defence does not hold: ${alarms.join(", ")}; suspend its organizations and deploy a version that is sound`,
      exitCode.refused,
    );
  }
  const wrong = by("wrong");
  if (wrong.length > 0) {
    return new Failure(
      `${url} did not answer as it must: ${said(wrong)}; check the identity, the API key and the version`,
      exitCode.refused,
    );
  }
  return new Failure(
    `the checks could not be completed: ${said(by("unknown"))}; try again later`,
    exitCode.unavailable,
  );
}
