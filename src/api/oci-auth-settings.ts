/** What an administrator sets of an OCI Auth configuration, and its bounds: for the routes, and for an import before it asks. */
import * as z from "zod";
import { parseTrustedIp } from "../identities/trusted-ips.ts";
import { lazy } from "../lazy.ts";
import { parseTenancyOcid } from "../oci/ocid.ts";
import { printable } from "./fields.ts";

const maxTtlSeconds = 315_360_000;
export const defaultTtlSeconds = 2_592_000;

const tenancyOcid = () =>
  z
    .string()
    .superRefine((text, context) => {
      const ocid = parseTenancyOcid(text);
      if (!ocid.ok) context.addIssue(ocid.problem);
    })
    .meta({ description: "A tenancy that is registered for the identity's root organization." });

const allowedUsernames = () =>
  printable()
    .max(500)
    .refine((text) => text.split(",").every((name) => name.trim() !== ""), "is blank or has a blank element")
    .nullable()
    .meta({
      description:
        "Comma-separated OCI usernames, exact and case-sensitive, so none that has a comma itself; null allows every user of the tenancy.",
    });

const seconds = (min: number) => z.number().int().min(min).max(maxTtlSeconds);

const trustedIps = () =>
  z
    .array(
      z.strictObject({ ipAddress: z.string() }).transform(({ ipAddress }, context) => {
        const parsed = parseTrustedIp(ipAddress);
        if (parsed !== undefined) return parsed;
        context.addIssue({
          code: "custom",
          path: ["ipAddress"],
          message: "is not an IP address or CIDR range",
        });
        return z.NEVER;
      }),
    )
    .min(1)
    .max(100);

/** Where tokens may be used: from anywhere. */
const anywhere = [{ ipAddress: "0.0.0.0/0" }, { ipAddress: "::/0" }];

const audience = () => printable().min(1).max(255).nullable();
export const signatureReuse = lazy(() => z.enum(["allow", "reject"]));

const ttlWithinMax = (settings: {
  accessTokenTTL?: number | undefined;
  accessTokenMaxTTL?: number | undefined;
}) => (settings.accessTokenTTL ?? 0) <= (settings.accessTokenMaxTTL ?? maxTtlSeconds);
const ttlIssue = { path: ["accessTokenTTL"], message: "is greater than accessTokenMaxTTL" };

export const attachment = lazy(() =>
  z
    .strictObject({
      tenancyOcid: tenancyOcid(),
      allowedUsernames: allowedUsernames().default(null),
      accessTokenTTL: seconds(0).default(defaultTtlSeconds),
      accessTokenMaxTTL: seconds(1).default(defaultTtlSeconds),
      accessTokenNumUsesLimit: z.number().int().min(0).max(maxTtlSeconds).default(0),
      accessTokenPeriod: seconds(0).default(0),
      accessTokenTrustedIps: trustedIps().prefault(anywhere),
      accessTokenAudience: audience().default(null),
      signatureReuse: signatureReuse().default("allow"),
    })
    .refine(ttlWithinMax, ttlIssue),
);

export const change = lazy(() =>
  z
    .strictObject({
      tenancyOcid: tenancyOcid().optional(),
      allowedUsernames: allowedUsernames().optional(),
      accessTokenTTL: seconds(0).optional(),
      accessTokenMaxTTL: seconds(1).optional(),
      accessTokenNumUsesLimit: z.number().int().min(0).max(maxTtlSeconds).optional(),
      accessTokenPeriod: seconds(0).optional(),
      accessTokenTrustedIps: trustedIps().optional(),
      accessTokenAudience: audience().optional(),
      signatureReuse: signatureReuse().optional(),
    })
    .refine(ttlWithinMax, ttlIssue),
);
