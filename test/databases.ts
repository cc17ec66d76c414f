/** The databases of one test file, with the schema of migrations/. */

import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";

export async function migrateDatabases(): Promise<void> {
  await applyD1Migrations(env.DB, env.MIGRATIONS.DB);
  await applyD1Migrations(env.AUDIT_DB, env.MIGRATIONS.AUDIT_DB);
}

/** The ids of the events that are in AUDIT_DB, each as often as it is there. */
export async function loggedIds(): Promise<string[]> {
  const { results } = await env.AUDIT_DB.prepare("SELECT id FROM audit_events").all<{ id: string }>();
  return results.map(({ id }) => id);
}
