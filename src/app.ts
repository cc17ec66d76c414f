import { cors } from "hono/cors";
import { HonoBase } from "hono/hono-base";
import { methodNotAllowed } from "hono/method-not-allowed";
import { TrieRouter } from "hono/router/trie-router";
import { auditEventsRoute } from "./api/audit-events-route.ts";
import { discoveryRoutes } from "./api/discovery-routes.ts";
import { healthRoute } from "./api/health-route.ts";
import { identityRoutes } from "./api/identity-routes.ts";
import { introspectionRoute } from "./api/introspection-route.ts";
import { instanceLoginRoute, loginRoute } from "./api/login-route.ts";
import { membershipRoutes } from "./api/membership-routes.ts";
import { ociAuthRoutes } from "./api/oci-auth-routes.ts";
import { ociInstanceAuthRoutes } from "./api/oci-instance-auth-routes.ts";
import { openApi } from "./api/openapi.ts";
import { organizationRoutes } from "./api/organization-routes.ts";
import { principalRoutes } from "./api/principal-routes.ts";
import { readyRoute } from "./api/ready-route.ts";
import { tenancyRoutes } from "./api/tenancy-routes.ts";
import { tokenRoutes } from "./api/token-routes.ts";
import { limitedBody } from "./http/body.ts";
import { respondToError } from "./http/envelope.ts";
import { headers } from "./http/headers.ts";
import { requestId } from "./http/request-id.ts";
import { requestLog } from "./http/request-log.ts";
import { type AppEnv, addRoutes, configured, timeLimit } from "./http/route.ts";
import { Refusal } from "./refusal.ts";

export const app = new HonoBase<AppEnv>({
  // Hono's own choice would try another first, which cannot serve these paths.
  router: new TrieRouter(),
  // A slash at the end of a path is taken away before anything is matched, middleware included.
  strict: false,
});

app.onError(respondToError);
app.notFound((c) =>
  respondToError(new Refusal("not-found", `Route ${c.req.method} ${c.req.path} not found`), c),
);

app.use(requestId, requestLog, headers);
app.use(
  methodNotAllowed({
    app,
    onMethodNotAllowed: (c, methods) => {
      c.header("allow", methods.join(", "));
      return respondToError(
        new Refusal("method-not-allowed", `${c.req.method} is not allowed here; ${methods.join(", ")} is`),
        c,
      );
    },
  }),
);

addRoutes(app, [healthRoute]);
app.get("/openapi.json", openApi);

app.use(timeLimit, configured, limitedBody);
app.use("/.well-known/*", cors());

const configuredRoutes = [
  loginRoute,
  instanceLoginRoute,
  ...tokenRoutes,
  introspectionRoute,
  ...discoveryRoutes,
  ...organizationRoutes,
  ...membershipRoutes,
  ...identityRoutes,
  ...ociAuthRoutes,
  ...ociInstanceAuthRoutes,
  ...tenancyRoutes,
  ...principalRoutes,
  auditEventsRoute,
  readyRoute,
];
addRoutes(app, configuredRoutes);

/** For the document (dev/openapi.ts). */
export const routes = [healthRoute, ...configuredRoutes];
