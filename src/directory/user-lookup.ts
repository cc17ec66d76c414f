/** What OCI says of a user: Get User and List API Keys, side by side, judged into one answer. */
import { log } from "../log.ts";
import type { IdentityClient, OciAnswer } from "../oci/identity-client.ts";
import type { ApiKeyId } from "../oci/key-id.ts";
import type { TenancyOcid, UserOcid } from "../oci/ocid.ts";
import type { OciFailure } from "../oci/signed-call.ts";
import { judgeUser, makeEntry, type UserEntry } from "./user-entry.ts";
import type { NoAnswer, SourceAnswer } from "./vouched-cache.ts";

export type UserDenial = "user-unknown" | "user-inactive";

type Answer = SourceAnswer<UserEntry, UserDenial>;

/** Never rejects: whatever goes wrong, there is no usable answer. `now` in milliseconds since the epoch. */
export async function lookUp(
  { tenancyOcid, userOcid }: ApiKeyId,
  openClient: () => Promise<IdentityClient>,
  now: number,
): Promise<Answer> {
  try {
    return await callOci(tenancyOcid, userOcid, await openClient(), now);
  } catch (error) {
    // Such as a credential that cannot be decrypted.
    return noAnswer(tenancyOcid, userOcid, { why: String(error) });
  }
}

async function callOci(
  tenancyOcid: TenancyOcid,
  userOcid: UserOcid,
  client: IdentityClient,
  now: number,
): Promise<Answer> {
  const [user, apiKeys] = await Promise.all([client.getUser(userOcid), client.listApiKeys(userOcid)]);
  for (const answer of [user, apiKeys]) {
    if (answer.kind === "not-found") {
      const message =
        "OCI says 404: the user is gone, or the policy that lets the tenancy's credential read users is";
      log("warn", { message, tenancyOcid, userOcid, oci: answer.failure });
      return { kind: "refused", reason: "user-unknown" };
    }
  }
  const failed = (failure: OciFailure) =>
    noAnswer(tenancyOcid, userOcid, failure, throttledSeconds(user) ?? throttledSeconds(apiKeys));
  if (user.kind !== "answer") return failed(user.failure);
  const verdict = judgeUser(tenancyOcid, userOcid, user.value);
  if (verdict.kind === "refused") return verdict;
  if (verdict.kind === "unfit") return failed(verdict);
  if (apiKeys.kind !== "answer") return failed(apiKeys.failure);
  const entry = await makeEntry(tenancyOcid, userOcid, user.value, apiKeys.value, now);
  return entry === undefined
    ? failed({ why: "List API Keys answered with another user's keys" })
    : { kind: "entry", entry };
}

function throttledSeconds(answer: OciAnswer<unknown>): number | undefined {
  return answer.kind === "unavailable" ? answer.throttledSeconds : undefined;
}

function noAnswer(
  tenancyOcid: TenancyOcid,
  userOcid: UserOcid,
  failure: OciFailure,
  throttledSeconds?: number,
): NoAnswer {
  log("error", { message: "OCI cannot be asked about a user", tenancyOcid, userOcid, oci: failure });
  return { kind: "unavailable", throttledSeconds };
}
