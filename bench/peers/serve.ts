/** The process of each peer: it gets its configuration, listens, and ends when the bench does. */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

export function serve<Config>(listenerOf: (config: Config) => RequestListener): void {
  process.once("disconnect", () => process.exit());
  process.once("message", (config: Config) => {
    const server = createServer(listenerOf(config));
    server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
  });
}
