import { count, type Field, list, setsNull, text } from "./operation.ts";

/** Of the tokens that a method of login gives: the same for each method. */
export const tokenSettings: Field[] = [
  count("--ttl <seconds>", "accessTokenTTL", "how long a token lives; 0: as long as the Worker allows"),
  count("--max-ttl <seconds>", "accessTokenMaxTTL", "how long it can be renewed after the login"),
  count("--period <seconds>", "accessTokenPeriod", "how long each renewal lasts, for ever; 0: not periodic"),
  count("--uses-limit <number>", "accessTokenNumUsesLimit", "how often a token may be used; 0: no limit"),
  list(
    "--trusted-ip <address>",
    "accessTokenTrustedIps",
    "address or CIDR range to use tokens from",
    (value) => ({
      ipAddress: value,
    }),
  ),
  text("--audience <audience>", "accessTokenAudience", "aud of its tokens"),
  setsNull("--default-audience", "accessTokenAudience", "audience", "aud is the Worker's TOKEN_AUDIENCE"),
];
