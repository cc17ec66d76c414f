import * as z from "zod";
import { adminOnly } from "../http/authenticate.ts";
import { defineRoute } from "../http/route.ts";
import { addMember, listMembers, removeMember } from "../identities/memberships.ts";
import { lazy } from "../lazy.ts";
import { callerRefusals, errorResponses } from "./error-responses.ts";
import { examples } from "./examples.ts";
import { id, identityId, organizationId, success, time } from "./fields.ts";
import { nextCursor, pageQuery } from "./pages.ts";

const membership = lazy(() =>
  z.strictObject({ organizationId: id(), identityId: id(), createdAt: time() }).meta({ id: "Membership" }),
);
const one = lazy(() => z.strictObject({ membership: membership() }));

const example = {
  membership: {
    organizationId: examples.subOrganizationId,
    identityId: examples.identityId,
    createdAt: examples.time,
  },
};

const subOrganizationPath = lazy(() =>
  z.object({
    organizationId: organizationId().meta({ example: examples.subOrganizationId }),
  }),
);
const path = "/api/v1/organizations/{organizationId}/identities";
const common = {
  tags: ["Organizations"],
  ...adminOnly,
  path: `${path}/{identityId}` as const,
  request: { params: lazy(() => subOrganizationPath().extend({ identityId: identityId() })) },
};

export const membershipRoutes = [
  defineRoute(
    {
      ...common,
      method: "get",
      path,
      operationId: "listMembers",
      summary: "List members",
      description:
        "The members that a sub-organization has by invitation, in the order of their ids. Identities that were created in it are no members.",
      request: { params: subOrganizationPath, query: pageQuery },
      responses: () => ({
        ...success(
          "A page",
          z.strictObject({ memberships: z.array(membership()), nextCursor: nextCursor() }),
          {
            memberships: [example.membership],
            nextCursor: null,
          },
        ),
        ...errorResponses(callerRefusals, "validation", "not-found"),
      }),
    },
    async (c) => {
      const { page, nextCursor } = await listMembers(
        c.var.database,
        c.var.caller,
        c.req.valid("param").organizationId,
        c.req.valid("query"),
      );
      return c.json({ memberships: page, nextCursor }, 200);
    },
  ),
  defineRoute(
    {
      ...common,
      method: "put",
      operationId: "addMember",
      summary: "Add a member",
      description:
        "Make an identity a member of a sub-organization of its own root, so that it may log in to it. An identity is a member of 1000 at most.",
      responses: () => ({
        ...success("The membership", one(), example),
        ...errorResponses(callerRefusals, "conflict", "not-found"),
      }),
    },
    async (c) => {
      const { organizationId, identityId } = c.req.valid("param");
      const membership = await addMember(c.var.database, c.var.caller, organizationId, identityId);
      return c.json({ membership }, 200);
    },
  ),
  defineRoute(
    {
      ...common,
      method: "delete",
      operationId: "removeMember",
      summary: "Remove a member",
      description: "Take a membership away.",
      responses: () => ({
        ...success("The membership that was", one(), example),
        ...errorResponses(callerRefusals, "not-found"),
      }),
    },
    async (c) => {
      const { organizationId, identityId } = c.req.valid("param");
      const membership = await removeMember(c.var.database, c.var.caller, organizationId, identityId);
      return c.json({ membership }, 200);
    },
  ),
] as const;
