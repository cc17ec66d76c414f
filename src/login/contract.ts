/**
 * The schemas of the login, equal to the contract (docs/login.md, The contract): plain strings. OCI's grammar comes
 * after. White space around ids and slug is taken away here, before anything reads them: a secret made from a file ends
 * in a newline.
 */
import * as z from "zod";
import { lazy } from "../lazy.ts";
import { quoted } from "../oci/parsed.ts";

const maxNamed = 10;

/** SDKs prepare more headers than they sign, and with names in capitals. */
function unknownHeaders(names: readonly string[]): string {
  const named = names.slice(0, maxNamed).map((name) => quoted(name, 40));
  const more = names.length > maxNamed ? [`${names.length - maxNamed} more`] : [];
  return `send host, authorization, and date or x-date, whichever was signed, and nothing else, with names in lower case; unknown: ${[...named, ...more].join(", ")}`;
}

const headers = () =>
  z
    .strictObject(
      {
        authorization: z.string().meta({
          description:
            "Of a Get User of userOcid: Signature version, keyId, algorithm, headers and signature. Sign it afresh: it is good for five minutes.",
        }),
        host: z.string(),
        "x-date": z.string().optional(),
        date: z.string().optional(),
      },
      { error: (issue) => (issue.code === "unrecognized_keys" ? unknownHeaders(issue.keys) : undefined) },
    )
    .meta({ description: "The headers of the signed request." });

export const loginBody = lazy(() =>
  z
    .strictObject({
      // A UUID is read in any case (RFC 9562, section 4).
      identityId: z
        .string()
        .trim()
        .toLowerCase()
        .meta({ description: "The ID of the machine identity to login." }),
      userOcid: z.string().trim().meta({ description: "The OCID of the user attempting login." }),
      headers: headers(),
      // Its length is that of what is looked up.
      organizationSlug: z.string().trim().toLowerCase().min(1).max(64).optional().meta({
        description:
          "When set, this will scope the login session to the specified organization the machine identity has access to. If omitted, the session defaults to the organization where the machine identity was created in.",
      }),
    })
    .superRefine((body, context) => {
      // Each is optional, but a request with neither cannot be verified.
      if (body.headers.date === undefined && body.headers["x-date"] === undefined) {
        context.addIssue({
          code: "custom",
          path: ["headers", "date"],
          message: "date or x-date is required, whichever was signed",
        });
      }
    }),
);

export const loginAnswer = lazy(() =>
  z.strictObject({
    accessToken: z.string(),
    expiresIn: z.number(),
    accessTokenMaxTTL: z.number(),
    tokenType: z.enum(["Bearer"]),
  }),
);

export type LoginBody = z.output<ReturnType<typeof loginBody>>;
