import { Hono } from "hono";
import { afterEach, expect, it, vi } from "vitest";
import { respondToError } from "../../src/http/envelope.ts";
import { requestId } from "../../src/http/request-id.ts";
import { requestLog } from "../../src/http/request-log.ts";
import type { AppEnv } from "../../src/http/route.ts";
import { StorageError } from "../../src/http/storage-error.ts";

afterEach(() => vi.restoreAllMocks());

it.each([
  [
    "a fault of ours",
    new TypeError("secret-of-ours is not a function"),
    500,
    "InternalServerError",
    "Something went wrong",
  ],
  [
    "a fault of D1's",
    new Error("Failed query: secret-of-ours", {
      cause: new StorageError("D1_ERROR: no such table: secret-of-ours"),
    }),
    503,
    "ServiceUnavailable",
    expect.stringContaining("storage"),
  ],
])(
  "%s tells the caller nothing of it, and the log all but the parameters of a query",
  async (_, fault, status, error, message) => {
    const logged = vi.spyOn(console, "error").mockReturnValue();
    const app = new Hono<AppEnv>().use(requestId, requestLog).get("/", () => {
      throw fault;
    });
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
    expect(lines[0].message).not.toContain("Failed query");
  },
);
