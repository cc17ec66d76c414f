/**
 * The Worker and its model agree, step by step; and the model sees a Worker that is broken. `npm run test:model` walks
 * further.
 */
import { describe, expect, it } from "vitest";
import type { Weakening } from "./bundle.ts";
import { walk } from "./model/walk.ts";

it("a random walk of logins, renewals, revocations, changes and faults goes as the model says", async () => {
  const { counts, events } = await walk({ seed: 1, steps: 300 });
  // It went somewhere.
  for (const what of ["login granted", "renew granted", "introspect active", "introspect inactive"]) {
    expect(counts.get(what), what).toBeGreaterThan(5);
  }
  expect(events).toBeGreaterThan(100);
});

describe("the model sees a Worker that", () => {
  const broken: [name: string, seed: number, sees: RegExp, weakening: Weakening][] = [
    [
      "renews a token that was revoked",
      7,
      /\(renew\)\nexpected: token-revoked\nactual: +200/,
      [
        "login/renew.ts",
        'if (state !== "active") throw new Refusal(state === "revoked" ? "token-revoked" : "token-used-up");',
        'if (state === "used-up") throw new Refusal("token-used-up");',
      ],
    ],
    [
      "keeps the generation of tokens when OCI Auth is detached",
      5,
      /expected: .*active 0 of|expected: tokenGeneration|expected: token-revoked/,
      ["identities/auth-configurations.ts", "token_generation + 1", "token_generation + 0"],
    ],
    [
      "removes events from the outbox before they are in the log",
      4,
      /expected: an event .*\nactual: +the log has none/,
      [
        "audit/mover.ts",
        "    const refused = await writeAccepted(auditDb, events);\n",
        "    await outbox.remove(events.map(({ id }) => id));\n    const refused = await writeAccepted(auditDb, events);\n",
      ],
    ],
    [
      "changes an identity without an event",
      4,
      /expected: an event .*"identity\.(update|revoke-tokens)".*\nactual: +the log has none/,
      [
        "identities/identities.ts",
        "changeRecord(caller, { type, ...placeOf(organization), identityId, details }),",
        "",
      ],
    ],
    [
      "takes a stale entry for a fresh one",
      7,
      /OCI is called\nactual: .*it was not/,
      ["directory/users.ts", "fetchedAt + directoryTtlSeconds", "fetchedAt + directoryStaleSeconds"],
    ],
  ];
  it.each(broken)("%s", async (_, seed, sees, weakening) => {
    await expect(walk({ seed, steps: 100, weakenings: [weakening] })).rejects.toThrow(sees);
  });
});
