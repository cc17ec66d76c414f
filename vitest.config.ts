import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { testSecrets } from "./test/secrets.ts";

export default defineConfig({
  test: {
    // Most of their time tests wait: for a process to start, a limit to pass, a token to expire. So more files run side by
    // side than two cores could compute.
    maxWorkers: 4,
    globalSetup: ["test/e2e/built-worker.ts", "test/e2e/rsa-keys.ts"],
    projects: [
      {
        // Inside workerd, on the bindings of wrangler.toml.
        plugins: [
          cloudflareTest(async () => ({
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              bindings: {
                ...testSecrets(),
                ISSUER_URL: "https://auth.example.com",
                // For test/databases.ts: workerd cannot read the files itself.
                MIGRATIONS: {
                  DB: await readD1Migrations("migrations/db"),
                  AUDIT_DB: await readD1Migrations("migrations/audit_db"),
                },
                // For test/for-all.ts.
                FUZZ_SCALE: process.env.FUZZ_SCALE ?? "1",
              },
            },
          })),
        ],
        test: {
          name: "workerd",
          include: ["test/**/*.test.ts"],
          exclude: ["test/{e2e,cli,browser,relying-parties}/**"],
          // Where two cores run four files, what takes a tenth of a second can take several.
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      // The built Worker and the built command line, driven from outside; what needs more than npm is apart.
      ...["e2e", "cli", "browser", "relying-parties"].map((name) => ({
        test: {
          name,
          include: [`test/${name}/**/*.test.ts`],
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      })),
    ],
  },
});
