/** Which code runs, for the log and `GET /ready`. */
import { env } from "cloudflare:workers";
import { version } from "../package.json";

/** The release, and which upload of it this is: a rotation of a secret makes another upload of the same release. */
export function versionOf(upload: WorkerVersionMetadata | undefined) {
  return {
    release: version,
    /** As `wrangler versions list` has it. Null where wrangler.toml lacks the binding: nothing else depends on it. */
    versionId: upload?.id ?? null,
    uploadedAt: upload?.timestamp ?? null,
  } as const;
}

export const running = versionOf(env.VERSION);
