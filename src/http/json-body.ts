import { bodyLimit } from "hono/body-limit";
import { Refusal } from "./refusal.ts";

/** The largest request body in bytes: a login's is about 2 KB, a tenancy's credential about 4 KB. */
export const maxBodyBytes = 16 * 1024;

export const limitedBody = bodyLimit({
  maxSize: maxBodyBytes,
  onError: () => {
    throw new Refusal("too-large", `The request body is larger than ${maxBodyBytes} bytes`);
  },
});
