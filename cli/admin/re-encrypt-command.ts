/** `oci-auth admin tenancies re-encrypt`: every stored credential, in as many pages as they need. */
import type { Command } from "commander";
import * as z from "zod";
import { exitCode, Failure } from "../terminal/failure.ts";
import { fieldsOf } from "../terminal/table.ts";
import { print, printableJson } from "../terminal/terminal.ts";
import type { AdminApi } from "./api.ts";
import type { AdminSession } from "./operation-command.ts";
import { tenancies } from "./paths.ts";

const done = z.object({
  reEncrypted: z.number(),
  current: z.number(),
  changed: z.number(),
  undecryptable: z.array(z.string()),
  nextCursor: z.string().nullable(),
});

type Done = z.output<typeof done>;

/** A page of this size is encrypted within the seconds that a request has. */
const pageSize = "20";

export function addReEncrypt(group: Command, session: () => AdminSession): void {
  group
    .command("re-encrypt")
    .description("Encrypt every stored credential with the first of ENCRYPTION_KEYS.")
    .addHelpText(
      "after",
      `
It may run at any time and as often as you like. Before an older key is dropped, run it until all are current.

Example:
  $ oci-auth admin tenancies re-encrypt

The exit code is 0 if all have the first key now, and 1 if some were left.`,
    )
    .action(async () => {
      const { api, json } = session();
      const total = await reEncrypt(api);
      const { nextCursor: _, ...shown } = total;
      print(json ? printableJson(total) : fieldsOf(shown));
      const left = whatIsLeft(total);
      if (left.length > 0) throw new Failure(left.join("; "), exitCode.refused);
    });
}

/** All pages joined to one. */
async function reEncrypt(api: AdminApi): Promise<Done> {
  const request = { method: "POST", path: `${tenancies}/re-encrypt`, query: { limit: pageSize } } as const;
  const total: Done = { reEncrypted: 0, current: 0, changed: 0, undecryptable: [], nextCursor: null };
  for await (const page of api.pages(done, request)) {
    total.reEncrypted += page.reEncrypted;
    total.current += page.current;
    total.changed += page.changed;
    total.undecryptable.push(...page.undecryptable);
  }
  return total;
}

function whatIsLeft({ changed, undecryptable }: Done): string[] {
  return [
    ...(changed === 0 ? [] : [`${changed} changed meanwhile and were left; run it again`]),
    ...(undecryptable.length === 0
      ? []
      : [
          `none of ENCRYPTION_KEYS decrypts ${undecryptable.join(", ")}; put their key back and run it again, or register them again with 'oci-auth admin tenancies put'`,
        ]),
  ];
}
