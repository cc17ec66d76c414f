/** What an operator does about one user or instance of a tenancy. */
import * as z from "zod";
import { recordAction } from "../audit/outbox.ts";
import { operatorOnly } from "../http/authenticate.ts";
import { ledgers, userDirectory } from "../http/dependencies.ts";
import { defineRoute } from "../http/route.ts";
import { Refusal } from "../refusal.ts";
import { getTenancy } from "../tenancies/tenancies.ts";
import { callerRefusals, errorResponses } from "./error-responses.ts";
import { examples } from "./examples.ts";
import { success, time } from "./fields.ts";
import { instancePath, namedInstance, namedTenancy, namedUser, userPath } from "./oci-paths.ts";

const common = { tags: ["OCI tenancies"], ...operatorOnly };

/** What waits in a ledger outlives the tenancy's registration, so that is not looked up. */
const wake = {
  ...common,
  method: "post" as const,
  responses: () => ({
    ...success("Woken", z.strictObject({ woken: z.number() }), { woken: 16 }),
    ...errorResponses(callerRefusals, "not-found"),
  }),
};
const wakeDescription = (whose: string) =>
  `Have the ledgers of ${whose} move what waits in them, after a release that broke their alarms. It changes nothing else and may be repeated.`;

export const principalRoutes = [
  defineRoute(
    {
      ...common,
      method: "delete",
      path: "/api/v1/oci/tenancies/{tenancyOcid}/users/{userOcid}/cache",
      operationId: "purgeUser",
      summary: "Forget a cached user",
      description:
        "Forget what is cached of a user, here at once and elsewhere within about a minute, so that the next login asks OCI. An entry that another location is writing at that moment may stay until it is stale: to stop a login for certain, suspend the identity.",
      request: { params: userPath },
      responses: () => ({
        ...success("Purged", z.strictObject({ purgedAt: time() }), { purgedAt: examples.time }),
        ...errorResponses(callerRefusals, "not-found"),
      }),
    },
    async (c) => {
      const tenancyOcid = namedTenancy(c.req.valid("param").tenancyOcid);
      const database = c.var.database;
      await getTenancy(database, tenancyOcid);
      const userOcid = namedUser(c.req.valid("param").userOcid);
      await recordAction(database, c.var.caller, {
        type: "tenancy.purge-user",
        details: { tenancyOcid, userOcid },
      });
      try {
        await userDirectory(c).forget(tenancyOcid, userOcid, c.var.now);
      } catch (error) {
        throw new Refusal("storage-unavailable", undefined, { cause: error });
      }
      return c.json({ purgedAt: new Date().toISOString() }, 200);
    },
  ),
  defineRoute(
    {
      ...wake,
      path: "/api/v1/oci/tenancies/{tenancyOcid}/users/{userOcid}/wake-ledgers",
      operationId: "wakeLedgers",
      summary: "Wake a user's ledgers",
      description: wakeDescription("a user"),
      request: { params: userPath },
    },
    async (c) => {
      const { tenancyOcid, userOcid } = c.req.valid("param");
      const principal = { authority: namedTenancy(tenancyOcid), subject: namedUser(userOcid) };
      return c.json({ woken: await ledgers(c).wake(principal) }, 200);
    },
  ),
  defineRoute(
    {
      ...wake,
      path: "/api/v1/oci/tenancies/{tenancyOcid}/instances/{instanceOcid}/wake-ledgers",
      operationId: "wakeInstanceLedgers",
      summary: "Wake an instance's ledgers",
      description: wakeDescription("an instance"),
      request: { params: instancePath },
    },
    async (c) => {
      const { tenancyOcid, instanceOcid } = c.req.valid("param");
      const principal = { authority: namedTenancy(tenancyOcid), subject: namedInstance(instanceOcid) };
      return c.json({ woken: await ledgers(c).wake(principal) }, 200);
    },
  ),
] as const;
