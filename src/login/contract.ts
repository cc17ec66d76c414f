/** The schemas of the login, equal to the contract (facts.md, section 1): plain strings; OCI's grammar comes after. */
import { z } from "@hono/zod-openapi";

const headers = z
  .strictObject({
    authorization: z.string(),
    host: z.string(),
    "x-date": z.string().optional(),
    date: z.string().optional(),
  })
  .openapi({ description: "The headers of the signed request." });

export const loginBody = z
  .strictObject({
    identityId: z.string().openapi({ description: "The ID of the machine identity to login." }),
    userOcid: z.string().openapi({ description: "The OCID of the user attempting login." }),
    headers,
    organizationSlug: z.string().min(1).max(64).optional().openapi({
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
  });

export const loginAnswer = z.strictObject({
  accessToken: z.string(),
  expiresIn: z.number(),
  accessTokenMaxTTL: z.number(),
  tokenType: z.enum(["Bearer"]),
});

export type LoginBody = z.output<typeof loginBody>;
