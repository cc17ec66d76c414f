import * as z from "zod";
import { operatorOnly } from "../http/authenticate.ts";
import { defineRoute } from "../http/route.ts";
import { lazy } from "../lazy.ts";
import { log } from "../log.ts";
import { checkCredentials } from "../operations/credentials.ts";
import { checkDependencies, dependencyTimeoutMilliseconds } from "../operations/dependencies.ts";
import { credentialProblems, dependencyProblems } from "../operations/problems.ts";
import { listTenancies } from "../tenancies/tenancies.ts";
import { withTimeout } from "../timeout.ts";
import { running } from "../version.ts";
import { bodySchema, callerRefusals, errorResponses } from "./error-responses.ts";
import { examples } from "./examples.ts";
import { success } from "./fields.ts";
import { nextCursor, pageQuery } from "./pages.ts";

/** Short of the limit of a request (http/route.ts), so that what was found until then is told. */
const maxCheckMilliseconds = 6000;

const ok = () => z.boolean();
const message = () => z.string().optional().meta({ description: "What is wrong and what to do." });
const dependency = lazy(() =>
  z
    .strictObject({
      ok: ok(),
      problem: z.enum(dependencyProblems).optional(),
      message: message(),
      sizeBytes: z.number().optional().meta({ description: "Of a database, of the 10 GB that it may have." }),
      changesWaiting: z
        .number()
        .optional()
        .meta({ description: "Of DB: changes whose events are not in the audit log yet." }),
      oldestChangeAt: z
        .string()
        .nullable()
        .optional()
        .meta({ description: "Of DB: when the oldest of them was made; null if none waits." }),
      eventsRefused: z
        .number()
        .optional()
        .meta({ description: "Of AUDIT_DB: events that it refuses, and that stay in their outboxes." }),
    })
    .meta({ id: "DependencyCheck" }),
);

const credential = lazy(() =>
  z
    .strictObject({
      tenancyOcid: z.string(),
      ok: ok(),
      problem: z.enum(credentialProblems).optional(),
      message: message(),
      oci: z
        .strictObject({
          status: z.number().optional(),
          code: z.string().optional(),
          message: z.string().optional(),
          opcRequestId: z.string().optional(),
        })
        .optional()
        .meta({ description: "What OCI said." }),
    })
    .meta({ id: "CredentialCheck" }),
);

const version = lazy(() =>
  z
    .strictObject({
      release: z.string().meta({ description: "The release, as CHANGELOG.md has it." }),
      versionId: z
        .string()
        .nullable()
        .meta({ description: "Which upload of it, as `wrangler versions list` has it." }),
      uploadedAt: z.string().nullable(),
    })
    .meta({
      id: "RunningVersion",
      description: "Which code answers, as every line of the log names it.",
    }),
);

const report = lazy(() =>
  z
    .strictObject({
      ready: z.boolean(),
      version: version(),
      dependencies: z.strictObject({
        DB: dependency(),
        AUDIT_DB: dependency(),
        DIRECTORY: dependency(),
        LEDGER: dependency(),
      }),
      tenancies: z.array(credential()).nullable().meta({ description: "null while they cannot be read." }),
      nextCursor: nextCursor(),
    })
    .meta({ id: "Readiness" }),
);

const example = {
  ready: true,
  version: {
    release: "0.1.0",
    versionId: "db7cd8d3-4425-4fe7-8c81-01bf963b6067",
    uploadedAt: "2026-11-24T03:04:57.000Z",
  },
  dependencies: {
    DB: { ok: true, sizeBytes: 81_920, changesWaiting: 0, oldestChangeAt: null },
    AUDIT_DB: { ok: true, sizeBytes: 40_960, eventsRefused: 0 },
    DIRECTORY: { ok: true },
    LEDGER: { ok: true },
  },
  tenancies: [{ tenancyOcid: examples.tenancyOcid, ok: true }],
  nextCursor: null,
};

/**
 * A report is data and not an error: it has one shape whatever it finds, and its status says at a glance what
 * `ready` says. Its request id is in the header, as every answer's is.
 */
export const readyRoute = defineRoute(
  {
    ...operatorOnly,
    method: "get",
    path: "/ready",
    tags: ["Service"],
    operationId: "getReadiness",
    summary: "Check everything",
    description:
      "Whether everything that the Worker depends on answers, and each tenancy's credential of the page still works.",
    request: { query: pageQuery },
    responses: () => ({
      ...errorResponses(callerRefusals, "validation"),
      ...success("Ready", report(), example),
      503: {
        description: "Not ready, and why; or the request was given up",
        content: {
          "application/json": {
            schema: z.union([report(), bodySchema(503)]),
            example: { ...example, ready: false, tenancies: null },
          },
        },
      },
    }),
  },
  async (c) => {
    const { config, timings } = c.var;
    const deadline = Date.now() + maxCheckMilliseconds;
    const checkTenancies = async () => {
      const listed = listTenancies(c.var.database, c.req.valid("query"));
      const { page, nextCursor } = await withTimeout(dependencyTimeoutMilliseconds, listed);
      return {
        checks: await timings.measure("oci", checkCredentials(config.oci, page, deadline)),
        nextCursor,
      };
    };
    const [dependencies, tenancies] = await Promise.all([
      checkDependencies(c.env, timings),
      checkTenancies().catch((error) => {
        log("error", { message: "the tenancies cannot be read", error: String(error) });
        return { checks: null, nextCursor: null };
      }),
    ]);
    const found = [...Object.values(dependencies), ...(tenancies.checks ?? [{ ok: false }])];
    const ready = found.every((check) => check.ok);
    const { checks, nextCursor } = tenancies;
    const body = { ready, version: running, dependencies, tenancies: checks, nextCursor };
    return c.json(body, ready ? 200 : 503);
  },
);
