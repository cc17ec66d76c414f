/** Records logins as fast as the ledgers accept them, and answers when the last is recorded. */
import type { Env } from "../../src/env.ts";
import { ledgerOf } from "../../src/ledger/address.ts";
import { type LoginRecord, Ledger as ProductLedger } from "../../src/ledger/ledger.ts";
import type { LedgerLoad, LedgerSize } from "../ledger-load.ts";
import { recordOf } from "./least.ts";

/** The product's ledger, which can also serve one login after another, and report what it holds. */
export class Ledger extends ProductLedger {
  #served: Promise<unknown> = Promise.resolve();

  async recordInTurn(record: LoginRecord, occupiedFor: number): Promise<void> {
    const turn = this.#served.then(async () => {
      // workerd's timers take a millisecond longer than set.
      await scheduler.wait(occupiedFor - 1);
      await this.recordLogin(record);
    });
    this.#served = turn;
    await turn;
  }

  size(): LedgerSize {
    const { sql } = this.ctx.storage;
    const rowsOf = (table: string) =>
      sql.exec<{ rows: number }>(`SELECT count(*) AS rows FROM ${table}`).one().rows;
    return { bytes: sql.databaseSize, signatures: rowsOf("signatures"), outbox: rowsOf("outbox") };
  }
}

function ledgerOfUser(env: Env, user: number, digest: string): DurableObjectStub<Ledger> {
  const principal = { authority: "ocid1.tenancy.oc1..bench", subject: `ocid1.user.oc1..${user}` };
  return ledgerOf(env.LEDGER, principal, digest) as unknown as DurableObjectStub<Ledger>;
}

async function recordLogin(env: Env, user: number, { rememberFor, occupiedFor }: LedgerLoad): Promise<void> {
  const digest = crypto.getRandomValues(new Uint8Array(32)).toHex();
  const record = recordOf(Date.now(), rememberFor, digest, {
    identityId: crypto.randomUUID(),
    userOcid: String(user),
    details: { tokenId: crypto.randomUUID() },
  });
  const ledger = ledgerOfUser(env, user, digest);
  await (occupiedFor > 0 ? ledger.recordInTurn(record, occupiedFor) : ledger.recordLogin(record));
}

export default {
  async fetch(request, env) {
    if (new URL(request.url).pathname === "/size") {
      return Response.json(await ledgerOfUser(env, 0, "00").size());
    }
    if (request.method !== "POST") return new Response();
    const load: LedgerLoad = await request.json();
    let sent = 0;
    const client = async () => {
      while (sent < load.logins) {
        sent += 1;
        await recordLogin(env, sent % load.users, load);
      }
    };
    await Promise.all(Array.from({ length: load.atATime }, client));
    return new Response();
  },
} satisfies ExportedHandler<Env>;
