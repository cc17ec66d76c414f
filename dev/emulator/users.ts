import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import { z } from "zod";

/** A user of the emulated tenancy, as the emulator's control takes it. */
export const wantedUser = z.strictObject({
  tenancyOcid: z.string().min(1),
  name: z.string().min(1),
  lifecycleState: z.string().default("ACTIVE"),
  canUseApiKeys: z.boolean().default(true),
  /** What a policy lets the user's group do to users; to inspect is not to see keys. Anyone may read themselves. */
  mayOnUsers: z.enum(["read", "inspect", "nothing"]).default("read"),
  apiKeys: z.array(
    z.strictObject({
      publicKey: z.string().transform((pem, context): KeyObject => {
        try {
          return createPublicKey(pem);
        } catch {
          context.addIssue("is not a public key in PEM form");
          return z.NEVER;
        }
      }),
      lifecycleState: z.string().default("ACTIVE"),
    }),
  ),
});

interface ApiKey {
  readonly fingerprint: string;
  readonly pem: string;
  readonly lifecycleState: string;
}

export interface EmulatedUser {
  readonly ocid: string;
  readonly tenancyOcid: string;
  readonly name: string;
  readonly lifecycleState: string;
  readonly canUseApiKeys: boolean;
  readonly mayOnUsers: "read" | "inspect" | "nothing";
  readonly apiKeys: readonly ApiKey[];
  readonly timeCreated: string;
}

function fingerprint(key: KeyObject): string {
  const md5 = createHash("md5")
    .update(key.export({ type: "spki", format: "der" }))
    .digest("hex");
  return md5.match(/../g)?.join(":") ?? "";
}

export function makeUser(ocid: string, wanted: z.output<typeof wantedUser>): EmulatedUser {
  return {
    ocid,
    ...wanted,
    apiKeys: wanted.apiKeys.map(({ publicKey, lifecycleState }) => ({
      fingerprint: fingerprint(publicKey),
      pem: publicKey.export({ type: "spki", format: "pem" }).toString(),
      lifecycleState,
    })),
    timeCreated: new Date().toISOString(),
  };
}

/** As Get User answers. */
export function userView(user: EmulatedUser) {
  return {
    capabilities: {
      canUseConsolePassword: false,
      canUseApiKeys: user.canUseApiKeys,
      canUseAuthTokens: false,
      canUseSmtpCredentials: false,
      canUseCustomerSecretKeys: false,
    },
    compartmentId: user.tenancyOcid,
    description: user.name,
    id: user.ocid,
    inactiveStatus: null,
    isMfaActivated: false,
    lifecycleState: user.lifecycleState,
    name: user.name,
    timeCreated: user.timeCreated,
  };
}

/** As List API Keys answers. */
export function apiKeysView(user: EmulatedUser) {
  return user.apiKeys.map((key) => ({
    fingerprint: key.fingerprint,
    inactiveStatus: null,
    keyId: `${user.tenancyOcid}/${user.ocid}/${key.fingerprint}`,
    keyValue: key.pem,
    lifecycleState: key.lifecycleState,
    timeCreated: user.timeCreated,
    userId: user.ocid,
  }));
}
