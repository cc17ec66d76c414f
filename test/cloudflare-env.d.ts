declare namespace Cloudflare {
  interface Env extends WorkerEnv {
    /** Of migrations/, read by vitest.config.ts. */
    MIGRATIONS: Record<"DB" | "AUDIT_DB", import("cloudflare:test").D1Migration[]>;
    /** How many times the usual share of cases a property tries. */
    FUZZ_SCALE: string;
  }
  /** For `exports` of cloudflare:workers. */
  interface GlobalProps {
    mainModule: typeof import("../src/index.ts");
  }
}

type WorkerEnv = import("../src/env.ts").Env;
