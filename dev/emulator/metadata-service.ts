/**
 * The instance metadata service, version 2, of one instance:
 * https://docs.oracle.com/en-us/iaas/Content/Compute/Tasks/gettingmetadata.htm. Version 1 is off, as Oracle advises.
 */
import type { IncomingMessage } from "node:http";
import { type Answer, notFound, OciError, onlyGet } from "./http.ts";
import { type EmulatedInstance, type Instances, privateKey } from "./instances.ts";
import { realmDomain } from "./regions.ts";

// Oracle says that such requests "are rejected", and not how.
const rejected = new OciError(
  401,
  "NotAuthenticated",
  "The header 'Authorization: Bearer Oracle' is missing.",
);
const forwarded = new OciError(403, "Forbidden", "The request was forwarded.");
const forwardingHeaders = ["forwarded", "x-forwarded-for", "x-forwarded-host"];

export async function metadata(
  instances: Instances,
  request: IncomingMessage,
  { pathname }: URL,
): Promise<Answer> {
  const [, path] = /^\/opc\/v2\/(.+)$/.exec(pathname) ?? [];
  if (path === undefined) throw notFound;
  if (request.method !== "GET") throw onlyGet;
  if (request.headers.authorization !== "Bearer Oracle") throw rejected;
  if (forwardingHeaders.some((name) => request.headers[name] !== undefined)) throw forwarded;
  const instance = instances.current();
  if (instance === undefined) throw notFound;
  const value = path.startsWith("identity/") ? await identityFile(instance, path) : valueAt(instance, path);
  if (value === undefined) throw notFound;
  return { body: value, contentType: typeof value === "string" ? "text/plain" : undefined };
}

async function identityFile({ chain }: EmulatedInstance, path: string): Promise<string | undefined> {
  const { leaf, intermediate } = await chain;
  switch (path) {
    case "identity/cert.pem":
      return leaf.pem;
    case "identity/intermediate.pem":
      return intermediate.pem;
    case "identity/key.pem":
      return privateKey(leaf, "pkcs1");
    default:
      return undefined;
  }
}

/** Each value under /instance/ is also a path of its own. */
function valueAt(instance: EmulatedInstance, path: string): unknown {
  const [first, ...names] = path.split("/").filter((name) => name !== "");
  let value: unknown = first === "instance" ? instanceView(instance) : undefined;
  for (const name of names) {
    value = new Map(Object.entries(typeof value === "object" && value !== null ? value : {})).get(name);
  }
  return value;
}

function instanceView({
  instanceOcid,
  tenancyOcid,
  compartmentOcid,
  realm,
  region,
  timeCreated,
}: EmulatedInstance) {
  return {
    id: instanceOcid,
    displayName: "emulated",
    compartmentId: compartmentOcid,
    tenantId: tenancyOcid,
    // Oracle: the short code in these two, the name in all others.
    region: ["phx", "iad"].includes(region.code) ? region.code : region.name,
    canonicalRegionName: region.name,
    regionInfo: {
      realmKey: realm,
      realmDomainComponent: realmDomain(realm),
      regionKey: region.code.toUpperCase(),
      regionIdentifier: region.name,
    },
    state: "Running",
    timeCreated: Date.parse(timeCreated),
  };
}
