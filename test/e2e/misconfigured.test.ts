import { afterEach, describe, expect, it } from "vitest";
import { startWorker, type Worker } from "./worker.ts";

let worker: Worker;
afterEach(() => worker.close());

/** Requests that need the configuration: 500 with the envelope, and one log line that says what to mend. */
async function expectMisconfigured(name: string, how: RegExp) {
  for (const path of ["/.well-known/jwks.json", "/api/v1/organizations", "/nowhere"]) {
    worker.clearLogs();
    const { status, body } = await worker.send(path);
    expect([status, body]).toEqual([
      500,
      {
        reqId: expect.stringMatching(/^req-[\w-]{14}$/),
        statusCode: 500,
        message: "Something went wrong",
        error: "InternalServerError",
      },
    ]);
    await expect.poll(() => worker.logs().map(({ message }) => message)).toHaveLength(1);
    const [line] = worker.logs();
    const logged = JSON.parse(line?.message ?? "");
    expect(logged).toMatchObject({ level: "error", reqId: body.reqId });
    expect(logged.message).toContain(name);
    expect(logged.message).toMatch(how);
  }
  expect(await worker.send("/health")).toMatchObject({ status: 200, body: { status: "ok" } });
}

const privateValue = "do-not-log-this-value-do-not-log";

describe("a Worker without", () => {
  it.each([
    ["ADMIN_TOKEN", { secrets: { ADMIN_TOKEN: "" } }, /oci-auth secrets new/],
    ["ADMIN_TOKEN", { secrets: { ADMIN_TOKEN: "short" } }, /less than 32 bytes.*oci-auth secrets new/],
    [
      "TOKEN_SIGNING_KEYS",
      { secrets: { TOKEN_SIGNING_KEYS: privateValue } },
      /not JSON.*oci-auth secrets new/,
    ],
    ["TOKEN_SIGNING_KEYS", { secrets: { TOKEN_SIGNING_KEYS: '{"keys":[]}' } }, /oci-auth secrets new/],
    [
      "ENCRYPTION_KEYS",
      { secrets: { ENCRYPTION_KEYS: `{"keys":["${privateValue}"]}` } },
      /oci-auth secrets new/,
    ],
    ["ISSUER_URL", { vars: { ISSUER_URL: "http://auth.example.com" } }, /https origin.*wrangler.toml/],
    ["OCI_IDENTITY_ORIGIN", { vars: { OCI_IDENTITY_ORIGIN: "https://evil.example.com" } }, /loopback/],
    [
      "OCI_AUTH_ORIGIN",
      { vars: { OCI_AUTH_ORIGIN: "https://evil.example.com/{region}" } },
      /loopback.*\{region\}/,
    ],
    ["TOKEN_AUDIENCE", { vars: { TOKEN_AUDIENCE: "https://auth.example.com" } }, /may not be the issuer/],
    ["MAX_TOKEN_TTL_SECONDS", { vars: { MAX_TOKEN_TTL_SECONDS: "1h" } }, /whole number of seconds/],
  ] as const)("a right %s says so", async (name, overrides, how) => {
    worker = await startWorker(overrides);
    await expectMisconfigured(name, how);
    expect(JSON.stringify(worker.logs())).not.toContain(privateValue);
  });
});
