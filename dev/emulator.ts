/**
 * A small stand-in for OCI: users and their API keys (Identity service), the roots of instances' certificates, and the
 * metadata service of one instance. It certifies and judges with libraries that are not ours (dev/emulator/).
 *
 * Its controls, under /_emulator, are for development and tests; faults and recorded requests concern the rest.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { type Answer, bodyOf, OciError, onlyGet, parseUrl, send } from "./emulator/http.ts";
import { IdentityService } from "./emulator/identity-service.ts";
import { InstanceRoots, wantedRoots } from "./emulator/instance-roots.ts";
import { Instances, wantedCurrentInstance, wantedInstance } from "./emulator/instances.ts";
import { metadata } from "./emulator/metadata-service.ts";
import { makeUser, wantedUser } from "./emulator/users.ts";

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

const faultCodes: Record<number, string> = {
  401: "NotAuthenticated",
  404: "NotAuthorizedOrNotFound",
  429: "TooManyRequests",
  500: "InternalServerError",
  503: "ServiceUnavailable",
};

const rootsPath = /^\/([^/]+)\/v1\/instancePrincipalRootCACertificates$/;
const emulated = new RegExp(`^/(?:20160918|opc)/|${rootsPath.source}`);

class Emulator {
  readonly #identityService: IdentityService;
  readonly #roots = new InstanceRoots();
  readonly #instances = new Instances(this.#roots);
  #requests: Recorded[] = [];
  #faults: z.output<typeof wantedFaults> = {};

  constructor(clockSkewSeconds: number) {
    this.#identityService = new IdentityService(clockSkewSeconds);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const url = parseUrl(request);
      if (emulated.test(url.pathname)) await this.#oci(request, response, url);
      else send(response, 200, { body: await this.#control(request, url.pathname) });
    } catch (error) {
      const { status, code, message } =
        error instanceof OciError ? error : new OciError(500, "InternalServerError", String(error));
      send(response, status, { body: { code, message } });
    }
  }

  async #oci(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
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
      send(response, code, { body: body ?? ociBody, contentType });
      return;
    }
    send(response, 200, await this.#answer(request, url));
  }

  async #answer(request: IncomingMessage, url: URL): Promise<Answer> {
    if (url.pathname.startsWith("/opc/")) return metadata(this.#instances, request, url);
    const [, region] = rootsPath.exec(url.pathname) ?? [];
    if (region === undefined) return { body: this.#identityService.answer(request, url) };
    // Whoever is known may read them: OCI asks for no policy.
    this.#identityService.authenticate(request);
    if (request.method !== "GET") throw onlyGet;
    return this.#roots.answer(region);
  }

  async #control(request: IncomingMessage, path: string): Promise<unknown> {
    const name = path.split("/")[3] ?? "";
    switch (`${request.method} ${path.replace(/^(\/_emulator\/[^/]+\/)[^/]+/, "$1:name")}`) {
      case "PUT /_emulator/users/:name": {
        const user = makeUser(name, await bodyOf(request, wantedUser));
        this.#identityService.users.set(name, user);
        return { fingerprints: user.apiKeys.map((key) => key.fingerprint) };
      }
      case "DELETE /_emulator/users/:name":
        return { deleted: this.#identityService.users.delete(name) };
      case "PUT /_emulator/instances/:name":
        return this.#instances.put(name, await bodyOf(request, wantedInstance));
      case "PUT /_emulator/current-instance":
        return this.#instances.setCurrent((await bodyOf(request, wantedCurrentInstance)).instanceOcid);
      case "PUT /_emulator/instance-roots/:name":
        return this.#roots.replace(name, await bodyOf(request, wantedRoots));
      case "DELETE /_emulator/instance-roots/:name":
        return this.#roots.restore(name);
      case "POST /_emulator/instance-roots/:name/rotate":
        return this.#roots.rotate(name);
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
        throw new OciError(404, "NotFound", `The emulator has no ${request.method} ${path}.`);
    }
  }
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
