/** What the runtime loads. */
import { app } from "./app.ts";
import type { Env } from "./env.ts";
import { maintain } from "./operations/maintenance.ts";

export { Ledger } from "./ledger/ledger.ts";

export default {
  fetch: app.fetch,
  scheduled: ({ scheduledTime }, env, context) => context.waitUntil(maintain(env, scheduledTime)),
} satisfies ExportedHandler<Env>;
