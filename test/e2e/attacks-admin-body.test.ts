/** Attacks on what this Worker's own API is told, by whoever may tell it anything: the holder of ADMIN_TOKEN. */
import { afterAll, describe, expect, it } from "vitest";
import { expectRefusal } from "./attack.ts";
import { type Operation, startAttackedApi } from "./attacked-api.ts";
import { newOcid } from "./oci-users.ts";
import { newRsaKey } from "./rsa-keys.ts";

// The routes name the tests, so the Worker runs before they are collected.
const api = await startAttackedApi();
const { worker, watch, jsonOperations, operator, bodies } = api;
afterAll(() => worker.close());

/** A body that the operation takes, but for the JSON of one property. */
function bodyWith({ id }: Operation, name: string, json: string): string {
  const { [name]: _, ...rest } = bodies[id] ?? {};
  const others = JSON.stringify(rest).slice(1, -1);
  return `{${JSON.stringify(name)}:${json}${others === "" ? "" : `,${others}`}}`;
}

describe("the body of", async () => {
  const { results } = await (await worker.env()).DB.prepare(
    "SELECT sql FROM sqlite_master WHERE type = 'table' AND sql LIKE '%_at TEXT%'",
  ).all();
  const columns = results.flatMap(({ sql }) => [...String(sql).matchAll(/^ {2}([a-z_]+) [A-Z]/gm)]);
  const inDatabase = columns.map(([, name = ""]) => name);
  const inJson = inDatabase.map((name) =>
    name.replace(/_ttl$/, "TTL").replace(/_(.)/g, (_, letter) => letter.toUpperCase()),
  );
  const others = ["type", "organizationIds", "isAdmin", "scope", "constructor", "prototype", "toString", ""];
  const fields = [...new Set([...inDatabase, ...inJson, ...others])];

  it("all of these is told from what the database has", () => {
    const some = ["id", "created_at", "tokenGeneration", "rootOrganizationId", "encryptedPrivateKey"];
    expect(fields).toEqual(expect.arrayContaining([...some, "accessTokenTTL", "accessTokenMaxTTL"]));
  });

  it.each(jsonOperations)("$method $path sets nothing that is the Worker's", async (operation) => {
    const owned = fields.filter((name) => !(name in operation.properties));
    const extra = Object.fromEntries(owned.map((name) => [name, "1"]));
    await watch.unchanged(async () => {
      const body = JSON.stringify({ ...bodies[operation.id], ...extra });
      const answer = await api.call(operation, operator, { body });
      expectRefusal(answer, 422, /./);
      const issue = { code: "unrecognized_keys", path: [], keys: expect.any(Array) };
      expect(answer.body.message).toEqual([expect.objectContaining(issue)]);
      expect(answer.body.message[0].keys.sort()).toEqual(owned.sort());

      const proto = await api.call(operation, operator, { body: bodyWith(operation, "__proto__", "{}") });
      expectRefusal(proto, 422, /"keys":\["__proto__"\]/);
    });
  });

  const wholes: [what: string, status: number, body: string][] = [
    ["nothing", 400, ""],
    ["half of it", 400, '{"name":'],
    ["a letter too much", 400, "{}x"],
    ["sixteen thousand brackets", 400, "[".repeat(16_000)],
    ["null", 422, "null"],
    ["a list", 422, "[{}]"],
    ["text", 422, '"x"'],
    ["a number beyond numbers", 422, "1e999"],
    ["eight thousand levels", 422, `${"[".repeat(8000)}${"]".repeat(8000)}`],
    ["more than 16 KiB", 413, JSON.stringify({ name: "x".repeat(16 * 1024) })],
  ];
  it.each(jsonOperations)("$method $path is an object in JSON, and small", async (operation) => {
    await watch.unchanged(async () => {
      for (const [what, status, body] of wholes) {
        const answer = await api.call(operation, operator, { body });
        expect([what, answer.status]).toEqual([what, status]);
        expectRefusal(answer, status, /./);
      }
      for (const type of [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
      ]) {
        const answer = await api.call(operation, { ...operator, "content-type": type });
        expectRefusal(answer, 415, /^The request body must be application\/json/);
      }
    });
  });

  const misfits: Record<string, string[]> = {
    string: ['"\\ud800"', '"a\\u0000"', '"a\\nb"', '""', "7", "true", "[]", "{}", `"${"x".repeat(5000)}"`],
    integer: ["-1", "1e999", "-1e999", "0.5", "9007199254740993", "1e21", '"1"', "true", "null", "[1]"],
    boolean: ['"true"', "1", "0", "null", "[]", "{}"],
    array: [
      '"x"',
      "{}",
      "[null]",
      "[7]",
      '[["x"]]',
      "[{}]",
      '["\\ud800"]',
      '{"length":1}',
      '[{"__proto__":{}}]',
    ],
  };
  it.each(jsonOperations)("$method $path takes no value of another kind", async (operation) => {
    await watch.unchanged(async () => {
      for (const [name, { type = "" }] of Object.entries(operation.properties)) {
        for (const json of misfits[type] ?? []) {
          const answer = await api.call(operation, operator, { body: bodyWith(operation, name, json) });
          // 400: it might name something, and names nothing that there is.
          const isMisfit = expect.toSatisfy((status) => status === 400 || status === 422);
          expect([name, json, answer.status]).toEqual([name, json, isMisfit]);
          expectRefusal(answer, answer.status, new RegExp(name));
        }
      }
    });
  });

  const trustedIps = [
    "0x0a.0.0.1",
    "10.0.0.1/8/8",
    "10.0.0.0/-1",
    " 10.0.0.0/8",
    "\uff11\uff10.0.0.1",
    "::1%1",
    "10.0.0.1\n",
    "",
  ];
  it.each([
    ...trustedIps.map((ipAddress) => [{ ipAddress }]),
    [{ ipAddress: "10.0.0.1", type: "ipv4" }],
    [{ ipAddress: "10.0.0.0", prefix: 0 }],
    Array.from({ length: 101 }, () => ({ ipAddress: "10.0.0.1" })),
  ])("an OCI Auth configuration trusts no address like %j", async (...ranges) => {
    await watch.unchanged(async () => {
      for (const operation of jsonOperations.filter(({ id }) => /^(attach|update)OciAuth$/.test(id))) {
        const body = bodyWith(operation, "accessTokenTrustedIps", JSON.stringify(ranges));
        expectRefusal(await api.call(operation, operator, { body }), 422, /accessTokenTrustedIps/);
      }
    });
  });
});

describe("a tenancy's registration", () => {
  const putTenancy = jsonOperations.find(({ id }) => id === "putTenancy") as Operation;
  const asPem = (body: string) => `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`;

  const rows: [name: string, value: unknown, blamed?: string][] = [
    ["region", "us-ashburn-1.evil.example.com"],
    ["region", "us-ashburn-1@evil"],
    ["region", "us-ashburn-1/x"],
    ["region", "us-ashburn-1#"],
    ["region", "us-ashburn-1?"],
    ["region", "us-ashburn-1:80"],
    ["region", "us-ashburn-1\n"],
    ["region", "../us-ashburn-1"],
    ["region", "US-ASHBURN-1"],
    ["region", "\uff55s-ashburn-1"],
    ["userOcid", `${newOcid("user")}/apiKeys`],
    ["userOcid", `${newOcid("user")}?x`],
    ["userOcid", newOcid("tenancy")],
    ["userOcid", newOcid("user", "oc2")],
    ["fingerprint", "00:11"],
    ["fingerprint", newRsaKey().fingerprint],
    ["privateKey", asPem("AAAA")],
    ["privateKey", asPem("A".repeat(8000))],
    ["privateKey", asPem("\u0000")],
    ["privateKey", newRsaKey(1024).privateKey],
    ["privateKey", newRsaKey().publicKey],
    ["privateKey", newRsaKey().privateKey, "fingerprint"],
  ];
  it.each(rows)("with the %s %j is refused, and OCI not asked", async (name, value, blamed = name) => {
    await watch.unchanged(async () => {
      const body = bodyWith(putTenancy, name, JSON.stringify(value));
      expectRefusal(
        await api.call(putTenancy, operator, { body }),
        422,
        new RegExp(`"path":\\["${blamed}"\\]`),
      );
    });
  });

  it.each(["iad", "IAD", "US-ASHBURN-1"])(
    "with the region %s is told to write us-ashburn-1",
    async (region) => {
      const answer = await api.call(putTenancy, operator, {
        body: bodyWith(putTenancy, "region", JSON.stringify(region)),
      });
      expectRefusal(answer, 422, new RegExp(`is not a region's name: write us-ashburn-1 for '${region}'`));
    },
  );

  const unique = "a".repeat(60);
  it.each([
    "x",
    newOcid("user"),
    `ocid1.tenancy.oc1..${unique}%2f..`,
    `ocid1.tenancy.oc1..${unique}%00`,
    `ocid1.tenancy.oc1..${unique}%0a`,
    `ocid1.tenancy.oc1..${unique.toUpperCase()}`,
    `ocid1.tenancy.constructor..${unique}`,
    `ocid1.tenancy.oc999..${unique}`,
    `ocid1.tenancy.oc1..${"a".repeat(240)}`,
  ])("is not found under %s", async (tenancyOcid) => {
    const path = api.pathOf(putTenancy, { tenancyOcid });
    await watch.unchanged(async () => {
      expectRefusal(await api.call(putTenancy, operator, { path }), 422, /"path":\["tenancyOcid"\]/);
      expectRefusal(await worker.admin("GET", path), 404, "Tenancy not found");
      expectRefusal(await worker.admin("DELETE", path), 404, "Tenancy not found");
      const user = `${path}/users/${newOcid("user")}/cache`;
      expectRefusal(await worker.admin("DELETE", user), 404, "Tenancy not found");
    });
  });
});

describe("unharmed", () => {
  it("every body above is taken, and there is one for every route", async () => {
    expect(Object.keys(bodies).sort()).toEqual(jsonOperations.map(({ id }) => id).sort());
    for (const operation of jsonOperations) {
      const { status, body } = await api.call(operation, operator);
      expect([operation.id, status, body]).toEqual([operation.id, 200, expect.any(Object)]);
    }
  });

  it("a route that takes no body reads none", async () => {
    const path = `/api/v1/identities/${api.inTeam}`;
    const { identity } = (await worker.admin("GET", path)).body;
    const more = { role: "admin", suspended: true, tokenGeneration: 0 };
    const answer = await worker.admin("POST", `${path}/revoke-tokens`, more);
    const { updatedAt } = answer.body.identity;
    expect([answer.status, answer.body]).toEqual([200, { identity: { ...identity, updatedAt } }]);
  });
});
