/**
 * Identities with OCI Auth as Infisical's API answers them, in one file (docs/admin.md has the commands that make it):
 * `{"identities": [{"identity": {"id", "name"}, "identityOciAuth": {…}}]}`. Fields that mean nothing here are ignored.
 * The others are checked against this API's own bounds, so that no import stops in the middle because of its file.
 */
import { readFileSync } from "node:fs";
import * as z from "zod";
import { name } from "../../src/api/fields.ts";
import { attachment } from "../../src/api/oci-auth-settings.ts";
import { exitCode, Failure } from "../terminal/failure.ts";

/** Only the period is optional: a lost allow-list must not become one that allows everybody. */
const infisicalOciAuth = z
  .object({
    tenancyOcid: z.string(),
    allowedUsernames: z.string().nullable(),
    accessTokenTTL: z.number(),
    accessTokenMaxTTL: z.number(),
    accessTokenNumUsesLimit: z.number(),
    accessTokenPeriod: z.number().optional(),
    accessTokenTrustedIps: z.array(z.object({ ipAddress: z.string(), prefix: z.number().nullish() })),
  })
  .transform(
    ({ accessTokenTrustedIps, ...same }): z.input<ReturnType<typeof attachment>> => ({
      ...same,
      // Infisical's answers have address and prefix apart; its requests and this API's have them together.
      accessTokenTrustedIps: accessTokenTrustedIps.map(({ ipAddress, prefix }) => ({
        ipAddress: typeof prefix === "number" ? `${ipAddress}/${prefix}` : ipAddress,
      })),
    }),
  )
  .pipe(attachment());

const infisicalExport = z.object({
  identities: z
    .array(
      z.object({
        identity: z.object({ id: z.string().min(1), name: name() }),
        identityOciAuth: infisicalOciAuth,
      }),
    )
    .superRefine((entries, context) => {
      const seen = new Set<string>();
      for (const [at, { identity }] of entries.entries()) {
        if (seen.has(identity.name)) {
          const message = `there is another '${identity.name}' before, and names tell identities apart here; rename one`;
          context.addIssue({ code: "custom", path: [at, "identity", "name"], message });
        }
        seen.add(identity.name);
      }
    }),
});

export type ExportedIdentity = z.output<typeof infisicalExport>["identities"][number];

/** Throws a {@link Failure} that lists everything that is wrong with the file. */
export function readInfisicalExport(path: string): readonly ExportedIdentity[] {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new Failure(
      `${path} cannot be read as JSON: ${(error as Error).message}; make it as docs/admin.md says`,
      exitCode.usage,
    );
  }
  const read = infisicalExport.safeParse(json);
  if (read.success) return read.data.identities;
  const issues = read.error.issues.map(({ path, message }) => `${path.join(".") || "the file"}: ${message}`);
  throw new Failure(
    `${path} cannot be imported, and nothing was changed; correct this in it: ${issues.join("; ")}`,
    exitCode.usage,
  );
}
