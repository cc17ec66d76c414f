import { defineRoute } from "../http/route.ts";
import { loadInstanceConfiguration, loadUserConfiguration } from "../identities/login-configuration.ts";
import { loginAnswer, loginBody } from "../login/contract.ts";
import { instanceLoginBody } from "../login/instance/contract.ts";
import { logIn } from "../login/login.ts";
import {
  bodyRefusals,
  errorResponses,
  instanceRefusals,
  loginRefusals,
  userRefusals,
} from "./error-responses.ts";
import { jsonBody, success } from "./fields.ts";
import { exampleAnswer, exampleBody, exampleInstanceBody } from "./login-examples.ts";
import { instancesOf, loginDependencies, usersOf } from "./login-methods.ts";

export const loginRoute = defineRoute(
  {
    method: "post",
    path: "/api/v1/auth/oci-auth/login",
    tags: ["OCI Auth"],
    summary: "Log in with a signed OCI request",
    description: "Login with OCI Auth for machine identity",
    operationId: "loginWithOciAuth",
    request: { body: jsonBody(loginBody, exampleBody) },
    responses: () => ({
      ...success("Default Response", loginAnswer(), exampleAnswer),
      ...errorResponses(
        bodyRefusals,
        "malformed-request",
        "security-token",
        "date-not-signed",
        "another-user",
        "date-out-of-range",
        "another-realm",
        userRefusals,
        loginRefusals,
        "signature-invalid",
        "signature-reused",
        "too-many-logins",
        "ledger-unavailable",
      ),
    }),
  },
  async (c) => {
    const token = await logIn(
      usersOf(c),
      c.req.valid("json"),
      loginDependencies(c, loadUserConfiguration),
      c.var.now,
    );
    return c.json(token, 200);
  },
);

export const instanceLoginRoute = defineRoute(
  {
    method: "post",
    path: "/api/v1/auth/oci-instance-auth/login",
    tags: ["OCI Instance Auth"],
    summary: "Log in as a compute instance",
    description: "Log in with a statement that the key of the instance's certificate signed.",
    operationId: "loginWithOciInstanceAuth",
    request: { body: jsonBody(instanceLoginBody, exampleInstanceBody) },
    responses: () => ({
      ...success("Logged in", loginAnswer(), exampleAnswer),
      ...errorResponses(
        bodyRefusals,
        "malformed-request",
        "statement-header",
        "another-audience",
        "another-identity",
        "statement-out-of-date",
        "certificate-out-of-date",
        "another-realm",
        "region-unknown",
        instanceRefusals,
        loginRefusals,
        "chain-invalid",
        "roots-unavailable",
        "signature-invalid",
        "signature-reused",
        "too-many-logins",
        "ledger-unavailable",
      ),
    }),
  },
  async (c) => {
    const token = await logIn(
      instancesOf(c),
      c.req.valid("json"),
      loginDependencies(c, loadInstanceConfiguration),
      c.var.now,
    );
    return c.json(token, 200);
  },
);
