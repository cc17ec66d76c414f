/** What an administrator sets of an OCI Auth configuration, and its bounds: for the routes, and for an import before it asks. */
import * as z from "zod";
import { lazy } from "../lazy.ts";
import { printable } from "./fields.ts";
import { tenancyOcid, tokenSettings, tokenSettingsChange, ttlIssue, ttlWithinMax } from "./token-settings.ts";

const allowedUsernames = () =>
  printable()
    .max(500)
    .refine((text) => text.split(",").every((name) => name.trim() !== ""), "is blank or has a blank element")
    .nullable()
    .meta({
      description:
        "Comma-separated OCI usernames, exact and case-sensitive, so none that has a comma itself; null allows every user of the tenancy.",
    });

export const signatureReuse = lazy(() => z.enum(["allow", "reject"]));

export const attachment = lazy(() =>
  z
    .strictObject({
      tenancyOcid: tenancyOcid(),
      allowedUsernames: allowedUsernames().default(null),
      ...tokenSettings(),
      signatureReuse: signatureReuse().default("allow"),
    })
    .refine(ttlWithinMax, ttlIssue),
);

export const change = lazy(() =>
  z
    .strictObject({
      tenancyOcid: tenancyOcid().optional(),
      allowedUsernames: allowedUsernames().optional(),
      ...tokenSettingsChange(),
      signatureReuse: signatureReuse().optional(),
    })
    .refine(ttlWithinMax, ttlIssue),
);
