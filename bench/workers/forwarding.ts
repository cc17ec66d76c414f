/**
 * The design that forwards every login: it reads the configuration, sends the workload's signed request on to OCI,
 * which verifies it and answers with the user, records the login in the same ledger, signs a token and answers. It
 * keeps nothing, and verifies no signature itself.
 */
import type { Env } from "../../src/env.ts";
import { type Body, finish, readConfiguration, signerOf } from "./least.ts";

export { Ledger } from "../../src/ledger/ledger.ts";

export default {
  async fetch(request, env) {
    if (request.method !== "POST") return new Response();
    const now = Date.now();
    const body: Body = await request.json();
    const rows = await readConfiguration(env, body.identityId);
    if (rows.length !== 1) return new Response(null, { status: 401 });
    const { date, authorization } = body.headers;
    const answer = await fetch(`${env.OCI_IDENTITY_ORIGIN}/20160918/users/${body.userOcid}`, {
      headers: { date, authorization },
    });
    if (answer.status !== 200) return new Response(await answer.text(), { status: 401 });
    const { name }: { name: string } = await answer.json();
    return finish(env, now, body, signerOf(body), { identityName: rows[0]?.[1], username: name });
  },
} satisfies ExportedHandler<Env>;
