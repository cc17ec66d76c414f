/** What paths name by OCID: a tenancy, and a user or an instance of it. What is not an OCID names nothing (404). */
import * as z from "zod";
import { lazy } from "../lazy.ts";
import { parseInstanceOcid, parseTenancyOcid, parseUserOcid } from "../oci/ocid.ts";
import type { Parsed } from "../oci/parsed.ts";
import { Refusal } from "../refusal.ts";
import { examples } from "./examples.ts";

const ocid = (example: string) => z.string().meta({ example });

export const tenancyPath = lazy(() => z.object({ tenancyOcid: ocid(examples.tenancyOcid) }));
export const userPath = lazy(() => tenancyPath().extend({ userOcid: ocid(examples.userOcid) }));
export const instancePath = lazy(() => tenancyPath().extend({ instanceOcid: ocid(examples.instanceOcid) }));

function named<T>(parsed: Parsed<T>, what: string): T {
  if (!parsed.ok) throw new Refusal("not-found", `${what} not found`);
  return parsed.value;
}

export const namedTenancy = (text: string) => named(parseTenancyOcid(text), "Tenancy");
export const namedUser = (text: string) => named(parseUserOcid(text), "User");
export const namedInstance = (text: string) => named(parseInstanceOcid(text), "Instance");
