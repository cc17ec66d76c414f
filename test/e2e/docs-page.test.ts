/** /docs as files: who answers which path, and with which headers. What it does in a browser is in test/browser. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startWorker, type Worker } from "./worker.ts";

let worker: Worker;
beforeAll(async () => {
  worker = await startWorker();
});
afterAll(() => worker.close());

const get = (path: string, method = "GET") =>
  fetch(new URL(path, worker.url), { method, redirect: "manual" });

describe("paths", () => {
  it("/docs is the page", async () => {
    const response = await get("/docs");
    expect([response.status, response.headers.get("content-type")]).toEqual([
      200,
      "text/html; charset=utf-8",
    ]);
    expect(await response.text()).toContain("<title>oci-auth-worker API</title>");
    expect((await get("/docs", "HEAD")).status).toBe(200);
  });

  it("/docs/ leads there", async () => {
    const response = await get("/docs/");
    expect([response.status, response.headers.get("location")]).toEqual([307, "/docs"]);
  });

  it.each(["POST", "PUT", "DELETE"])("%s /docs is a 405", async (method) => {
    expect((await get("/docs", method)).status).toBe(405);
  });

  it.each(["/docs/nothing", "/docs/_headers", "/docs/swagger-ui.css.map", "/_headers", "/nowhere", "/"])(
    "%s is the Worker's own 404",
    async (path) => {
      const answer = await worker.send(path);
      expect([answer.status, answer.body]).toEqual([
        404,
        {
          reqId: answer.headers.get("x-request-id"),
          statusCode: 404,
          message: `Route GET ${path} not found`,
          error: "NotFound",
        },
      ]);
    },
  );
});

/** By name. */
const directives = (headers: Headers) =>
  Object.fromEntries(
    (headers.get("content-security-policy") ?? "").split("; ").map((directive) => {
      const [name = "", ...sources] = directive.split(" ");
      return [name, sources];
    }),
  );

describe("headers", () => {
  const files = ["/docs", "/docs/docs.js", "/docs/docs.css", "/docs/icon.svg", "/docs/swagger-ui-bundle.js"];

  it.each([...files, "/docs/", "/docs.html"])("of %s are those that the Worker sets", async (path) => {
    const { headers: ours } = await worker.send("/health");
    const { headers } = await get(path);
    const perAnswer = ["cache-control", "content-length", "content-type", "date", "x-request-id"];
    const always = [...ours.keys()].filter(
      (name) => !perAnswer.includes(name) && name !== "content-security-policy",
    );
    expect(always).toEqual(expect.arrayContaining(["strict-transport-security", "x-frame-options"]));
    for (const name of always) expect([name, headers.get(name)]).toEqual([name, ours.get(name)]);
    expect(directives(headers)).toMatchObject(directives(ours));
  });

  it.each(files)(
    "of %s let a page run, style and ask what is of this origin, and nothing else",
    async (path) => {
      const { headers } = await get(path);
      expect(directives(headers)).toEqual({
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "connect-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
      });
      // A new version is seen at once; an old one is not sent again.
      expect(headers.get("cache-control")).toBe("public, max-age=0, must-revalidate");
      const again = await fetch(new URL(path, worker.url), {
        headers: { "if-none-match": headers.get("etag") ?? "" },
      });
      expect(again.status).toBe(304);
    },
  );
});
