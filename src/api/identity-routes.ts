import * as z from "zod";
import { orNotFound } from "../access/reach.ts";
import { adminOnly } from "../http/authenticate.ts";
import { defineRoute } from "../http/route.ts";
import {
  createIdentity,
  deleteIdentity,
  findIdentity,
  listIdentities,
  revokeTokens,
  updateIdentity,
} from "../identities/identities.ts";
import { lazy } from "../lazy.ts";
import { roles } from "../storage/roles.ts";
import type { Identity } from "../storage/tables.ts";
import { bodyRefusals, callerRefusals, errorResponses } from "./error-responses.ts";
import { examples } from "./examples.ts";
import { id, identityPath, jsonBody, name, organizationId, success, time } from "./fields.ts";
import { nextCursor, pageQuery } from "./pages.ts";

const role = lazy(() =>
  z.enum(roles).meta({
    description:
      "admin manages its organization and those below; introspector may introspect tokens of the same; member neither.",
  }),
);

const identity = lazy(() =>
  z
    .strictObject({
      id: id(),
      name: name(),
      organizationId: id(),
      role: role(),
      suspended: z.boolean(),
      createdAt: time(),
      updatedAt: time(),
    })
    .meta({ id: "Identity" }),
);

const one = lazy(() => z.strictObject({ identity: identity() }));

const example = {
  identity: {
    id: examples.identityId,
    name: "payments",
    organizationId: examples.organizationId,
    role: "member" as const,
    suspended: false,
    createdAt: examples.time,
    updatedAt: examples.time,
  },
};

function view({ tokenGeneration: _, ...row }: Identity): z.output<ReturnType<typeof identity>> {
  return row;
}

const path = "/api/v1/identities";
const onePath = "/api/v1/identities/{identityId}" as const;
const common = { tags: ["Identities"], ...adminOnly };

export const identityRoutes = [
  defineRoute(
    {
      ...common,
      method: "post",
      path,
      operationId: "createIdentity",
      summary: "Create an identity",
      description: "Create a machine identity in an organization.",
      request: {
        body: jsonBody(
          () =>
            z.strictObject({
              name: name(),
              organizationId: organizationId(),
              role: role().default("member"),
            }),
          {
            name: "payments",
            organizationId: examples.organizationId,
          },
        ),
      },
      responses: () => ({
        ...success("Created", one(), example),
        ...errorResponses(callerRefusals, bodyRefusals, "conflict"),
      }),
    },
    async (c) => {
      const row = await createIdentity(c.var.database, c.var.caller, c.req.valid("json"));
      return c.json({ identity: view(row) }, 200);
    },
  ),
  defineRoute(
    {
      ...common,
      method: "get",
      path,
      operationId: "listIdentities",
      summary: "List identities",
      description: "The identities of an organization, or all within the caller's reach, oldest first.",
      request: { query: lazy(() => pageQuery().extend({ organizationId: id().optional() })) },
      responses: () => ({
        ...success("A page", z.strictObject({ identities: z.array(identity()), nextCursor: nextCursor() }), {
          identities: [example.identity],
          nextCursor: null,
        }),
        ...errorResponses(callerRefusals, "validation", "not-found"),
      }),
    },
    async (c) => {
      const { page, nextCursor } = await listIdentities(c.var.database, c.var.caller, c.req.valid("query"));
      return c.json({ identities: page.map(view), nextCursor }, 200);
    },
  ),
  defineRoute(
    {
      ...common,
      method: "get",
      path: onePath,
      operationId: "getIdentity",
      summary: "Get an identity",
      request: { params: identityPath },
      responses: () => ({
        ...success("The identity", one(), example),
        ...errorResponses(callerRefusals, "not-found"),
      }),
    },
    async (c) => {
      const { identityId } = c.req.valid("param");
      const found = await findIdentity(c.var.database, c.var.caller, identityId);
      return c.json({ identity: view(orNotFound(found, "Identity").identity) }, 200);
    },
  ),
  defineRoute(
    {
      ...common,
      method: "patch",
      path: onePath,
      operationId: "updateIdentity",
      summary: "Change an identity",
      description:
        "Change what the body names. Suspending stops logins at once, everywhere within a second or so. The organization cannot change.",
      request: {
        params: identityPath,
        body: jsonBody(
          () =>
            z.strictObject({
              name: name().optional(),
              role: role().optional(),
              suspended: z.boolean().optional(),
            }),
          { name: "payments", suspended: false },
        ),
      },
      responses: () => ({
        ...success("Changed", one(), example),
        ...errorResponses(callerRefusals, bodyRefusals, "not-found"),
      }),
    },
    async (c) => {
      const { identityId } = c.req.valid("param");
      const row = await updateIdentity(c.var.database, c.var.caller, identityId, c.req.valid("json"));
      return c.json({ identity: view(row) }, 200);
    },
  ),
  defineRoute(
    {
      ...common,
      method: "delete",
      path: onePath,
      operationId: "deleteIdentity",
      summary: "Delete an identity",
      description: "Delete an identity with its OCI Auth configuration and memberships.",
      request: { params: identityPath },
      responses: () => ({
        ...success("Deleted", one(), example),
        ...errorResponses(callerRefusals, "not-found"),
      }),
    },
    async (c) => {
      const { identityId } = c.req.valid("param");
      const row = await deleteIdentity(c.var.database, c.var.caller, identityId);
      return c.json({ identity: view(row) }, 200);
    },
  ),
  defineRoute(
    {
      ...common,
      method: "post",
      path: `${onePath}/revoke-tokens` as const,
      operationId: "revokeTokens",
      summary: "Revoke all tokens of an identity",
      description:
        "End every access token of an identity. It may log in again at once: suspend it to stop that too.",
      request: { params: identityPath },
      responses: () => ({
        ...success("The identity", one(), example),
        ...errorResponses(callerRefusals, "not-found"),
      }),
    },
    async (c) => {
      const { identityId } = c.req.valid("param");
      const row = await revokeTokens(c.var.database, c.var.caller, identityId);
      return c.json({ identity: view(row) }, 200);
    },
  ),
] as const;
