import * as z from "zod";
import { adminOnly } from "../http/authenticate.ts";
import { defineRoute } from "../http/route.ts";
import {
  attach,
  detach,
  getConfiguration,
  ociAuth,
  updateConfiguration,
} from "../identities/auth-configurations.ts";
import { lazy } from "../lazy.ts";
import type { OciAuthConfig } from "../storage/tables.ts";
import { bodyRefusals, callerRefusals, errorResponses } from "./error-responses.ts";
import { examples } from "./examples.ts";
import { id, identityPath, jsonBody, success, time } from "./fields.ts";
import { attachment, change, signatureReuse } from "./oci-auth-settings.ts";
import { exampleTokenSettings, storedTokenSettings } from "./token-settings.ts";

const identityOciAuth = lazy(() =>
  z
    .strictObject({
      id: id(),
      identityId: id(),
      type: z.literal("iam"),
      tenancyOcid: z.string(),
      allowedUsernames: z.string().nullable(),
      ...storedTokenSettings(),
      signatureReuse: signatureReuse(),
      createdAt: time(),
      updatedAt: time(),
    })
    .meta({ id: "IdentityOciAuth" }),
);

const one = lazy(() => z.strictObject({ identityOciAuth: identityOciAuth() }));

const example = {
  identityOciAuth: {
    id: examples.ociAuthId,
    identityId: examples.identityId,
    type: "iam" as const,
    tenancyOcid: examples.tenancyOcid,
    allowedUsernames: examples.username,
    ...exampleTokenSettings,
    signatureReuse: "allow" as const,
    createdAt: examples.time,
    updatedAt: examples.time,
  },
};

function view({ rootOrganizationId: _, ...row }: OciAuthConfig) {
  return { identityOciAuth: { ...row, type: "iam" as const } };
}

const common = {
  tags: ["OCI Auth"],
  ...adminOnly,
  path: "/api/v1/auth/oci-auth/identities/{identityId}" as const,
};

export const ociAuthRoutes = [
  defineRoute(
    {
      ...common,
      method: "post",
      operationId: "attachOciAuth",
      summary: "Attach OCI Auth to an identity",
      description: "Let users of an OCI tenancy log in as this identity.",
      request: {
        params: identityPath,
        body: jsonBody(attachment, {
          tenancyOcid: examples.tenancyOcid,
          allowedUsernames: examples.username,
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
        view(await attach(ociAuth, c.var.database, c.var.caller, issuer, identityId, settings)),
        200,
      );
    },
  ),
  defineRoute(
    {
      ...common,
      method: "get",
      operationId: "getOciAuth",
      summary: "Get an identity's OCI Auth",
      request: { params: identityPath },
      responses: () => ({
        ...success("The configuration", one(), example),
        ...errorResponses(callerRefusals, "not-found", "no-oci-auth"),
      }),
    },
    async (c) => {
      const { identityId } = c.req.valid("param");
      return c.json(view(await getConfiguration(ociAuth, c.var.database, c.var.caller, identityId)), 200);
    },
  ),
  defineRoute(
    {
      ...common,
      method: "patch",
      operationId: "updateOciAuth",
      summary: "Change an identity's OCI Auth",
      description:
        "Change what the body names and nothing else; allowedUsernames and accessTokenAudience are cleared by null.",
      request: {
        params: identityPath,
        body: jsonBody(change, {
          accessTokenTTL: 900,
          signatureReuse: "reject",
        }),
      },
      responses: () => ({
        ...success("Changed", one(), example),
        ...errorResponses(callerRefusals, bodyRefusals, "conflict", "not-found", "no-oci-auth"),
      }),
    },
    async (c) => {
      const { identityId } = c.req.valid("param");
      const { issuer } = c.var.config.tokens;
      const named = c.req.valid("json");
      return c.json(
        view(await updateConfiguration(ociAuth, c.var.database, c.var.caller, issuer, identityId, named)),
        200,
      );
    },
  ),
  defineRoute(
    {
      ...common,
      method: "delete",
      operationId: "detachOciAuth",
      summary: "Detach OCI Auth from an identity",
      description: "End logins as this identity, and all of its tokens.",
      request: { params: identityPath },
      responses: () => ({
        ...success("Detached", one(), example),
        ...errorResponses(callerRefusals, "not-found", "no-oci-auth"),
      }),
    },
    async (c) => {
      const { identityId } = c.req.valid("param");
      return c.json(view(await detach(ociAuth, c.var.database, c.var.caller, identityId)), 200);
    },
  ),
] as const;
