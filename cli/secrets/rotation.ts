/** What each step of a rotation deploys. docs/operate.md, "Rotate secrets", explains the order and the waits. */
import type { JWK } from "jose";
import * as z from "zod";
import { encryptionKeySet } from "../../src/keys/credential-encryption.ts";
import { importSigningKeys, type RsaAlgorithm, signingKeySet } from "../../src/keys/signing-keys.ts";
import { malformed, type Parsed, parsed } from "../../src/oci/parsed.ts";
import { newAdminToken, newEncryptionKey, newSigningKey, type SecretName } from "./fresh-secrets.ts";

export interface Step {
  /** Part of the file's name. */
  readonly name: string;
  readonly does: string;
  /** The secret's new value. */
  readonly value: string;
  /** What must pass or be done before the next step. */
  readonly wait?: string;
}

/** Cloudflare's limit for one secret. */
const maxBytes = 5 * 1024;

/** The steps from the current value, in order. The last one's value is the final one. A problem shows no value. */
export async function rotationOf(name: SecretName, current: string): Promise<Parsed<Step[]>> {
  const steps = await rotations[name](current);
  if (!steps.ok) return steps;
  for (const { name: step, value } of steps.value) {
    if (value.length > maxBytes) {
      return malformed(
        `step '${step}' would have ${value.length} bytes, and a secret holds ${maxBytes}; drop an old key first`,
      );
    }
  }
  return steps;
}

const rotations: Record<SecretName, (current: string) => Promise<Parsed<Step[]>>> = {
  ADMIN_TOKEN: async () =>
    parsed([
      {
        name: "new",
        does: "Replace the token. The old one is refused once the new version has spread, within seconds",
        value: newAdminToken(),
      },
    ]),
  TOKEN_SIGNING_KEYS: async (current) => {
    const keys = keysOf(current, signingKeySet());
    if (!keys.ok) return keys;
    try {
      const [first] = await importSigningKeys(keys.value.checked);
      // Services name the algorithm that they accept, so a rotation does not change it.
      const { modulusLength } = first.publicKey.algorithm as Partial<RsaAlgorithm>;
      return parsed(
        stepsOf(keys.value.raw, await newSigningKey(first.alg, modulusLength), {
          added: "Wait five minutes: services keep the published keys for that long, and all have to know it",
          first:
            "Wait as long as a token lives, MAX_TOKEN_TTL_SECONDS (an hour unless set): then no token of the old key is left",
        }),
      );
    } catch {
      return malformed("a key cannot be imported");
    }
  },
  ENCRYPTION_KEYS: async (current) => {
    const keys = keysOf(current, encryptionKeySet());
    if (!keys.ok) return keys;
    return parsed(
      stepsOf(keys.value.raw, newEncryptionKey(), {
        added: "Wait a minute: then every version that serves can decrypt what the new key encrypts",
        first:
          "Wait a minute. Then run `oci-auth admin tenancies re-encrypt` until every credential is current",
      }),
    );
  },
};

function stepsOf(current: readonly JWK[], key: JWK, waits: { added: string; first: string }): Step[] {
  const value = (...keys: readonly JWK[]) => JSON.stringify({ keys });
  return [
    { name: "added", does: "Add the new key last", value: value(...current, key), wait: waits.added },
    {
      name: "first",
      does: "Move the new key to the front",
      value: value(key, ...current),
      wait: waits.first,
    },
    { name: "dropped", does: "Drop the old keys", value: value(key) },
  ];
}

/** The keys, checked as the Worker checks them, and unchanged: with members that the Worker ignores, such as `use`. */
function keysOf<T>(text: string, schema: z.ZodType<T>): Parsed<{ checked: T; raw: JWK[] }> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return malformed("is not JSON");
  }
  const checked = schema.safeParse(json);
  if (checked.success) {
    return parsed({
      checked: checked.data,
      raw: z.object({ keys: z.array(z.looseObject({})) }).parse(json).keys,
    });
  }
  const [issue] = checked.error.issues;
  return malformed(
    `is not a JWK Set that the Worker accepts, at '${issue?.path.join(".")}': ${issue?.message}`,
  );
}
