import { createMiddleware } from "hono/factory";
import { secureHeaders } from "hono/secure-headers";
import type { AppEnv } from "./route.ts";

/** An API: nothing of it is to be framed, run, sniffed or sent anywhere by a browser. */
const secure = secureHeaders({
  contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  strictTransportSecurity: "max-age=31536000; includeSubDomains",
  referrerPolicy: "no-referrer",
  xFrameOptions: "DENY",
  crossOriginResourcePolicy: false,
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
});

/** And nothing of it is to be cached but what says that it may be. */
export const headers = createMiddleware<AppEnv>(async (c, next) => {
  await secure(c, next);
  if (!c.res.headers.has("cache-control")) c.header("cache-control", "no-store");
});
