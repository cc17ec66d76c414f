declare namespace Cloudflare {
  interface Env extends WorkerEnv {
    /** Of migrations/, read by vitest.config.ts. */
    MIGRATIONS: Record<"DB" | "AUDIT_DB", import("cloudflare:test").D1Migration[]>;
  }
}

type WorkerEnv = import("../src/env.ts").Env;
