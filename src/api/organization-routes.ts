import * as z from "zod";
import { orNotFound } from "../access/reach.ts";
import { adminOnly } from "../http/authenticate.ts";
import { defineRoute } from "../http/route.ts";
import { lazy } from "../lazy.ts";
import {
  createOrganization,
  deleteOrganization,
  findOrganization,
  listOrganizations,
  updateOrganization,
} from "../organizations/organizations.ts";
import type { Organization } from "../storage/tables.ts";
import { bodyRefusals, callerRefusals, errorResponses } from "./error-responses.ts";
import { examples } from "./examples.ts";
import { id, jsonBody, name, organizationPath, slug, success, time } from "./fields.ts";
import { nextCursor, pageQuery } from "./pages.ts";

const organization = lazy(() =>
  z
    .strictObject({
      id: id(),
      name: name(),
      slug: slug(),
      parentId: id().nullable().meta({ description: "null for a root organization." }),
      suspended: z.boolean(),
      createdAt: time(),
      updatedAt: time(),
    })
    .meta({ id: "Organization" }),
);

const one = lazy(() => z.strictObject({ organization: organization() }));

const example = {
  organization: {
    id: examples.organizationId,
    name: "Acme",
    slug: "acme",
    parentId: null,
    suspended: false,
    createdAt: examples.time,
    updatedAt: examples.time,
  },
};

function view({ rootId: _, ...row }: Organization): z.output<ReturnType<typeof organization>> {
  return row;
}

const path = "/api/v1/organizations";
const onePath = "/api/v1/organizations/{organizationId}";
const common = { tags: ["Organizations"], ...adminOnly };

export const organizationRoutes = [
  defineRoute(
    {
      ...common,
      method: "post",
      path,
      operationId: "createOrganization",
      summary: "Create an organization",
      description: "Create a root organization, or a sub-organization of the root that parentId names.",
      request: {
        body: jsonBody(() => z.strictObject({ name: name(), slug: slug(), parentId: id().optional() }), {
          name: "Acme",
          slug: "acme",
        }),
      },
      responses: () => ({
        ...success("Created", one(), example),
        ...errorResponses(callerRefusals, bodyRefusals, "conflict"),
      }),
    },
    async (c) => {
      const row = await createOrganization(c.var.database, c.var.caller, c.req.valid("json"));
      return c.json({ organization: view(row) }, 200);
    },
  ),
  defineRoute(
    {
      ...common,
      method: "get",
      path,
      operationId: "listOrganizations",
      summary: "List organizations",
      description: "The organizations within the caller's reach, oldest first.",
      request: { query: pageQuery },
      responses: () => ({
        ...success(
          "A page",
          z.strictObject({ organizations: z.array(organization()), nextCursor: nextCursor() }),
          {
            organizations: [example.organization],
            nextCursor: null,
          },
        ),
        ...errorResponses(callerRefusals, "validation"),
      }),
    },
    async (c) => {
      const { page, nextCursor } = await listOrganizations(
        c.var.database,
        c.var.caller,
        c.req.valid("query"),
      );
      return c.json({ organizations: page.map(view), nextCursor }, 200);
    },
  ),
  defineRoute(
    {
      ...common,
      method: "get",
      path: onePath,
      operationId: "getOrganization",
      summary: "Get an organization",
      request: { params: organizationPath },
      responses: () => ({
        ...success("The organization", one(), example),
        ...errorResponses(callerRefusals, "not-found"),
      }),
    },
    async (c) => {
      const { organizationId } = c.req.valid("param");
      const row = await findOrganization(c.var.database, c.var.caller, organizationId);
      return c.json({ organization: view(orNotFound(row, "Organization")) }, 200);
    },
  ),
  defineRoute(
    {
      ...common,
      method: "patch",
      path: onePath,
      operationId: "updateOrganization",
      summary: "Change an organization",
      description: "Change what the body names. A suspended organization's identities cannot log in.",
      request: {
        params: organizationPath,
        body: jsonBody(
          () =>
            z.strictObject({
              name: name().optional(),
              slug: slug().optional(),
              suspended: z.boolean().optional(),
            }),
          { name: "Acme", suspended: false },
        ),
      },
      responses: () => ({
        ...success("Changed", one(), example),
        ...errorResponses(callerRefusals, bodyRefusals, "conflict", "not-found"),
      }),
    },
    async (c) => {
      const { organizationId } = c.req.valid("param");
      const row = await updateOrganization(c.var.database, c.var.caller, organizationId, c.req.valid("json"));
      return c.json({ organization: view(row) }, 200);
    },
  ),
  defineRoute(
    {
      ...common,
      method: "delete",
      path: onePath,
      operationId: "deleteOrganization",
      summary: "Delete an organization",
      description:
        "Delete an organization that is empty: its sub-organizations, identities and memberships are deleted before.",
      request: { params: organizationPath },
      responses: () => ({
        ...success("Deleted", one(), example),
        ...errorResponses(callerRefusals, "conflict", "not-found"),
      }),
    },
    async (c) => {
      const { organizationId } = c.req.valid("param");
      const row = await deleteOrganization(c.var.database, c.var.caller, organizationId);
      return c.json({ organization: view(row) }, 200);
    },
  ),
] as const;
