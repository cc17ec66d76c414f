/** Debian's Chromium without a screen, and all that a page in it fetches and says. */
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** A name that leads to this machine: the viewer treats a page on localhost otherwise than one on the Internet. */
export const hostname = "auth.example.com";

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      `--host-resolver-rules=MAP ${hostname} 127.0.0.1`,
    ],
  });
}

export interface Watched {
  readonly page: Page;
  /** The URLs that were asked for. */
  readonly requests: string[];
  /** What the console shows, of whatever level, and errors that nothing caught. */
  readonly messages: string[];
  close(): Promise<void>;
}

/** A page with a cache and storage of its own. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext(options);
  const [requests, messages]: [string[], string[]] = [[], []];
  context.on("request", (request) => requests.push(request.url()));
  context.on("console", (message) => messages.push(`${message.type()}: ${message.text()}`));
  context.on("weberror", (error) => messages.push(`uncaught: ${error.error().message}`));
  return { page: await context.newPage(), requests, messages, close: () => context.close() };
}
