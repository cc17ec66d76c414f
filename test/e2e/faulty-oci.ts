/** Stands between the Worker and the emulated OCI, and breaks what passes in ways that the emulator does not. */
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type OciFault =
  | "drop"
  | "hang"
  | "hang-in-body"
  | "redirect"
  | "truncated"
  | "10-megabytes"
  | ((path: string, answer: unknown) => unknown);

export async function startFaultyOci(emulator: string) {
  let fault: OciFault | undefined;
  let calls = 0;

  async function pass(request: IncomingMessage): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const { method, headers, url } = request;
      const forwarded = httpRequest(
        new URL(url ?? "/", emulator),
        { method: method ?? "GET", headers },
        (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (chunk) => {
            text += chunk;
          });
          response.on("end", () => resolve({ status: response.statusCode ?? 500, text }));
        },
      );
      forwarded.on("error", reject).end();
    });
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    calls += 1;
    switch (fault) {
      case "drop":
        request.socket.destroy();
        return;
      case "hang":
        return;
      case "hang-in-body":
        response.writeHead(200, { "content-type": "application/json" }).write('{"id":');
        return;
      case "redirect":
        response.writeHead(302, { location: "/elsewhere" }).end();
        return;
      case "truncated":
        response
          .writeHead(200, { "content-type": "application/json" })
          .end((await pass(request)).text.slice(0, -20));
        return;
      case "10-megabytes":
        response.writeHead(200, { "content-type": "application/json" });
        response.end(JSON.stringify({ padding: "x".repeat(10 * 1024 * 1024) }));
        return;
      default: {
        const { status, text } = await pass(request);
        const changed =
          fault === undefined ? text : JSON.stringify(fault(request.url ?? "", JSON.parse(text)));
        response.writeHead(status, { "content-type": "application/json" }).end(changed);
      }
    }
  }

  const server = createServer(
    (request, response) => void handle(request, response).catch(() => response.destroy()),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    set(next: OciFault | undefined) {
      fault = next;
      calls = 0;
    },
    /** How often it was called since the last fault was set or cleared. */
    calls: () => calls,
    close: () => {
      server.closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
