/**
 * `oci-auth admin organizations delete --with-identities`: deletes an organization's contents one by one, since one
 * request may be too little for all. The organization is suspended first, so that no identity of it logs in meanwhile.
 * After an interruption, another run continues: what is deleted is no longer listed.
 */
import { Option } from "commander";
import * as z from "zod";
import { exitCode, Failure } from "../terminal/failure.ts";
import { say } from "../terminal/terminal.ts";
import { type AdminApi, ApiRefusal } from "./api.ts";
import type { Preparation } from "./operation.ts";
import { identities, named, organizations } from "./paths.ts";

const organization = z.object({
  id: z.string(),
  name: z.string(),
  parentId: z.string().nullable(),
  suspended: z.boolean(),
});
type Organization = z.output<typeof organization>;

const nextCursor = z.string().nullable();
const organizationAnswer = z.object({ organization });
const organizationPage = z.object({ organizations: z.array(organization), nextCursor });
const identityPage = z.object({ identities: z.array(z.object({ id: z.string() })), nextCursor });
const memberPage = z.object({ memberships: z.array(z.object({ identityId: z.string() })), nextCursor });

/** Parallel deletions: each waits for D1's primary, which does them one after another. */
const concurrency = 8;

const limit = "100";

export const emptying: Preparation = {
  option: new Option(
    "--with-identities",
    "suspend it, and delete its identities, memberships and sub-organizations first; run it again if it is cut",
  ),
  prompt: (it) =>
    `Delete organization ${named(it)} with all of its identities${it.parentId === null ? " and sub-organizations" : ""}?`,
  check(api, id) {
    if (api.organizationId !== id) return;
    throw new Failure(
      "this token is of the organization itself and ends when that is suspended; use ADMIN_TOKEN, or the access token of an admin of the root above it",
      exitCode.usage,
    );
  },
  async carryOut(api, id) {
    try {
      await emptyOrganization(api, id);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      throw new Failure(
        `not all could be deleted: ${error.message}; the organization stays suspended, and another run continues`,
        error.exitCode,
      );
    }
  },
};

async function emptyOrganization(api: AdminApi, id: string): Promise<void> {
  const path = `${organizations}/${encodeURIComponent(id)}`;
  const { organization: whole } = await api.callFor(organizationAnswer, { method: "GET", path });
  if (!whole.suspended) {
    await api.call({ method: "PATCH", path, body: { suspended: true } });
    say(`${named(whole)} is suspended`);
  }
  if (whole.parentId === null) {
    const list = { method: "GET", path: organizations, query: { limit } } as const;
    for await (const page of api.pages(organizationPage, list)) {
      for (const one of page.organizations.filter(({ parentId }) => parentId === whole.id)) {
        await deleteContents(api, one);
        await deleteOnce(api, `${organizations}/${one.id}`);
        say(`${named(one)} is deleted`);
      }
    }
  }
  await deleteContents(api, whole);
}

/** A cursor stays valid when rows before it are deleted. */
async function deleteContents(api: AdminApi, it: Organization): Promise<void> {
  const members = `${organizations}/${it.id}/identities`;
  let memberships = 0;
  for await (const page of api.pages(memberPage, { method: "GET", path: members, query: { limit } })) {
    await forEachOf(page.memberships, ({ identityId }) => deleteOnce(api, `${members}/${identityId}`));
    memberships += page.memberships.length;
    if (memberships > 0) say(`${named(it)}: ${memberships} memberships deleted`);
  }
  let deleted = 0;
  const query = { organizationId: it.id, limit };
  for await (const page of api.pages(identityPage, { method: "GET", path: identities, query })) {
    await forEachOf(page.identities, ({ id }) => deleteOnce(api, `${identities}/${id}`));
    deleted += page.identities.length;
    if (deleted > 0) say(`${named(it)}: ${deleted} identities deleted`);
  }
}

/** Succeeds too if it was deleted before, by an earlier attempt or by someone else. */
async function deleteOnce(api: AdminApi, path: string): Promise<void> {
  try {
    await api.call({ method: "DELETE", path });
  } catch (error) {
    if (!(error instanceof ApiRefusal)) throw error;
    if (error.status !== 404) throw new ApiRefusal(`${path}: ${error.message}`, error.status);
  }
}

/** Acts on several in parallel. After one throws, no other starts, and those that started end. */
async function forEachOf<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  // A loop that throws ends its generator, which all loops share.
  const rest = (function* () {
    yield* items;
  })();
  const loops = Array.from({ length: concurrency }, async () => {
    for (const item of rest) await act(item);
  });
  const failed = (await Promise.allSettled(loops)).find((loop) => loop.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
