import * as z from "zod";
import type { Caller } from "../access/caller.ts";
import { orNotFound } from "../access/reach.ts";
import { type EventsQuery, listEvents, rootOfEvents } from "../audit/events.ts";
import { adminOnly } from "../http/authenticate.ts";
import { defineRoute } from "../http/route.ts";
import { lazy } from "../lazy.ts";
import { findOrganization } from "../organizations/organizations.ts";
import { primarySession, type Session } from "../storage/session.ts";
import { callerRefusals, errorResponses } from "./error-responses.ts";
import { examples } from "./examples.ts";
import { id, success, time } from "./fields.ts";
import { nextCursor, pageQuery } from "./pages.ts";

const auditEvent = lazy(() =>
  z
    .strictObject({
      id: id(),
      at: time(),
      type: z.string(),
      outcome: z.enum(["success", "failure"]),
      reason: z.string().nullable().meta({ description: "Of a failure: why it was refused." }),
      organizationId: id().nullable(),
      identityId: id().nullable(),
      actor: z.string().meta({ description: "operator, identity/{id}, oci/{userOcid}, or worker." }),
      ip: z.string().nullable(),
      userAgent: z.string().nullable(),
      reqId: z.string(),
      details: z.record(z.string(), z.unknown()),
    })
    .meta({ id: "AuditEvent" }),
);

const example: z.output<ReturnType<typeof auditEvent>> = {
  id: "a1c6f8d3-47b2-4e90-8c5d-7f3e9b20d6a4",
  at: examples.time,
  type: "token.revoke",
  outcome: "success",
  reason: null,
  organizationId: examples.organizationId,
  identityId: examples.identityId,
  actor: `identity/${examples.identityId}`,
  ip: examples.ip,
  userAgent: "curl/8.5.0",
  reqId: examples.reqId,
  details: { tokenId: examples.tokenId },
};

const instant = lazy(() =>
  z.iso
    .datetime({ offset: true })
    .transform((text) => new Date(text).toISOString())
    // An offset can lead past the years that sort as text.
    .refine((text) => /^\d{4}-/.test(text), "is not in the years 0000 to 9999")
    .meta({ type: "string", format: "date-time" }),
);

/** An operator reads everything, an admin what happened in the organization of its token and those below. */
async function scopeOf(
  database: Session,
  caller: Caller,
  organizationId: string | undefined,
): Promise<Pick<EventsQuery, "organizationId" | "rootOrganizationId">> {
  // An operator may ask about organizations that are gone.
  if (caller.kind === "operator") return { organizationId };
  const asked = organizationId ?? caller.organizationId;
  const organization = orNotFound(await findOrganization(database, caller, asked), "Organization");
  const wholeRoot = organizationId === undefined && organization.parentId === null;
  return wholeRoot ? { rootOrganizationId: organization.id } : { organizationId: organization.id };
}

export const auditEventsRoute = defineRoute(
  {
    method: "get",
    path: "/api/v1/audit-events",
    tags: ["Audit"],
    operationId: "listAuditEvents",
    summary: "List audit events",
    description:
      "What happened, newest first. Logins, renewals and revocations appear within seconds; each appears once.",
    ...adminOnly,
    request: {
      query: lazy(() =>
        pageQuery().extend({
          organizationId: id().optional(),
          identityId: id().optional(),
          from: instant().optional(),
          to: instant().optional(),
        }),
      ),
    },
    responses: () => ({
      ...success("A page", z.strictObject({ auditEvents: z.array(auditEvent()), nextCursor: nextCursor() }), {
        auditEvents: [example],
        nextCursor: null,
      }),
      ...errorResponses(callerRefusals, "validation", "not-found"),
    }),
  },
  async (c) => {
    const { organizationId, ...query } = c.req.valid("query");
    const auditDb = primarySession(c.env.AUDIT_DB, c.var.timings);
    const scope = await scopeOf(c.var.database, c.var.caller, organizationId);
    // An identity's events are all of one root. Looking at one of them saves looking through all of another root's.
    const { identityId } = query;
    if (scope.rootOrganizationId !== undefined && identityId !== undefined) {
      const root = await rootOfEvents(auditDb, identityId);
      if (root !== scope.rootOrganizationId) return c.json({ auditEvents: [], nextCursor: null }, 200);
    }
    const { page, nextCursor } = await listEvents(auditDb, { ...query, ...scope });
    return c.json({ auditEvents: page, nextCursor }, 200);
  },
);
