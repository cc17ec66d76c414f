/** Plans what an import does with each identity. The whole plan is made, by reads only, before anything is changed. */
import * as z from "zod";
import { exitCode, Failure } from "../terminal/failure.ts";
import { rangeOf } from "../terminal/table.ts";
import { type AdminApi, ApiRefusal } from "./api.ts";
import type { ExportedIdentity } from "./infisical-export.ts";

const organizationAnswer = z.object({
  organization: z.object({ id: z.string(), parentId: z.string().nullable() }),
});
const tenancyAnswer = z.object({ tenancy: z.object({ organizationIds: z.array(z.string()) }) });
const identity = z.object({ id: z.string(), name: z.string(), role: z.string() });
const identitiesAnswer = z.object({ identities: z.array(identity), nextCursor: z.string().nullable() });
const ociAuth = z.object({
  tenancyOcid: z.string(),
  allowedUsernames: z.string().nullable(),
  accessTokenTTL: z.number(),
  accessTokenMaxTTL: z.number(),
  accessTokenNumUsesLimit: z.number(),
  accessTokenPeriod: z.number(),
  accessTokenTrustedIps: z.array(z.object({ ipAddress: z.string(), prefix: z.number().optional() })),
});
const ociAuthAnswer = z.object({ identityOciAuth: ociAuth });

type Identity = z.output<typeof identity>;
/** The settings that Infisical has too, in the form that is sent and compared. */
export type ImportedSettings = Omit<z.output<typeof ociAuth>, "accessTokenTrustedIps"> & {
  readonly accessTokenTrustedIps: readonly { readonly ipAddress: string }[];
};

export interface PlannedIdentity {
  readonly name: string;
  /** Its id in Infisical. */
  readonly oldIdentityId: string;
  readonly settings: ImportedSettings;
  /** Id of the one existing identity of that name. */
  readonly identityId: string | null;
  /** `conflict`: the existing identity differs, and is not changed. */
  readonly step: "create" | "attach" | "unchanged" | "conflict";
  readonly differences: readonly string[];
}

export async function planImport(
  api: AdminApi,
  organizationId: string,
  exported: readonly ExportedIdentity[],
): Promise<PlannedIdentity[]> {
  const get = <T>(schema: z.ZodType<T>, path: string) =>
    api.callFor(schema, { method: "GET", path: `/api/v1/${path}` });

  const { organization } = await get(
    organizationAnswer,
    `organizations/${encodeURIComponent(organizationId)}`,
  );
  await checkTenancies(exported, organization.parentId ?? organization.id, async (tenancyOcid) => {
    const { tenancy } = await get(tenancyAnswer, `oci/tenancies/${tenancyOcid}`);
    return tenancy.organizationIds;
  });

  const present: Identity[] = [];
  const query = { organizationId: organization.id, limit: "100" };
  for await (const page of api.pages(identitiesAnswer, {
    method: "GET",
    path: "/api/v1/identities",
    query,
  })) {
    present.push(...page.identities);
  }

  const planned: PlannedIdentity[] = [];
  for (const { identity, identityOciAuth } of exported) {
    const settings = settingsOf(identityOciAuth);
    const namesakes = present.filter(({ name }) => name === identity.name);
    const one = namesakes.length === 1 ? namesakes[0] : undefined;
    const before = one && (await orUndefined(get(ociAuthAnswer, `auth/oci-auth/identities/${one.id}`)));
    planned.push({
      name: identity.name,
      oldIdentityId: identity.id,
      settings,
      identityId: one?.id ?? null,
      ...decide(namesakes, before && settingsOf(before.identityOciAuth), settings),
    });
  }
  return planned;
}

function decide(
  namesakes: readonly Identity[],
  before: ImportedSettings | undefined,
  settings: ImportedSettings,
): Pick<PlannedIdentity, "step" | "differences"> {
  const [one] = namesakes;
  if (one === undefined) return { step: "create", differences: [] };
  if (namesakes.length > 1) {
    return { step: "conflict", differences: [`${namesakes.length} identities have this name`] };
  }
  // An identity of Infisical must not get the rights of an identity of the same name here.
  if (one.role !== "member") return { step: "conflict", differences: [`its role is ${one.role}`] };
  if (before === undefined) return { step: "attach", differences: [] };
  const differences = (Object.keys(settings) as (keyof ImportedSettings)[])
    .filter((field) => JSON.stringify(before[field]) !== JSON.stringify(settings[field]))
    .map((field) => `${field} is ${inWords(before[field])} here and ${inWords(settings[field])} in the file`);
  return { step: differences.length === 0 ? "unchanged" : "conflict", differences };
}

function settingsOf(from: z.output<typeof ociAuth>): ImportedSettings {
  return {
    tenancyOcid: from.tenancyOcid,
    allowedUsernames: from.allowedUsernames,
    accessTokenTTL: from.accessTokenTTL,
    accessTokenMaxTTL: from.accessTokenMaxTTL,
    accessTokenNumUsesLimit: from.accessTokenNumUsesLimit,
    accessTokenPeriod: from.accessTokenPeriod,
    accessTokenTrustedIps: from.accessTokenTrustedIps.map((range) => ({ ipAddress: rangeOf(range) })),
  };
}

function inWords(value: ImportedSettings[keyof ImportedSettings]): string {
  return Array.isArray(value) ? value.map(rangeOf).join(", ") : String(value);
}

/** An identity without OCI Auth, and a tenancy that is not registered, answer 404. */
async function orUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiRefusal && error.status === 404) return undefined;
    throw error;
  }
}

async function checkTenancies(
  exported: readonly ExportedIdentity[],
  rootId: string,
  organizationsOf: (tenancyOcid: string) => Promise<readonly string[]>,
): Promise<void> {
  const problems: string[] = [];
  for (const tenancyOcid of new Set(exported.map((entry) => entry.identityOciAuth.tenancyOcid))) {
    const allowed = await orUndefined(organizationsOf(tenancyOcid));
    if (allowed === undefined) problems.push(`${tenancyOcid} is not registered`);
    else if (!allowed.includes(rootId)) {
      problems.push(`${tenancyOcid} is not for the root organization ${rootId}`);
    }
  }
  if (problems.length === 0) return;
  throw new Failure(
    `nothing was changed, because of tenancies: ${problems.join("; ")}; register them with 'oci-auth admin tenancies put'`,
    exitCode.refused,
  );
}
