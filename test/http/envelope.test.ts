import { env } from "cloudflare:workers";
import { Hono } from "hono";
import { afterEach, expect, it, vi } from "vitest";
import { respondToError } from "../../src/http/envelope.ts";
import { requestId } from "../../src/http/request-id.ts";
import { requestLog } from "../../src/http/request-log.ts";
import type { AppEnv } from "../../src/http/route.ts";
import { primarySession } from "../../src/storage/session.ts";
import { sql } from "../../src/storage/sql.ts";
import { versionOf } from "../../src/version.ts";

afterEach(() => vi.restoreAllMocks());

it.each<[string, () => Promise<unknown>, number, string, unknown]>([
  [
    "a fault of ours",
    () => Promise.reject(new TypeError("secret-of-ours is not a function")),
    500,
    "InternalServerError",
    "Something went wrong",
  ],
  [
    "a fault of D1's",
    () => primarySession(env.DB).all(sql`SELECT ${"parameter"} FROM [secret-of-ours]`),
    503,
    "ServiceUnavailable",
    expect.stringContaining("storage"),
  ],
])(
  "%s tells the caller nothing of it, and the log all but the parameters of a query",
  async (_, fault, status, error, message) => {
    const logged = vi.spyOn(console, "error").mockReturnValue();
    const app = new Hono<AppEnv>().use(requestId, requestLog).get("/", async (c) => c.json(await fault()));
    app.onError(respondToError);
    const response = await app.request("/");
    expect(response.status).toBe(status);
    const body = await response.json();
    expect(body).toEqual({ reqId: response.headers.get("x-request-id"), statusCode: status, message, error });
    expect(JSON.stringify(body)).not.toContain("secret-of-ours");
    const lines = logged.mock.calls.map(([line]) => JSON.parse(String(line)));
    expect(lines).toMatchObject([
      { level: "error", status, message: expect.stringContaining("secret-of-ours") },
    ]);
    expect(lines[0].message).not.toContain("parameter");
  },
);

it("what runs is named by its release, and by its upload where wrangler.toml binds that", () => {
  const release = expect.stringMatching(/^\d+\.\d+\.\d+$/);
  const timestamp = "2026-11-24T03:04:57.000Z";
  const upload = { id: "db7cd8d3-4425-4fe7-8c81-01bf963b6067", tag: "", timestamp };
  expect(versionOf(upload)).toEqual({ release, versionId: upload.id, uploadedAt: timestamp });
  expect(versionOf(undefined)).toEqual({ release, versionId: null, uploadedAt: null });
});
