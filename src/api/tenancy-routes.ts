import * as z from "zod";
import { recordAction } from "../audit/outbox.ts";
import { operatorOnly } from "../http/authenticate.ts";
import { ledgers, userDirectory } from "../http/dependencies.ts";
import { defineRoute } from "../http/route.ts";
import { lazy } from "../lazy.ts";
import { isFingerprint } from "../oci/key-id.ts";
import {
  type InstanceOcid,
  parseInstanceOcid,
  parseTenancyOcid,
  parseUserOcid,
  realmOf,
  type TenancyOcid,
  type UserOcid,
} from "../oci/ocid.ts";
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

/** The tenancy that a path names; what is not an OCID names nothing. */
function named(text: string): TenancyOcid {
  const ocid = parseTenancyOcid(text);
  if (!ocid.ok) throw new Refusal("not-found", "Tenancy not found");
  return ocid.value;
}

function invalid(path: string, message: string): Refusal {
  return new Refusal("validation", undefined, { issues: [{ code: "custom", path: [path], message }] });
}

function namedUser(text: string): UserOcid {
  const ocid = parseUserOcid(text);
  if (!ocid.ok) throw new Refusal("not-found", "User not found");
  return ocid.value;
}

function namedInstance(text: string): InstanceOcid {
  const ocid = parseInstanceOcid(text);
  if (!ocid.ok) throw new Refusal("not-found", "Instance not found");
  return ocid.value;
}

const path = "/api/v1/oci/tenancies";
const onePath = "/api/v1/oci/tenancies/{tenancyOcid}";
const params = lazy(() => z.object({ tenancyOcid: z.string().meta({ example: tenancyOcid }) }));
const userParams = lazy(() => params().extend({ userOcid: z.string().meta({ example: userOcid }) }));
const instanceParams = lazy(() =>
  params().extend({ instanceOcid: z.string().meta({ example: examples.instanceOcid }) }),
);
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
        params,
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
      request: { params },
      responses: () => ({
        ...success("The tenancy", one(), example),
        ...errorResponses(callerRefusals, "not-found"),
      }),
    },
    async (c) => {
      const row = await getTenancy(c.var.database, named(c.req.valid("param").tenancyOcid));
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
      request: { params },
      responses: () => ({
        ...success("Deleted", one(), example),
        ...errorResponses(callerRefusals, "conflict", "not-found"),
      }),
    },
    async (c) => {
      const row = await deleteTenancy(c.var.database, c.var.caller, named(c.req.valid("param").tenancyOcid));
      return c.json(view(row), 200);
    },
  ),
  defineRoute(
    {
      ...common,
      method: "delete",
      path: "/api/v1/oci/tenancies/{tenancyOcid}/users/{userOcid}/cache",
      operationId: "purgeUser",
      summary: "Forget a cached user",
      description:
        "Forget what is cached of a user, here at once and elsewhere within about a minute, so that the next login asks OCI. An entry that another location is writing at that moment may stay until it is stale: to stop a login for certain, suspend the identity.",
      request: { params: userParams },
      responses: () => ({
        ...success("Purged", z.strictObject({ purgedAt: time() }), { purgedAt: at }),
        ...errorResponses(callerRefusals, "not-found"),
      }),
    },
    async (c) => {
      const tenancyOcid = named(c.req.valid("param").tenancyOcid);
      const database = c.var.database;
      await getTenancy(database, tenancyOcid);
      const userOcid = namedUser(c.req.valid("param").userOcid);
      await recordAction(database, c.var.caller, {
        type: "tenancy.purge-user",
        details: { tenancyOcid, userOcid },
      });
      try {
        await userDirectory(c).forget(tenancyOcid, userOcid, c.var.now);
      } catch (error) {
        throw new Refusal("storage-unavailable", undefined, { cause: error });
      }
      return c.json({ purgedAt: new Date().toISOString() }, 200);
    },
  ),
  defineRoute(
    {
      ...common,
      method: "post",
      path: "/api/v1/oci/tenancies/{tenancyOcid}/users/{userOcid}/wake-ledgers",
      operationId: "wakeLedgers",
      summary: "Wake a user's ledgers",
      description:
        "Have the ledgers of a user move what waits in them, after a release that broke their alarms. It changes nothing else and may be repeated.",
      request: { params: userParams },
      responses: () => ({
        ...success("Woken", z.strictObject({ woken: z.number() }), { woken: 16 }),
        ...errorResponses(callerRefusals, "not-found"),
      }),
    },
    async (c) => {
      // Whether they are registered or not: what waits outlives a registration.
      const tenancyOcid = named(c.req.valid("param").tenancyOcid);
      const userOcid = namedUser(c.req.valid("param").userOcid);
      const woken = await ledgers(c).wake({ authority: tenancyOcid, subject: userOcid });
      return c.json({ woken }, 200);
    },
  ),
  defineRoute(
    {
      ...common,
      method: "post",
      path: "/api/v1/oci/tenancies/{tenancyOcid}/instances/{instanceOcid}/wake-ledgers",
      operationId: "wakeInstanceLedgers",
      summary: "Wake an instance's ledgers",
      description:
        "Have the ledgers of an instance move what waits in them, after a release that broke their alarms. It changes nothing else and may be repeated.",
      request: { params: instanceParams },
      responses: () => ({
        ...success("Woken", z.strictObject({ woken: z.number() }), { woken: 16 }),
        ...errorResponses(callerRefusals, "not-found"),
      }),
    },
    async (c) => {
      // Whether they are registered or not: what waits outlives a registration.
      const tenancyOcid = named(c.req.valid("param").tenancyOcid);
      const instanceOcid = namedInstance(c.req.valid("param").instanceOcid);
      const woken = await ledgers(c).wake({ authority: tenancyOcid, subject: instanceOcid });
      return c.json({ woken }, 200);
    },
  ),
] as const;
