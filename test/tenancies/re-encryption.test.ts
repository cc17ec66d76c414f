import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, expect, it } from "vitest";
import type { Caller } from "../../src/access/caller.ts";
import {
  type EncryptionKeys,
  encryptPrivateKey,
  importEncryptionKeys,
} from "../../src/keys/credential-encryption.ts";
import type { TenancyOcid } from "../../src/oci/ocid.ts";
import { primarySession } from "../../src/storage/session.ts";
import { sql } from "../../src/storage/sql.ts";
import { ociTenancies } from "../../src/storage/tables.ts";
import { reEncrypt } from "../../src/tenancies/re-encryption.ts";
import { migrateDatabases } from "../databases.ts";

const database = primarySession(env.DB);
const operator: Caller = { kind: "operator", client: { reqId: "req-1", ip: "192.0.2.1", userAgent: null } };
const key = (kid: string) => ({ kty: "oct" as const, kid, k: "A".repeat(42) + kid.slice(0, 1) });
const tenancyOcid = "ocid1.tenancy.oc1..aaaa" as TenancyOcid;

let old: EncryptionKeys;
let both: EncryptionKeys;

beforeAll(async () => {
  await migrateDatabases();
  old = await importEncryptionKeys({ keys: [key("E")] });
  both = await importEncryptionKeys({ keys: [key("Q"), key("E")] });
});
beforeEach(async () => {
  await env.DB.exec("DELETE FROM oci_tenancies; DELETE FROM audit_outbox");
  const encryptedPrivateKey = await encryptPrivateKey(old, tenancyOcid, new Uint8Array([1, 2, 3]));
  const about = { region: "us-ashburn-1", userOcid: "ocid1.user.oc1..aaaa", fingerprint: "aa" };
  const now = "2026-11-24T03:04:57.000Z";
  await database.run(
    ociTenancies.insert({ tenancyOcid, ...about, encryptedPrivateKey, createdAt: now, updatedAt: now }),
  );
});

const stored = () => database.all(ociTenancies.select(sql``));
const events = async () => (await env.DB.prepare("SELECT event FROM audit_outbox").all()).results.length;

it("does not change a credential that changed since it was read, and records nothing for it", async () => {
  const read = await stored();
  const meanwhile = await encryptPrivateKey(old, tenancyOcid, new Uint8Array([4, 5, 6]));
  await database.run(ociTenancies.update({ encryptedPrivateKey: meanwhile }, sql``));
  const done = await reEncrypt(database, operator, both, read);
  expect(done).toEqual({ reEncrypted: 0, current: 0, changed: 1, undecryptable: [] });
  expect((await stored()).map(({ encryptedPrivateKey }) => encryptedPrivateKey)).toEqual([meanwhile]);
  expect(await events()).toBe(0);
});

it("of a tenancy that is deleted meanwhile restores nothing", async () => {
  const read = await stored();
  await database.run(sql`DELETE FROM oci_tenancies`);
  expect(await reEncrypt(database, operator, both, read)).toMatchObject({ reEncrypted: 0, changed: 1 });
  expect([await stored(), await events()]).toEqual([[], 0]);
});

it("changes nothing when its event cannot be recorded", async () => {
  await env.DB.exec(
    "CREATE TRIGGER full BEFORE INSERT ON audit_outbox BEGIN SELECT RAISE(ABORT, 'database is full'); END",
  );
  const read = await stored();
  await expect(reEncrypt(database, operator, both, read)).rejects.toThrow();
  await env.DB.exec("DROP TRIGGER full");
  expect(await stored()).toEqual(read);
});

it("counts as undecryptable a credential with the first key's id and another key's bytes", async () => {
  const namesake = await importEncryptionKeys({ keys: [{ ...key("Q"), kid: "E" }] });
  const done = await reEncrypt(database, operator, namesake, await stored());
  expect(done).toEqual({ reEncrypted: 0, current: 0, changed: 0, undecryptable: [tenancyOcid] });
});
