/** The schema of an instance's login. White space around ids, slug and statement is removed, as in a user's. */
import * as z from "zod";
import { lazy } from "../../lazy.ts";

export const instanceLoginBody = lazy(() =>
  z.strictObject({
    // A UUID is read in any case (RFC 9562, section 4).
    identityId: z
      .string()
      .trim()
      .toLowerCase()
      .meta({ description: "The ID of the machine identity to login." }),
    jwt: z.string().trim().meta({
      description:
        "A JWS in compact form that the key of the instance's certificate signed: header alg (RS256 or PS256), typ oci-instance+jwt, x5c of the instance's certificate and the intermediate; payload aud (this Worker's issuer), sub (identityId), iat, exp (300 s later at most), jti (16 to 64 URL-safe characters). It is good once.",
    }),
    organizationSlug: z.string().trim().toLowerCase().min(1).max(64).optional().meta({
      description:
        "The organization to log in to, one that the identity is a member of. If omitted, the one where the identity was created.",
    }),
  }),
);
