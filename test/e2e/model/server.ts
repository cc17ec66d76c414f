/** A Worker in a process group of its own, so that it can be killed as a whole and started again on its state. */
import { readFileSync } from "node:fs";
import { convertV4MiniflareOptions, Miniflare, NoOpLog, type V4MiniflareOptions } from "miniflare";

const options: V4MiniflareOptions = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8"));
const miniflare = new Miniflare(
  // What the Worker logs is not looked at, and nothing is fetched for `Request.cf`.
  convertV4MiniflareOptions({ ...options, log: new NoOpLog(), handleStructuredLogs: () => {}, cf: false }),
);
process.send?.((await miniflare.ready).href);
// The group ends with the process that started it.
process.once("disconnect", () => void miniflare.dispose().finally(() => process.exit()));
