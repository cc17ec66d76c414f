/** What an administrator sets of an OCI Instance Auth configuration, and its bounds. */
import * as z from "zod";
import { lazy } from "../lazy.ts";
import { parseCompartmentOcid, parseInstanceOcid } from "../oci/ocid.ts";
import type { Parsed } from "../oci/parsed.ts";
import { isRegion, regionAdvice } from "../oci/regions.ts";
import { printable } from "./fields.ts";
import { tenancyOcid, tokenSettings, tokenSettingsChange, ttlIssue, ttlWithinMax } from "./token-settings.ts";

/** Comma-separated, each of which `problemWith` finds nothing wrong; null allows every one. */
function listOf(problemWith: (text: string) => string | undefined, description: string) {
  return printable()
    .max(10_000)
    .superRefine((text, context) => {
      for (const each of text.split(",").map((one) => one.trim())) {
        const problem = each === "" ? "is blank or has a blank element" : problemWith(each);
        if (problem === undefined) continue;
        context.addIssue(problem);
        return;
      }
    })
    .nullable()
    .meta({ description });
}

const problemOf =
  <T>(parse: (text: string) => Parsed<T>) =>
  (text: string) => {
    const parsed = parse(text);
    return parsed.ok ? undefined : parsed.problem;
  };

const compartments = () =>
  listOf(
    problemOf(parseCompartmentOcid),
    "Comma-separated OCIDs of the compartments that instances may be in themselves (of none above them); the tenancy's for the root compartment; null allows every one.",
  );
const instances = () =>
  listOf(problemOf(parseInstanceOcid), "Comma-separated OCIDs of instances; null allows every one.");
const regions = () =>
  listOf(
    (text) => (isRegion(text) ? undefined : `has no region's name: ${regionAdvice(text)}`),
    "Comma-separated names of regions, such as us-ashburn-1; null allows every one.",
  );

export const instanceAttachment = lazy(() =>
  z
    .strictObject({
      tenancyOcid: tenancyOcid(),
      allowedCompartmentOcids: compartments().default(null),
      allowedInstanceOcids: instances().default(null),
      allowedRegions: regions().default(null),
      ...tokenSettings(),
    })
    .refine(ttlWithinMax, ttlIssue),
);

export const instanceChange = lazy(() =>
  z
    .strictObject({
      tenancyOcid: tenancyOcid().optional(),
      allowedCompartmentOcids: compartments().optional(),
      allowedInstanceOcids: instances().optional(),
      allowedRegions: regions().optional(),
      ...tokenSettingsChange(),
    })
    .refine(ttlWithinMax, ttlIssue),
);
