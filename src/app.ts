import { OpenAPIHono } from "@hono/zod-openapi";
import { cors } from "hono/cors";
import { methodNotAllowed } from "hono/method-not-allowed";
import { auditEventsRoute } from "./audit/event-routes.ts";
import { respondToError } from "./http/envelope.ts";
import { headers } from "./http/headers.ts";
import { healthRoute } from "./http/health-route.ts";
import { limitedBody } from "./http/json-body.ts";
import { describe } from "./http/openapi.ts";
import { Refusal } from "./http/refusal.ts";
import { requestId } from "./http/request-id.ts";
import { requestLog } from "./http/request-log.ts";
import { type AppEnv, configured, timeLimit } from "./http/route.ts";
import { identityRoutes } from "./identities/identity-routes.ts";
import { membershipRoutes } from "./identities/membership-routes.ts";
import { ociAuthRoutes } from "./identities/oci-auth-routes.ts";
import { organizationRoutes } from "./identities/organization-routes.ts";
import { tenancyRoutes } from "./identities/tenancy-routes.ts";
import { loginRoute } from "./login/route.ts";
import { readyRoute } from "./operations/ready-route.ts";
import { discoveryRoutes } from "./tokens/discovery-routes.ts";
import { introspectionRoute } from "./tokens/introspection-route.ts";
import { tokenRoutes } from "./tokens/token-routes.ts";

export const app = new OpenAPIHono<AppEnv>({
  // A slash at the end of a path is taken away before anything is matched, middleware included.
  strict: false,
  defaultHook: (result) => {
    if (!result.success) throw new Refusal("validation", undefined, { issues: result.error.issues });
  },
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

app.openapiRoutes([healthRoute]);
describe(app);

app.use(timeLimit, configured, limitedBody);
app.use("/.well-known/*", cors());
app.openapiRoutes([
  loginRoute,
  ...tokenRoutes,
  introspectionRoute,
  ...discoveryRoutes,
  ...organizationRoutes,
  ...membershipRoutes,
  ...identityRoutes,
  ...ociAuthRoutes,
  ...tenancyRoutes,
  auditEventsRoute,
  readyRoute,
]);
