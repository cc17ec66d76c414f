import { z } from "@hono/zod-openapi";
import { adminOnly } from "../http/authenticate.ts";
import { errorResponses, ofCallers } from "../http/error-responses.ts";
import { examples } from "../http/examples.ts";
import { defineRoute } from "../http/route.ts";
import { primary } from "./database.ts";
import { id, identityId, organizationId, success, time } from "./fields.ts";
import { addMember, removeMember } from "./memberships.ts";

const membership = z
  .strictObject({ organizationId: id, identityId: id, createdAt: time })
  .openapi("Membership");
const one = z.strictObject({ membership });

const example = {
  membership: {
    organizationId: examples.subOrganizationId,
    identityId: examples.identityId,
    createdAt: examples.time,
  },
};

const common = {
  tags: ["Organizations"],
  ...adminOnly,
  path: "/api/v1/organizations/{organizationId}/identities/{identityId}" as const,
  request: {
    params: z.object({
      organizationId: organizationId.openapi({ example: examples.subOrganizationId }),
      identityId,
    }),
  },
};

export const membershipRoutes = [
  defineRoute(
    {
      ...common,
      method: "put",
      operationId: "addMember",
      summary: "Add a member",
      description:
        "Make an identity a member of a sub-organization of its own root, so that it may log in to it.",
      responses: {
        ...success("The membership", one, example),
        ...errorResponses(ofCallers, "conflict", "not-found"),
      },
    },
    async (c) => {
      const { organizationId, identityId } = c.req.valid("param");
      const membership = await addMember(
        primary(c.env.DB, c.var.waits),
        c.var.caller,
        organizationId,
        identityId,
      );
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
      responses: {
        ...success("The membership that was", one, example),
        ...errorResponses(ofCallers, "not-found"),
      },
    },
    async (c) => {
      const { organizationId, identityId } = c.req.valid("param");
      const membership = await removeMember(
        primary(c.env.DB, c.var.waits),
        c.var.caller,
        organizationId,
        identityId,
      );
      return c.json({ membership }, 200);
    },
  ),
] as const;
