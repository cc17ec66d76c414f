/**
 * OCI's Identity service as far as it is emulated: Get User, List Users and List API Keys under /20160918.
 *
 * It judges its callers with `http-signature`, the library that Oracle's own SDK signs with, and knows nothing of this
 * project's code, so that a mistake of ours in signing shows.
 */
import type { IncomingMessage } from "node:http";
import httpSignature from "http-signature";
import { notAuthenticated, notFound, onlyGet } from "./http.ts";
import { apiKeysView, type EmulatedUser, userView } from "./users.ts";

export class IdentityService {
  readonly #clockSkewSeconds: number;
  readonly users = new Map<string, EmulatedUser>();

  constructor(clockSkewSeconds: number) {
    this.#clockSkewSeconds = clockSkewSeconds;
  }

  answer(request: IncomingMessage, url: URL): unknown {
    const caller = this.authenticate(request);
    const seen = (ocid: string) => {
      const user = this.users.get(ocid);
      if (user?.tenancyOcid !== caller.tenancyOcid) throw notFound;
      const needed = keys === undefined ? ["read", "inspect"] : ["read"];
      if (ocid !== caller.ocid && !needed.includes(caller.mayOnUsers)) throw notFound;
      return user;
    };
    if (request.method !== "GET") throw onlyGet;
    const [, , ocid, keys] = /^\/20160918(\/users)(?:\/([^/]+)(\/apiKeys)?)?$/.exec(url.pathname) ?? [];
    if (url.pathname === "/20160918/users") {
      if (url.searchParams.get("compartmentId") !== caller.tenancyOcid) throw notFound;
      if (caller.mayOnUsers === "nothing") throw notFound;
      const limit = Number(url.searchParams.get("limit") ?? 100);
      const users = [...this.users.values()].filter((user) => user.tenancyOcid === caller.tenancyOcid);
      return users.slice(0, limit).map(userView);
    }
    if (ocid === undefined) throw notFound;
    return keys === undefined ? userView(seen(ocid)) : apiKeysView(seen(ocid));
  }

  /** The user whose active API key signed the request. */
  authenticate(request: IncomingMessage): EmulatedUser {
    try {
      const parsed = httpSignature.parseRequest(request, {
        headers: ["(request-target)", "host", request.headers["x-date"] === undefined ? "date" : "x-date"],
        clockSkew: this.#clockSkewSeconds,
      });
      const [tenancyOcid, ocid = "", fingerprint] = parsed.params.keyId.split("/");
      const user = this.users.get(ocid);
      const key = user?.apiKeys.find((candidate) => candidate.fingerprint === fingerprint);
      const known =
        user?.tenancyOcid === tenancyOcid &&
        user?.lifecycleState === "ACTIVE" &&
        key?.lifecycleState === "ACTIVE";
      if (
        user !== undefined &&
        key !== undefined &&
        known &&
        httpSignature.verifySignature(parsed, key.pem)
      ) {
        return user;
      }
    } catch {
      // Malformed, incomplete or too old: all the same to the caller.
    }
    throw notAuthenticated;
  }
}
