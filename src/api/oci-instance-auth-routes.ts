import * as z from "zod";
import { adminOnly } from "../http/authenticate.ts";
import { defineRoute } from "../http/route.ts";
import {
  attach,
  detach,
  getConfiguration,
  ociInstanceAuth,
  updateConfiguration,
} from "../identities/auth-configurations.ts";
import { lazy } from "../lazy.ts";
import type { OciInstanceAuthConfig } from "../storage/tables.ts";
import { bodyRefusals, callerRefusals, errorResponses } from "./error-responses.ts";
import { examples } from "./examples.ts";
import { id, identityPath, jsonBody, success, time } from "./fields.ts";
import { instanceAttachment, instanceChange } from "./oci-instance-auth-settings.ts";
import { exampleTokenSettings, storedTokenSettings } from "./token-settings.ts";

const identityOciInstanceAuth = lazy(() =>
  z
    .strictObject({
      id: id(),
      identityId: id(),
      type: z.literal("iam"),
      tenancyOcid: z.string(),
      allowedCompartmentOcids: z.string().nullable(),
      allowedInstanceOcids: z.string().nullable(),
      allowedRegions: z.string().nullable(),
      ...storedTokenSettings(),
      createdAt: time(),
      updatedAt: time(),
    })
    .meta({ id: "IdentityOciInstanceAuth" }),
);

const one = lazy(() => z.strictObject({ identityOciInstanceAuth: identityOciInstanceAuth() }));

const example = {
  identityOciInstanceAuth: {
    id: examples.ociInstanceAuthId,
    identityId: examples.identityId,
    type: "iam" as const,
    tenancyOcid: examples.tenancyOcid,
    allowedCompartmentOcids: examples.compartmentOcid,
    allowedInstanceOcids: null,
    allowedRegions: null,
    ...exampleTokenSettings,
    createdAt: examples.time,
    updatedAt: examples.time,
  },
};

function view({ rootOrganizationId: _, ...row }: OciInstanceAuthConfig) {
  return { identityOciInstanceAuth: { ...row, type: "iam" as const } };
}

const common = {
  tags: ["OCI Instance Auth"],
  ...adminOnly,
  path: "/api/v1/auth/oci-instance-auth/identities/{identityId}" as const,
};

export const ociInstanceAuthRoutes = [
  defineRoute(
    {
      ...common,
      method: "post",
      operationId: "attachOciInstanceAuth",
      summary: "Attach OCI Instance Auth to an identity",
      description: "Let compute instances of an OCI tenancy log in as this identity, by their certificates.",
      request: {
        params: identityPath,
        body: jsonBody(instanceAttachment, {
          tenancyOcid: examples.tenancyOcid,
          allowedCompartmentOcids: examples.compartmentOcid,
        }),
      },
      responses: () => ({
        ...success("Attached", one(), example),
        ...errorResponses(callerRefusals, bodyRefusals, "conflict", "not-found"),
      }),
    },
    async (c) => {
      const { identityId } = c.req.valid("param");
      const { issuer } = c.var.config.tokens;
      const settings = c.req.valid("json");
      return c.json(
        view(await attach(ociInstanceAuth, c.var.database, c.var.caller, issuer, identityId, settings)),
        200,
      );
    },
  ),
  defineRoute(
    {
      ...common,
      method: "get",
      operationId: "getOciInstanceAuth",
      summary: "Get an identity's OCI Instance Auth",
      request: { params: identityPath },
      responses: () => ({
        ...success("The configuration", one(), example),
        ...errorResponses(callerRefusals, "not-found", "no-oci-instance-auth"),
      }),
    },
    async (c) => {
      const { identityId } = c.req.valid("param");
      return c.json(
        view(await getConfiguration(ociInstanceAuth, c.var.database, c.var.caller, identityId)),
        200,
      );
    },
  ),
  defineRoute(
    {
      ...common,
      method: "patch",
      operationId: "updateOciInstanceAuth",
      summary: "Change an identity's OCI Instance Auth",
      description:
        "Change what the body names and nothing else; lists and accessTokenAudience are cleared by null.",
      request: {
        params: identityPath,
        body: jsonBody(instanceChange, {
          accessTokenTTL: 900,
          allowedRegions: examples.region,
        }),
      },
      responses: () => ({
        ...success("Changed", one(), example),
        ...errorResponses(callerRefusals, bodyRefusals, "conflict", "not-found", "no-oci-instance-auth"),
      }),
    },
    async (c) => {
      const { identityId } = c.req.valid("param");
      const { issuer } = c.var.config.tokens;
      const named = c.req.valid("json");
      return c.json(
        view(
          await updateConfiguration(ociInstanceAuth, c.var.database, c.var.caller, issuer, identityId, named),
        ),
        200,
      );
    },
  ),
  defineRoute(
    {
      ...common,
      method: "delete",
      operationId: "detachOciInstanceAuth",
      summary: "Detach OCI Instance Auth from an identity",
      description: "End logins of instances as this identity, and all of its tokens.",
      request: { params: identityPath },
      responses: () => ({
        ...success("Detached", one(), example),
        ...errorResponses(callerRefusals, "not-found", "no-oci-instance-auth"),
      }),
    },
    async (c) => {
      const { identityId } = c.req.valid("param");
      return c.json(view(await detach(ociInstanceAuth, c.var.database, c.var.caller, identityId)), 200);
    },
  ),
] as const;
