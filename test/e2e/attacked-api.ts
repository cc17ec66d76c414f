/** This Worker's own API, for attacks to be tried on: its routes as /openapi.json has them, and something to lose. */
import { expect } from "vitest";
import { Watch } from "./attack.ts";
import { addIdentity, addOrganization, addTenancy, addUser, newOcid } from "./oci-users.ts";
import { signAsGo } from "./signers.ts";
import { type Answer, startWorker, type Worker } from "./worker.ts";

interface Schema {
  readonly type?: string;
  readonly properties?: Record<string, Schema>;
}

interface Documented {
  readonly operationId: string;
  readonly parameters?: Operation["parameters"];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: Schema }> };
  readonly security?: readonly object[];
}

export interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly mediaType: string | undefined;
  /** Of its JSON body. */
  readonly properties: Record<string, Schema>;
  readonly isProtected: boolean;
}

async function operationsOf(worker: Worker): Promise<Operation[]> {
  const { paths } = (await worker.send("/openapi.json")).body;
  return Object.entries<Record<string, Documented>>(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId, parameters = [], requestBody, security = [] }]) => {
      const [mediaType, content] = Object.entries(requestBody?.content ?? {})[0] ?? [];
      return {
        id: operationId,
        method: method.toUpperCase(),
        path,
        parameters,
        mediaType,
        properties: content?.schema.properties ?? {},
        isProtected: security.length > 0,
      };
    }),
  );
}

export const nowhere = "00000000-0000-4000-8000-000000000000";

export const as = (token: string) => ({ authorization: `Bearer ${token}` });

export async function startAttackedApi() {
  const worker = await startWorker();
  const operations = await operationsOf(worker);
  const isProtected = operations.filter((operation) => operation.isProtected);

  // Two roots; the victim has two sub-organizations.
  const victim = await addOrganization(worker, "victim");
  const team = await addOrganization(worker, "team", victim);
  const sibling = await addOrganization(worker, "sibling", victim);
  const stranger = await addOrganization(worker, "stranger");
  const { tenancyOcid, reader } = await addTenancy(worker, [victim]);
  const strange = await addTenancy(worker, [stranger]);
  const [user, strangeUser] = [
    await addUser(worker, tenancyOcid),
    await addUser(worker, strange.tenancyOcid),
  ];

  /** With both methods of login. */
  const newIdentity = async (home: string, about: Parameters<typeof addIdentity>[3] = {}) => {
    const pinned = home === stranger ? strange.tenancyOcid : tenancyOcid;
    const identityId = await addIdentity(worker, home, pinned, about);
    await worker.admin("POST", `/api/v1/auth/oci-instance-auth/identities/${identityId}`, {
      tenancyOcid: pinned,
    });
    return identityId;
  };
  const newBareIdentity = async (organizationId: string): Promise<string> =>
    (await worker.admin("POST", "/api/v1/identities", { name: "bare", organizationId })).body.identity.id;
  const tokenOf = async (identityId: string, organizationSlug?: string): Promise<string> => {
    const home = (await worker.admin("GET", `/api/v1/identities/${identityId}`)).body.identity.organizationId;
    const { userOcid, ...key } = home === stranger ? strangeUser : user;
    const headers = signAsGo({ userOcid, ...key });
    const { status, body } = await worker.login({ identityId, userOcid, headers, organizationSlug });
    expect(status, JSON.stringify(body)).toBe(200);
    return body.accessToken;
  };

  const inVictim = await newIdentity(victim, { settings: { accessTokenNumUsesLimit: 1 } });
  const bareInTeam = await newBareIdentity(team);

  /** Of each route that takes JSON, a body that it takes. */
  const bodies: Record<string, Record<string, unknown>> = {
    createOrganization: { name: "attacked", slug: "attacked", parentId: victim },
    updateOrganization: { name: "attacked", slug: "renamed", suspended: true },
    createIdentity: { name: "attacked", organizationId: sibling, role: "admin" },
    updateIdentity: { name: "attacked", role: "admin", suspended: true },
    attachOciAuth: { tenancyOcid, allowedUsernames: null },
    updateOciAuth: { tenancyOcid, allowedUsernames: null, accessTokenTTL: 1 },
    attachOciInstanceAuth: { tenancyOcid, allowedCompartmentOcids: null },
    updateOciInstanceAuth: { tenancyOcid, allowedCompartmentOcids: null, accessTokenTTL: 1 },
    putTenancy: {
      region: "us-ashburn-1",
      organizationIds: [victim, stranger],
      userOcid: reader.userOcid,
      fingerprint: reader.fingerprint,
      privateKey: reader.privateKey,
    },
  };

  /** The operation's path, with what the victim has to lose where `named` does not say otherwise. */
  const pathOf = ({ id, path }: Operation, named: Record<string, string> = {}): string => {
    const identityId = id.startsWith("attach") ? bareInTeam : inVictim;
    const victims: Record<string, string> = { organizationId: sibling, identityId, tenancyOcid };
    return path.replace(/\{(\w+)\}/g, (_, name) => named[name] ?? victims[name] ?? newOcid("user"));
  };

  /** The operation's request, with a body that it takes where it takes one. */
  const call = (
    operation: Operation,
    headers: Record<string, string>,
    { path = pathOf(operation), body }: { path?: string; body?: string } = {},
  ): Promise<Answer> => {
    const { id, method, mediaType } = operation;
    if (mediaType === undefined) return worker.send(path, { method, headers });
    const valid = mediaType === "application/json" ? JSON.stringify(bodies[id] ?? {}) : "token=x";
    const type = { "content-type": mediaType };
    return worker.send(path, { method, headers: { ...type, ...headers }, body: body ?? valid });
  };

  return {
    worker,
    watch: await Watch.over(worker),
    operations,
    protectedOperations: isProtected,
    jsonOperations: isProtected.filter(({ mediaType }) => mediaType === "application/json"),
    operator: as(worker.secrets.ADMIN_TOKEN ?? ""),
    bodies,
    pathOf,
    call,
    newIdentity,
    tokenOf,
    victim,
    team,
    sibling,
    stranger,
    tenancyOcid,
    strangeTenancy: strange.tenancyOcid,
    inVictim,
    inTeam: await newIdentity(team),
    inSibling: await newIdentity(sibling),
    inStranger: await newIdentity(stranger),
    bareInTeam,
    bareInStranger: await newBareIdentity(stranger),
  };
}
