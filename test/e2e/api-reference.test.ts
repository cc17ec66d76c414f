/** What /openapi.json promises beyond the shapes: examples that work, and the refusals that each route lists. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { addInstance, statementOf } from "./instances.ts";
import { type MediaType, type Operation, operationsOf } from "./openapi-document.ts";
import { newRsaKey } from "./rsa-keys.ts";
import { type LoginHeaders, signAsGo } from "./signers.ts";
import { type Answer, startWorker, type Worker } from "./worker.ts";

const json = "application/json";

let worker: Worker;
let operations: Operation[];
let document: Answer["body"];
beforeAll(async () => {
  worker = await startWorker();
  document = (await worker.send("/openapi.json")).body;
  operations = operationsOf(document);
});
afterAll(() => worker.close());

function operation(id: string): Operation {
  const found = operations.find(({ operationId }) => operationId === id);
  if (found === undefined) throw new Error(`/openapi.json has no ${id}`);
  return found;
}

const schemaOf = ({ schema }: MediaType) =>
  z.fromJSONSchema(schema as never, { defaultTarget: "openapi-3.0" });

/** Of the operation's only request or answer with that media type. */
function mediaTypeOf(body: { content: Record<string, MediaType> } | undefined) {
  const [[name, content] = []] = Object.entries(body?.content ?? {});
  return content === undefined || name === undefined ? undefined : { name, ...content };
}

/** The fields of the operation's example request. */
function requestOf(id: string): Record<string, string> {
  return mediaTypeOf(operation(id).requestBody)?.example as Record<string, string>;
}

/** The example of the operation's first parameter. */
function firstParameterOf(id: string): string {
  return operation(id).parameters?.[0]?.schema.example ?? "";
}

it("has a summary, a tag that is described and an example of every request and success", () => {
  const described = document.tags.map(({ name }: { name: string }) => name);
  for (const { operationId, summary, tags, requestBody, parameters = [], responses } of operations) {
    expect([operationId, summary]).toEqual([operationId, expect.stringMatching(/^[A-Z].*[a-z]$/)]);
    expect(described).toEqual(expect.arrayContaining([...tags]));
    if (requestBody) expect([operationId, mediaTypeOf(requestBody)?.example]).not.toContain(undefined);
    for (const { name, schema, ...parameter } of parameters) {
      // A viewer fills in what has an example, so a filter has none.
      const has = schema.example !== undefined;
      expect([operationId, name, has]).toEqual([operationId, name, parameter.in === "path"]);
    }
    expect([operationId, mediaTypeOf(responses[200])?.example]).not.toContain(undefined);
  }
});

it("has examples that fit their schemas", () => {
  let count = 0;
  for (const { operationId, requestBody, responses } of operations) {
    for (const body of [requestBody, ...Object.values(responses)]) {
      const content = mediaTypeOf(body);
      if (content === undefined) continue;
      const examples = content.examples ? Object.values(content.examples) : [{ value: content.example }];
      for (const { value } of examples) {
        count += 1;
        expect([operationId, value, schemaOf(content).safeParse(value).error]).toEqual([
          operationId,
          value,
          undefined,
        ]);
      }
    }
  }
  expect(count).toBeGreaterThan(operations.length * 5);
});

describe("requests", () => {
  /** What takes the place of the examples' ids, tokens and keys: what only the Worker or OCI can make. */
  const real = new Map<string, string>();
  const withReal = (text: string) => [...real].reduce((at, [from, to]) => at.replaceAll(from, to), text);

  async function send(id: string): Promise<Answer> {
    const { method, path, parameters = [], requestBody, security = [] } = operation(id);
    const examples = new Map(parameters.map(({ name, schema }) => [name, schema.example ?? ""]));
    const filled = path.replace(/\{(\w+)\}/g, (_, name) => examples.get(name) ?? "");
    const content = mediaTypeOf(requestBody);
    const example = content && JSON.parse(withReal(JSON.stringify(content.example)));
    const isJson = content?.name === json;
    return worker.send(withReal(filled), {
      method,
      headers: {
        ...(security.length > 0 ? { authorization: `Bearer ${worker.secrets.ADMIN_TOKEN}` } : {}),
        ...(content === undefined ? {} : { "content-type": content.name }),
      },
      ...(content === undefined
        ? {}
        : { body: isJson ? JSON.stringify(example) : `${new URLSearchParams(example)}` }),
    });
  }

  /** From now on the answer's ids and token are put in place of the example's. */
  function learn(example: unknown, answer: unknown): void {
    if (typeof example !== "object" || example === null) return;
    for (const [key, value] of Object.entries(example)) {
      const told = Reflect.get(answer as object, key);
      if (key !== "id" && key !== "accessToken") learn(value, told);
      else real.set(JSON.stringify(value).slice(1, -1), told);
    }
  }

  async function succeeds(id: string): Promise<void> {
    const answer = await send(id);
    expect([id, answer.status, answer.body]).toEqual([id, 200, answer.body]);
    const content = mediaTypeOf(operation(id).responses[200]);
    if (content === undefined) throw new Error(`${id} describes no success`);
    const { error } = schemaOf(content).safeParse(answer.body);
    expect([id, answer.body, error]).toEqual([id, answer.body, undefined]);
    if (/^(create|login|renew)/.test(id)) learn(content.example, answer.body);
  }

  it("work as they are in the examples, in the order of their story, with what was made on the way", async () => {
    const key = newRsaKey();
    const { userOcid = "", fingerprint, privateKey } = requestOf("putTenancy");
    const tenancyOcid = firstParameterOf("putTenancy");
    const { allowedUsernames } = requestOf("attachOciAuth");
    await worker.emulator("PUT", `users/${userOcid}`, {
      tenancyOcid,
      name: allowedUsernames,
      apiKeys: [{ publicKey: key.publicKey }],
    });
    const escaped = (text: string | undefined) => JSON.stringify(text).slice(1, -1);
    real.set(escaped(fingerprint), key.fingerprint);
    real.set(escaped(privateKey), escaped(key.privateKey));

    const told = new Set<string>();
    const tell = async (...ids: string[]) => {
      for (const id of ids) {
        await succeeds(id);
        told.add(id);
      }
    };

    await tell("getHealth", "getJwks", "getDiscovery");
    await tell("createOrganization", "listOrganizations", "getOrganization", "updateOrganization");
    await tell("putTenancy", "listTenancies", "getTenancy", "reEncryptTenancies", "getReadiness");
    await tell("createIdentity", "listIdentities", "getIdentity", "updateIdentity");
    await tell("attachOciAuth", "getOciAuth", "updateOciAuth");

    const { headers } = requestOf("loginWithOciAuth") as unknown as { headers: LoginHeaders };
    const signed = signAsGo({ tenancyOcid, userOcid, ...key }, { host: headers.host });
    real.set(escaped(withReal(headers.authorization)), escaped(signed.authorization));
    real.set(headers.date ?? "", signed.date ?? "");
    await tell("loginWithOciAuth", "renewToken", "introspectToken", "revokeToken");

    await tell("attachOciInstanceAuth", "getOciInstanceAuth", "updateOciInstanceAuth");
    const { identityId = "", jwt = "" } = requestOf("loginWithOciInstanceAuth");
    const { allowedCompartmentOcids: compartmentOcid = "" } = requestOf("attachOciInstanceAuth");
    const { allowedRegions: region = "" } = requestOf("updateOciInstanceAuth");
    const instance = await addInstance(worker, tenancyOcid, { compartmentOcid, region });
    real.set(escaped(jwt), statementOf(instance, real.get(identityId) ?? ""));
    await tell("loginWithOciInstanceAuth");

    // Members are of sub-organizations, and the story has a root.
    const parentId = real.get(firstParameterOf("getOrganization"));
    const made = await worker.admin("POST", "/api/v1/organizations", {
      name: "Team",
      slug: "team",
      parentId,
    });
    real.set(firstParameterOf("addMember"), made.body.organization.id);
    await tell("addMember", "listMembers", "removeMember");
    await worker.admin("DELETE", `/api/v1/organizations/${made.body.organization.id}`);

    await expect
      .poll(async () => (await worker.admin("GET", "/api/v1/audit-events")).body.auditEvents.length)
      .toBeGreaterThan(10);
    await tell("listAuditEvents", "purgeUser", "wakeLedgers", "wakeInstanceLedgers", "revokeTokens");
    await tell("detachOciInstanceAuth", "detachOciAuth");
    await tell("deleteIdentity", "deleteTenancy", "deleteOrganization");
    expect([...told].sort()).toEqual(operations.map(({ operationId }) => operationId).sort());
  });

  it("of a login answer, as they are, that the date is too old", async () => {
    real.clear();
    const { status, body } = await send("loginWithOciAuth");
    expect([status, body.message]).toEqual([401, expect.stringContaining("Tue, 24 Nov 2026 03:04:57 GMT")]);
  });
});

describe("refusals", () => {
  /** The answer is one that the operation lists: its status and, but for the request id, an example of it. */
  function expectListed({ operationId, responses }: Operation, answer: Answer, reason: string): void {
    const listed = mediaTypeOf(responses[answer.status])?.examples ?? {};
    const { value } = (listed[reason] ?? {}) as { value?: object };
    const isOwnText = ["validation", "unauthenticated", "too-large"].includes(reason);
    const reqId = expect.stringMatching(/^req-[\w-]{14}$/);
    const message = isOwnText ? answer.body.message : undefined;
    expect([operationId, answer.body]).toEqual([
      operationId,
      { ...value, reqId, ...(message === undefined ? {} : { message }) },
    ]);
  }

  const withIds = ({ path }: Operation) => path.replace(/\{\w+\}/g, "x");

  it("of a caller without a bearer are listed where one is asked for", async () => {
    const guarded = operations.filter(({ security = [] }) => security.length > 0);
    expect(guarded.length).toBeGreaterThan(20);
    for (const each of guarded) {
      expectListed(each, await worker.send(withIds(each), { method: each.method }), "unauthenticated");
    }
  });

  it.each([
    ["malformed-json", json, "{"],
    ["validation", json, '{"nonsense": 1}'],
    ["media-type", "text/plain", "{}"],
    ["too-large", json, `"${"x".repeat(33_000)}"`],
  ])("of a body that is wrong, by %s, are listed where one is taken", async (reason, type, body) => {
    const withBody = operations.filter(({ requestBody }) => mediaTypeOf(requestBody)?.name === json);
    expect(withBody.length).toBeGreaterThan(8);
    for (const each of withBody) {
      const headers = { authorization: `Bearer ${worker.secrets.ADMIN_TOKEN}`, "content-type": type };
      const answer = await worker.send(withIds(each), { method: each.method, headers, body });
      expectListed(each, answer, reason);
    }
  });

  it("of a resource that there is not are listed where one is named", async () => {
    const one = operations.filter(({ method, path }) => /^(GET|DELETE)$/.test(method) && path.includes("{"));
    expect(one.length).toBeGreaterThan(8);
    for (const each of one) {
      const { status, body } = await worker.admin(each.method, withIds(each));
      expect([each.operationId, status, body.error]).toEqual([each.operationId, 404, "NotFound"]);
      expect(mediaTypeOf(each.responses[404])?.examples).toHaveProperty("not-found");
    }
  });
});
