/** /docs in a real Chromium, as Debian packages it. */
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { addIdentity, addOrganization, addTenancy, addUser } from "../e2e/oci-users.ts";
import { type Operation, operationsOf } from "../e2e/openapi-document.ts";
import { signAsGo } from "../e2e/signers.ts";
import { startWorker, type Worker } from "../e2e/worker.ts";
import { hostname, launch, openPage, type Watched } from "./browser.ts";
import { type ShownText, shownText } from "./readability.ts";

let worker: Worker;
let browser: Browser;
let operations: Operation[];
let site: URL;
beforeAll(async () => {
  worker = await startWorker();
  site = new URL(`http://${hostname}:${worker.url.port}`);
  browser = await launch();
  operations = operationsOf((await worker.send("/openapi.json")).body);
});
afterAll(async () => {
  await browser.close();
  await worker.close();
});

let watched: Watched | undefined;
/** What the console shows that the test brought about. */
let expectedMessages: string[] = [];

async function openDocs(options?: BrowserContextOptions): Promise<Page> {
  watched = await openPage(browser, options);
  await watched.page.goto(new URL("/docs", site).href);
  await watched.page.locator(".opblock").first().waitFor();
  return watched.page;
}

afterEach(async () => {
  const [{ requests = [], messages = [], close } = {}, expected] = [watched, expectedMessages];
  [watched, expectedMessages] = [undefined, []];
  await close?.();
  const fetched = requests.filter((url) => !url.startsWith("data:")).map((url) => new URL(url).origin);
  expect([...new Set(fetched)]).toEqual([site.origin]);
  expect(messages).toEqual(expected);
});

const operation = (page: Page, id: string) => page.locator(`.opblock[id$="-${id}"]`);

/** All at once: one after the other, each would be laid out again for each. */
async function open(page: Page, ids: string[]): Promise<void> {
  await page.evaluate((all) => {
    for (const id of all) {
      document.querySelector<HTMLElement>(`.opblock[id$="-${id}"] .opblock-summary-control`)?.click();
    }
  }, ids);
  for (const id of ids) await operation(page, id).locator(".responses-table").waitFor();
}

/** Sends the operation's request from the page, and gives the answer that the page shows. */
async function send(page: Page, id: string, body?: unknown) {
  const block = operation(page, id);
  await block.locator(".opblock-summary-control").click();
  await block.getByRole("button", { name: "Try it out" }).click();
  if (body !== undefined) await block.locator("textarea").fill(JSON.stringify(body, null, 2));
  await block.getByRole("button", { name: "Execute" }).click();
  const answer = block.locator(".live-responses-table .response");
  return {
    status: await answer.locator(".response-col_status").textContent(),
    body: JSON.parse((await answer.locator(".response-col_description pre").first().textContent()) ?? ""),
  };
}

async function signedLogin() {
  const organizationId = await addOrganization(worker, `docs-${Math.random().toString(36).slice(2)}`);
  const { tenancyOcid } = await addTenancy(worker, [organizationId]);
  const user = await addUser(worker, tenancyOcid);
  const identityId = await addIdentity(worker, organizationId, tenancyOcid);
  return { identityId, userOcid: user.userOcid, headers: signAsGo(user) };
}

it("has every operation of /openapi.json, with its method, path and summary", async () => {
  const page = await openDocs();
  const shown = await page.locator(".opblock").evaluateAll((blocks) =>
    blocks.map((block) => {
      const textOf = (part: string) => block.querySelector(`.opblock-summary-${part}`)?.textContent;
      return [textOf("method"), textOf("path")?.replaceAll("\u200b", ""), textOf("description")];
    }),
  );
  const described = operations.map(({ method, path, summary }) => [method, path, summary]);
  expect(shown.sort()).toEqual(described.sort());
});

it("shows of every operation its parameters, its request and each of its answers", async () => {
  const page = await openDocs();
  await open(
    page,
    operations.map(({ operationId }) => operationId),
  );
  const shown = await page.locator(".opblock").evaluateAll((blocks) =>
    blocks.map((block) => {
      const textsOf = (selector: string) =>
        [...block.querySelectorAll(selector)].map((part) => part.firstChild?.textContent);
      return {
        id: block.id.split("-").at(-1),
        parameters: textsOf("tr[data-param-name] .parameter__name"),
        takesBody: block.querySelector(".opblock-section-request-body") !== null,
        answers: textsOf(".responses-table tbody .response-col_status"),
      };
    }),
  );
  const described = operations.map(({ operationId, parameters = [], requestBody, responses }) => ({
    id: operationId,
    parameters: parameters.map(({ name }) => name),
    takesBody: requestBody !== undefined,
    answers: Object.keys(responses),
  }));
  const byId = (one: { id?: string | undefined }, other: { id?: string | undefined }) =>
    (one.id ?? "").localeCompare(other.id ?? "");
  expect(shown.sort(byId)).toEqual(described.sort(byId));
  expect(await page.locator(".errors-wrapper").count()).toBe(0);
});

describe("a login sent from the page", () => {
  it("gets a token", async () => {
    const { status, body } = await send(await openDocs(), "loginWithOciAuth", await signedLogin());
    expect([status, body]).toEqual([
      "200",
      expect.objectContaining({ tokenType: "Bearer", expiresIn: 3600 }),
    ]);
    expect((await worker.introspect(body.accessToken)).body).toMatchObject({ active: true });
  });

  it("gets a 422 that names what is missing", async () => {
    const { headers, ...login } = await signedLogin();
    const { host } = headers;
    const { status, body } = await send(await openDocs(), "loginWithOciAuth", {
      ...login,
      headers: { host },
    });
    expect([status, body]).toMatchObject(["422", { error: "ValidationFailure" }]);
    expect(JSON.stringify(body.message)).toContain("authorization");
    expectedMessages = [
      "error: Failed to load resource: the server responded with a status of 422 (Unprocessable Entity)",
    ];
  });
});

it("sends ADMIN_TOKEN once it is told, and forgets it with the page", async () => {
  const page = await openDocs();
  const name = `Listed ${Math.random().toString(36).slice(2)}`;
  await worker.admin("POST", "/api/v1/organizations", { name, slug: name.toLowerCase().replace(" ", "-") });
  await page.locator(".auth-wrapper .authorize").click();
  const scheme = page.locator(".auth-container").filter({ hasText: "ADMIN_TOKEN" });
  await scheme.locator("input").fill(worker.secrets.ADMIN_TOKEN ?? "");
  await scheme.getByRole("button", { name: "Apply credentials" }).click();
  await page.getByRole("button", { name: "Close" }).first().click();
  const { status, body } = await send(page, "listOrganizations");
  expect(status).toBe("200");
  expect(body.organizations.map((one: { name: string }) => one.name)).toContain(name);

  await page.goto(new URL("/docs", site).href);
  const again = await send(page, "listOrganizations");
  expect([again.status, again.body.message]).toEqual(["401", "A bearer token is required."]);
  expectedMessages = [
    "error: Failed to load resource: the server responded with a status of 401 (Unauthorized)",
  ];
});

it("neither runs what is written into the page nor asks another host", async () => {
  const page = await openDocs();
  const outcome = await page.evaluate(async () => {
    const script = document.createElement("script");
    script.textContent = "document.title = 'taken over'";
    document.body.append(script);
    const asked = await fetch("https://example.com/").then(
      () => "answered",
      () => "refused",
    );
    return [document.title, asked];
  });
  expect(outcome).toEqual(["oci-auth-worker API", "refused"]);
  expectedMessages = [
    expect.stringMatching(/^error: .*inline script violates.*Content Security Policy/),
    expect.stringMatching(/^error: .*https:\/\/example\.com\/.*violates.*Content Security Policy/),
    expect.stringMatching(/^error: Fetch API cannot load/),
  ];
});

/** One operation of each method, and the one that takes a form. */
const ofEachKind = [
  "loginWithOciAuth",
  "introspectToken",
  "getOrganization",
  "updateOrganization",
  "putTenancy",
  "deleteOrganization",
];

const hardToRead = (all: ShownText[]) => all.filter(({ contrast }) => contrast < 4.5);

const background = (page: Page) =>
  page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);

describe("colours", () => {
  it.each(["light", "dark"] as const)("that are %s can be read", async (colorScheme) => {
    const page = await openDocs({ colorScheme });
    await open(page, ofEachKind);
    await send(page, "getHealth");
    await page.locator(".auth-wrapper .authorize").click();
    const text = await shownText(page);
    expect(text.length).toBeGreaterThan(20);
    expect(hardToRead(text)).toEqual([]);
  });

  it("follow the system while the page is open", async () => {
    const page = await openDocs({ colorScheme: "light" });
    const light = await background(page);
    await page.emulateMedia({ colorScheme: "dark" });
    await expect.poll(() => background(page)).not.toBe(light);
    await page.emulateMedia({ colorScheme: "light" });
    await expect.poll(() => background(page)).toBe(light);
  });
});

it("fits a phone: nothing is wider than it, and no text is too small", async () => {
  const page = await openDocs({
    viewport: { width: 390, height: 844 },
    isMobile: true,
    hasTouch: true,
    deviceScaleFactor: 3,
  });
  const widths = () => page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  expect(await widths()).toEqual([390, 390]);
  await open(page, ofEachKind);
  await send(page, "getHealth");
  expect(await widths()).toEqual([390, 390]);
  expect((await shownText(page)).filter(({ size }) => size < 12)).toEqual([]);
});
