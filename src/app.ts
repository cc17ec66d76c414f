import { OpenAPIHono } from "@hono/zod-openapi";
import { cors } from "hono/cors";
import { methodNotAllowed } from "hono/method-not-allowed";
import { auditEventsRoute } from "./api/audit-events-route.ts";
import { discoveryRoutes } from "./api/discovery-routes.ts";
import { healthRoute } from "./api/health-route.ts";
import { identityRoutes } from "./api/identity-routes.ts";
import { introspectionRoute } from "./api/introspection-route.ts";
import { loginRoute } from "./api/login-route.ts";
import { membershipRoutes } from "./api/membership-routes.ts";
import { ociAuthRoutes } from "./api/oci-auth-routes.ts";
import { describe } from "./api/openapi.ts";
import { organizationRoutes } from "./api/organization-routes.ts";
import { readyRoute } from "./api/ready-route.ts";
import { tenancyRoutes } from "./api/tenancy-routes.ts";
import { tokenRoutes } from "./api/token-routes.ts";
import { respondToError } from "./http/envelope.ts";
import { headers } from "./http/headers.ts";
import { limitedBody } from "./http/json-body.ts";
import { requestId } from "./http/request-id.ts";
import { requestLog } from "./http/request-log.ts";
import { type AppEnv, configured, timeLimit } from "./http/route.ts";
import { Refusal } from "./refusal.ts";

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
