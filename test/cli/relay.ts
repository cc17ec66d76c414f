/** A relay between a client and the Worker: it records the requests, and can be down for a while. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface RelayedRequest {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly path: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests say what they expect of it.
  readonly body: any;
  readonly status: number;
}

export interface Relay {
  readonly origin: string;
  readonly requests: RelayedRequest[];
  /** Refuses connections, until `up`. */
  down(): Promise<void>;
  up(): Promise<void>;
  close(): Promise<void>;
}

/** `clientIp` is the address that the Worker sees. */
export async function startRelay(worker: URL, clientIp = "127.0.0.1"): Promise<Relay> {
  const requests: RelayedRequest[] = [];

  async function relay(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const at = Date.now();
    const { url: path = "", method = "" } = request;
    const sent = await text(request);
    const answer = await fetch(new URL(path, worker), {
      method,
      headers: {
        "cf-connecting-ip": clientIp,
        ...(sent === "" ? {} : { "content-type": "application/json" }),
      },
      ...(sent === "" ? {} : { body: sent }),
    });
    requests.push({ at, path, body: sent === "" ? undefined : JSON.parse(sent), status: answer.status });
    const headers = ["content-type", "date", "retry-after"].flatMap((name) => {
      const value = answer.headers.get(name);
      return value === null ? [] : [[name, value] as const];
    });
    response.writeHead(answer.status, Object.fromEntries(headers)).end(await answer.text());
  }

  const server = createServer((request, response) => {
    relay(request, response).catch(() => response.destroy());
  });
  let port = 0;
  const up = async () => {
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    port = (server.address() as AddressInfo).port;
  };
  const down = async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  await up();
  return {
    origin: `http://127.0.0.1:${port}`,
    requests,
    up,
    down,
    close: async () => {
      if (server.listening) await down();
    },
  };
}
