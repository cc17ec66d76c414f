/** A login that works, for attacks to be tried on: Alice's, and hers alone. */
import { expect } from "vitest";
import { expectRefusal, type RawRequest, sendRaw, Watch } from "./attack.ts";
import { addIdentity, addOrganization, addTenancy, addUser } from "./oci-users.ts";
import { type SigningOptions, signAsGo } from "./signers.ts";
import { type Answer, startWorker } from "./worker.ts";

export const loginPath = "/api/v1/auth/oci-auth/login";
export const json = [["content-type", "application/json"]] as const;

export async function startAttackedLogin() {
  const worker = await startWorker();
  const rootId = await addOrganization(worker, "attacked");
  const { tenancyOcid, reader } = await addTenancy(worker, [rootId]);
  const foreign = await addTenancy(worker, [await addOrganization(worker, "foreign")]);
  const alice = await addUser(worker, tenancyOcid, { name: "alice@example.com" });
  const mallory = await addUser(worker, tenancyOcid, { name: "mallory@example.com" });
  const settings = { allowedUsernames: alice.name };
  const identityId = await addIdentity(worker, rootId, tenancyOcid, { settings });
  const teamId = await addOrganization(worker, "team", rootId);
  await worker.admin("PUT", `/api/v1/organizations/${teamId}/identities/${identityId}`);
  const watch = await Watch.over(worker);

  /** A login that succeeds, but for what is overridden. */
  const bodyOf = (overrides: Record<string, unknown> = {}, options?: SigningOptions) => ({
    identityId,
    userOcid: alice.userOcid,
    headers: signAsGo(alice, options),
    ...overrides,
  });
  const post = (body: string | Uint8Array, headers: RawRequest["headers"] = json) =>
    sendRaw(worker, { method: "POST", path: loginPath, headers, body });

  const accepted: string[] = [];
  const refusedLate: string[] = [];

  const attacked = {
    worker,
    watch,
    tenancyOcid,
    foreignTenancy: foreign.tenancyOcid,
    /** The Worker's own credential. */
    reader,
    alice,
    mallory,
    /** Lets Alice in and nobody else; a member of the sub-organization "team". */
    identityId,
    bodyOf,
    post,

    async expectLogin(body: unknown, headers: RawRequest["headers"] = json): Promise<Answer> {
      const answer = await post(typeof body === "string" ? body : JSON.stringify(body), headers);
      expect(answer).toMatchObject({ status: 200, body: { tokenType: "Bearer" } });
      accepted.push(answer.headers.get("x-request-id") ?? "");
      watch.forget();
      return answer;
    },

    /** Refused before anything was asked of OCI, and before step 7, from which on a refusal is an event. */
    async expectRefusedEarly(attack: () => Promise<Answer>, status: number, message: string | RegExp) {
      await watch.unchanged(async () => expectRefusal(await attack(), status, message));
    },

    async expectRefusedLate(attack: () => Promise<Answer>, status: number, message: string | RegExp) {
      await watch.unchanged(
        async () => {
          const answer = await attack();
          expectRefusal(answer, status, message);
          refusedLate.push(answer.body.reqId);
        },
        { mayAskOci: true },
      );
    },

    /** The audit log has each login that was let in, no refusal as a success, and early refusals not at all. */
    async expectTrueLog(): Promise<void> {
      const { AUDIT_DB } = await worker.env();
      const reqIds = async (outcome: string) => {
        const statement = AUDIT_DB.prepare(
          "SELECT req_id FROM audit_events WHERE type = 'login' AND outcome = ?",
        );
        return (await statement.bind(outcome).all()).results.map(({ req_id }) => String(req_id));
      };
      const successes = async () => (await reqIds("success")).sort();
      await expect.poll(successes, { timeout: 20_000 }).toEqual([...accepted].sort());
      const failures = await reqIds("failure");
      expect(failures.filter((reqId) => !refusedLate.includes(reqId))).toEqual([]);
      expect(failures.length).toBeGreaterThan(0);
    },
  };
  await attacked.expectLogin(bodyOf({ organizationSlug: "team" }));
  return attacked;
}

export type AttackedLogin = Awaited<ReturnType<typeof startAttackedLogin>>;
