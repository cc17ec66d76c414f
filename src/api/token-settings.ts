/** What an administrator sets of the tokens that a method of login gives, and its bounds: the same for each method. */
import * as z from "zod";
import { parseTrustedIp } from "../identities/trusted-ips.ts";
import { parseTenancyOcid } from "../oci/ocid.ts";
import { printable } from "./fields.ts";

const maxTtlSeconds = 315_360_000;
const defaultTtlSeconds = 2_592_000;

export const tenancyOcid = () =>
  z
    .string()
    .superRefine((text, context) => {
      const ocid = parseTenancyOcid(text);
      if (!ocid.ok) context.addIssue(ocid.problem);
    })
    .meta({ description: "A tenancy that is registered for the identity's root organization." });

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

/** Of a configuration that is attached. */
export const tokenSettings = () => ({
  accessTokenTTL: seconds(0).default(defaultTtlSeconds),
  accessTokenMaxTTL: seconds(1).default(defaultTtlSeconds),
  accessTokenNumUsesLimit: z.number().int().min(0).max(maxTtlSeconds).default(0),
  accessTokenPeriod: seconds(0).default(0),
  accessTokenTrustedIps: trustedIps().prefault(anywhere),
  accessTokenAudience: audience().default(null),
});

/** Of a change, which names what it changes and nothing else. */
export const tokenSettingsChange = () => ({
  accessTokenTTL: seconds(0).optional(),
  accessTokenMaxTTL: seconds(1).optional(),
  accessTokenNumUsesLimit: z.number().int().min(0).max(maxTtlSeconds).optional(),
  accessTokenPeriod: seconds(0).optional(),
  accessTokenTrustedIps: trustedIps().optional(),
  accessTokenAudience: audience().optional(),
});

export const ttlWithinMax = (settings: {
  accessTokenTTL?: number | undefined;
  accessTokenMaxTTL?: number | undefined;
}) => (settings.accessTokenTTL ?? 0) <= (settings.accessTokenMaxTTL ?? maxTtlSeconds);
export const ttlIssue = { path: ["accessTokenTTL"], message: "is greater than accessTokenMaxTTL" };

/** As answers have them. */
export const storedTokenSettings = () => ({
  accessTokenTTL: z.number(),
  accessTokenMaxTTL: z.number(),
  accessTokenNumUsesLimit: z.number(),
  accessTokenPeriod: z.number(),
  accessTokenTrustedIps: z.array(
    z.strictObject({
      ipAddress: z.string(),
      type: z.enum(["ipv4", "ipv6"]),
      prefix: z.number().optional(),
    }),
  ),
  accessTokenAudience: z.string().nullable(),
});

export const exampleTokenSettings = {
  accessTokenTTL: defaultTtlSeconds,
  accessTokenMaxTTL: defaultTtlSeconds,
  accessTokenNumUsesLimit: 0,
  accessTokenPeriod: 0,
  accessTokenTrustedIps: [
    { ipAddress: "0.0.0.0", type: "ipv4" as const, prefix: 0 },
    { ipAddress: "::", type: "ipv6" as const, prefix: 0 },
  ],
  accessTokenAudience: null,
};
