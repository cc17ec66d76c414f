import * as z from "zod";
import { operatorOnly } from "../http/authenticate.ts";
import { defineRoute } from "../http/route.ts";
import { lazy } from "../lazy.ts";
import { isFingerprint } from "../oci/key-id.ts";
import { parseTenancyOcid, parseUserOcid, realmOf, type UserOcid } from "../oci/ocid.ts";
import { parsePrivateKey } from "../oci/private-key.ts";
import { isRegion, regionAdvice } from "../oci/regions.ts";
import { Refusal } from "../refusal.ts";
import { reEncrypt } from "../tenancies/re-encryption.ts";
import {
  deleteTenancy,
  getTenancy,
  listTenancies,
  putTenancy,
  type Tenancy,
} from "../tenancies/tenancies.ts";
import { bodyRefusals, callerRefusals, errorResponses } from "./error-responses.ts";
import { examples } from "./examples.ts";
import { id, jsonBody, success, time } from "./fields.ts";
import { namedTenancy, tenancyPath } from "./oci-paths.ts";
import { nextCursor, pageQuery } from "./pages.ts";

const tenancy = lazy(() =>
  z
    .strictObject({
      tenancyOcid: z.string(),
      region: z.string(),
      organizationIds: z.array(id()),
      userOcid: z.string(),
      fingerprint: z.string(),
      createdAt: time(),
      updatedAt: time(),
    })
    .meta({ id: "Tenancy" }),
);

const one = lazy(() => z.strictObject({ tenancy: tenancy() }));

const { tenancyOcid, region, userOcid, fingerprint, time: at } = examples;
const stored = { region, organizationIds: [examples.organizationId], userOcid, fingerprint };
const example = { tenancy: { tenancyOcid, ...stored, createdAt: at, updatedAt: at } };

const registration = () =>
  z.strictObject({
    region: z.string().refine(isRegion, {
      error: ({ input }) => `is not a region's name: ${regionAdvice(String(input))}`,
    }),
    organizationIds: z
      .array(id())
      .max(1000)
      .meta({ description: "The root organizations whose identities may log in from this tenancy." }),
    userOcid: z
      .string()
      .transform((text, context): UserOcid => {
        const ocid = parseUserOcid(text);
        if (ocid.ok) return ocid.value;
        context.addIssue(ocid.problem);
        return z.NEVER;
      })
      .meta({ type: "string", description: "The OCI user that the Worker reads users as." }),
    fingerprint: z.string().refine(isFingerprint, "is not 16 lower-case hex pairs separated by colons"),
    privateKey: z.string().meta({
      description:
        "Its private API key in PEM, PKCS#8 or PKCS#1, whose fingerprint is the one above. It is encrypted at rest and never returned.",
    }),
  });

function view({ encryptedPrivateKey: _, ...row }: Tenancy) {
  return { tenancy: row };
}

function invalid(path: string, message: string): Refusal {
  return new Refusal("validation", undefined, { issues: [{ code: "custom", path: [path], message }] });
}

const path = "/api/v1/oci/tenancies";
const onePath = "/api/v1/oci/tenancies/{tenancyOcid}";
const common = { tags: ["OCI tenancies"], ...operatorOnly };

export const tenancyRoutes = [
  defineRoute(
    {
      ...common,
      method: "put",
      path: onePath,
      operationId: "putTenancy",
      summary: "Register a tenancy",
      description:
        "Register a tenancy, or replace its registration. The credential is tried against OCI before it is stored; where OCI refuses it, the 400 has OCI's answer in details.oci.",
      request: {
        params: tenancyPath,
        body: jsonBody(registration, {
          ...stored,
          privateKey: "-----BEGIN PRIVATE KEY-----\n…\n-----END PRIVATE KEY-----\n",
        }),
      },
      responses: () => ({
        ...success("Stored", one(), example),
        ...errorResponses(callerRefusals, bodyRefusals, "conflict", "oci-unavailable"),
      }),
    },
    async (c) => {
      const ocid = parseTenancyOcid(c.req.valid("param").tenancyOcid);
      if (!ocid.ok) throw invalid("tenancyOcid", ocid.problem);
      const { privateKey, ...body } = c.req.valid("json");
      if (realmOf(body.userOcid) !== realmOf(ocid.value)) {
        throw invalid("userOcid", "is of another realm than the tenancy");
      }
      const key = await parsePrivateKey(privateKey);
      if (!key.ok) throw invalid("privateKey", key.problem);
      if (key.value.fingerprint !== body.fingerprint) {
        throw invalid("fingerprint", `is not the private key's, which is ${key.value.fingerprint}`);
      }
      const row = await putTenancy(c.var.database, c.var.caller, c.var.config.oci, {
        ...body,
        organizationIds: [...new Set(body.organizationIds)],
        tenancyOcid: ocid.value,
        pkcs8: key.value.pkcs8,
      });
      return c.json(view(row), 200);
    },
  ),
  defineRoute(
    {
      ...common,
      method: "get",
      path,
      operationId: "listTenancies",
      summary: "List tenancies",
      request: { query: pageQuery },
      responses: () => ({
        ...success("A page", z.strictObject({ tenancies: z.array(tenancy()), nextCursor: nextCursor() }), {
          tenancies: [example.tenancy],
          nextCursor: null,
        }),
        ...errorResponses(callerRefusals, "validation"),
      }),
    },
    async (c) => {
      const { page, nextCursor } = await listTenancies(c.var.database, c.req.valid("query"));
      return c.json({ tenancies: page.map((row) => view(row).tenancy), nextCursor }, 200);
    },
  ),
  defineRoute(
    {
      ...common,
      method: "post",
      path: `${path}/re-encrypt`,
      operationId: "reEncryptTenancies",
      summary: "Encrypt credentials anew",
      description:
        "Encrypt a page of the stored credentials with the first of ENCRYPTION_KEYS. It may be repeated, and goes on with nextCursor.",
      request: { query: pageQuery },
      responses: () => ({
        ...success(
          "Done for this page",
          z.strictObject({
            reEncrypted: z.number().meta({ description: "Were encrypted with an older key." }),
            current: z.number().meta({ description: "Were encrypted with the first key already." }),
            changed: z.number().meta({
              description: "Registered anew or deleted in the meantime, and left alone: run it again.",
            }),
            undecryptable: z.array(z.string()).meta({
              description: "Tenancies whose credential no key decrypts: register them again.",
            }),
            nextCursor: nextCursor(),
          }),
          { reEncrypted: 1, current: 0, changed: 0, undecryptable: [], nextCursor: null },
        ),
        ...errorResponses(callerRefusals, "validation"),
      }),
    },
    async (c) => {
      const database = c.var.database;
      const { page, nextCursor } = await listTenancies(database, c.req.valid("query"));
      const done = await reEncrypt(database, c.var.caller, c.var.config.oci.encryptionKeys, page);
      return c.json({ ...done, nextCursor }, 200);
    },
  ),
  defineRoute(
    {
      ...common,
      method: "get",
      path: onePath,
      operationId: "getTenancy",
      summary: "Get a tenancy",
      request: { params: tenancyPath },
      responses: () => ({
        ...success("The tenancy", one(), example),
        ...errorResponses(callerRefusals, "not-found"),
      }),
    },
    async (c) => {
      const row = await getTenancy(c.var.database, namedTenancy(c.req.valid("param").tenancyOcid));
      return c.json(view(row), 200);
    },
  ),
  defineRoute(
    {
      ...common,
      method: "delete",
      path: onePath,
      operationId: "deleteTenancy",
      summary: "Delete a tenancy",
      description: "Delete a tenancy that no identity uses.",
      request: { params: tenancyPath },
      responses: () => ({
        ...success("Deleted", one(), example),
        ...errorResponses(callerRefusals, "conflict", "not-found"),
      }),
    },
    async (c) => {
      const row = await deleteTenancy(
        c.var.database,
        c.var.caller,
        namedTenancy(c.req.valid("param").tenancyOcid),
      );
      return c.json(view(row), 200);
    },
  ),
] as const;
