import { z } from "@hono/zod-openapi";
import { adminOnly } from "../http/authenticate.ts";
import { errorResponses } from "../http/envelope.ts";
import { defineRoute } from "../http/route.ts";
import { primary } from "./database.ts";
import { id, success, time } from "./fields.ts";
import { addMember, removeMember } from "./memberships.ts";

const membership = z
  .strictObject({ organizationId: id, identityId: id, createdAt: time })
  .openapi("Membership");
const one = z.strictObject({ membership });

const common = {
  tags: ["Organizations"],
  security: [{ bearer: [] }],
  middleware: adminOnly,
  path: "/api/v1/organizations/{organizationId}/identities/{identityId}" as const,
  request: { params: z.object({ organizationId: id, identityId: id }) },
};

export const membershipRoutes = [
  defineRoute(
    {
      ...common,
      method: "put",
      operationId: "addMember",
      description:
        "Make an identity a member of a sub-organization of its own root, so that it may log in to it.",
      responses: { ...success("The membership", one), ...errorResponses(400, 401, 403, 404, 503) },
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
      description: "Take a membership away.",
      responses: { ...success("The membership that was", one), ...errorResponses(401, 403, 404, 503) },
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
