/**
 * A small stand-in for OCI's Identity service: Get User, List Users and List API Keys under /20160918.
 *
 * It judges its callers with `http-signature`, the library that Oracle's own SDK signs with, and knows nothing of this
 * project's code, so that a mistake of ours in signing shows. Its controls, under /_emulator, are for development and
 * tests; faults and recorded requests concern /20160918 only.
 */
import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import httpSignature from "http-signature";
import { z } from "zod";
import { apiKeysView, type EmulatedUser, makeUser, userView, wantedUser } from "./emulator-users.ts";

const wantedFaults = z.strictObject({
  status: z.number().int().min(200).max(599).optional(),
  delayMs: z.number().int().min(0).max(60_000).optional(),
  body: z.unknown().optional(),
  contentType: z.string().optional(),
});

interface Recorded {
  method: string;
  path: string;
  keyId: string | null;
  status: number;
}

class OciError extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const notAuthenticated = new OciError(
  401,
  "NotAuthenticated",
  "The required information to complete authentication was not provided or was incorrect.",
);
const notFound = new OciError(
  404,
  "NotAuthorizedOrNotFound",
  "Authorization failed or requested resource not found.",
);

const faultCodes: Record<number, string> = {
  401: "NotAuthenticated",
  404: "NotAuthorizedOrNotFound",
  429: "TooManyRequests",
  500: "InternalServerError",
  503: "ServiceUnavailable",
};

class Emulator {
  readonly #clockSkewSeconds: number;
  readonly #users = new Map<string, EmulatedUser>();
  #requests: Recorded[] = [];
  #faults: z.output<typeof wantedFaults> = {};

  constructor(clockSkewSeconds: number) {
    this.#clockSkewSeconds = clockSkewSeconds;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const url = parseUrl(request);
      if (url.pathname.startsWith("/20160918/")) await this.#identityService(request, response, url);
      else send(response, 200, await this.#control(request, url.pathname));
    } catch (error) {
      const { status, code, message } =
        error instanceof OciError ? error : new OciError(500, "InternalServerError", String(error));
      send(response, status, { code, message });
    }
  }

  async #identityService(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const recorded: Recorded = {
      method: request.method ?? "",
      path: request.url ?? "",
      keyId: /keyId="([^"]*)"/.exec(request.headers.authorization ?? "")?.[1] ?? null,
      status: 0,
    };
    this.#requests.push(recorded);
    response.once("finish", () => {
      recorded.status = response.statusCode;
    });
    const { status, delayMs, body, contentType } = this.#faults;
    if (delayMs !== undefined) await sleep(delayMs);
    if (status !== undefined || body !== undefined) {
      const code = status ?? 200;
      const ociBody = { code: faultCodes[code] ?? "Fault", message: "A fault of the emulator's, as told." };
      send(response, code, body ?? ociBody, contentType);
      return;
    }
    send(response, 200, this.#answer(request, url));
  }

  #answer(request: IncomingMessage, url: URL): unknown {
    const caller = this.#authenticate(request);
    const seen = (ocid: string) => {
      const user = this.#users.get(ocid);
      if (user?.tenancyOcid !== caller.tenancyOcid) throw notFound;
      const needed = keys === undefined ? ["read", "inspect"] : ["read"];
      if (ocid !== caller.ocid && !needed.includes(caller.mayOnUsers)) throw notFound;
      return user;
    };
    if (request.method !== "GET") throw new OciError(405, "MethodNotAllowed", "Only GET is emulated.");
    const [, , ocid, keys] = /^\/20160918(\/users)(?:\/([^/]+)(\/apiKeys)?)?$/.exec(url.pathname) ?? [];
    if (url.pathname === "/20160918/users") {
      if (url.searchParams.get("compartmentId") !== caller.tenancyOcid) throw notFound;
      if (caller.mayOnUsers === "nothing") throw notFound;
      const limit = Number(url.searchParams.get("limit") ?? 100);
      const users = [...this.#users.values()].filter((user) => user.tenancyOcid === caller.tenancyOcid);
      return users.slice(0, limit).map(userView);
    }
    if (ocid === undefined) throw notFound;
    return keys === undefined ? userView(seen(ocid)) : apiKeysView(seen(ocid));
  }

  /** The user whose active API key signed the request. */
  #authenticate(request: IncomingMessage): EmulatedUser {
    try {
      const parsed = httpSignature.parseRequest(request, {
        headers: ["(request-target)", "host", request.headers["x-date"] === undefined ? "date" : "x-date"],
        clockSkew: this.#clockSkewSeconds,
      });
      const [tenancyOcid, ocid = "", fingerprint] = parsed.params.keyId.split("/");
      const user = this.#users.get(ocid);
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

  async #control(request: IncomingMessage, path: string): Promise<unknown> {
    const route = `${request.method} ${path.replace(/^(\/_emulator\/users\/)[^/]+$/, "$1:ocid")}`;
    const ocid = path.split("/")[3] ?? "";
    switch (route) {
      case "PUT /_emulator/users/:ocid": {
        const user = makeUser(ocid, await bodyOf(request, wantedUser));
        this.#users.set(ocid, user);
        return { fingerprints: user.apiKeys.map((key) => key.fingerprint) };
      }
      case "DELETE /_emulator/users/:ocid":
        return { deleted: this.#users.delete(ocid) };
      case "PUT /_emulator/faults":
        this.#faults = await bodyOf(request, wantedFaults);
        return this.#faults;
      case "DELETE /_emulator/faults":
        this.#faults = {};
        return this.#faults;
      case "GET /_emulator/requests":
        return { requests: this.#requests };
      case "DELETE /_emulator/requests":
        this.#requests = [];
        return { requests: [] };
      default:
        throw new OciError(404, "NotFound", `The emulator has no ${route}.`);
    }
  }
}

function parseUrl(request: IncomingMessage): URL {
  const base = "http://emulator";
  if (!URL.canParse(request.url ?? "", base))
    throw new OciError(400, "InvalidParameter", "The URL is malformed.");
  return new URL(request.url ?? "", base);
}

async function bodyOf<T>(request: IncomingMessage, schema: z.ZodType<T>): Promise<T> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new OciError(400, "InvalidParameter", "The body is not JSON.");
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw new OciError(400, "InvalidParameter", z.prettifyError(parsed.error));
  return parsed.data;
}

/** A string body is sent as it is, anything else as JSON. */
function send(
  response: ServerResponse,
  status: number,
  body: unknown,
  contentType = "application/json",
): void {
  response.writeHead(status, {
    "content-type": contentType,
    "opc-request-id": randomBytes(16).toString("hex").toUpperCase(),
  });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
}

/** Listens on loopback; port 0 takes a free one. A caller's clock may differ from this one's by 300 s, as OCI has it. */
export async function startEmulator(
  port: number,
  clockSkewSeconds = 300,
): Promise<{ origin: string; close: () => Promise<void> }> {
  const emulator = new Emulator(clockSkewSeconds);
  const server: Server = createServer((request, response) => void emulator.handle(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
