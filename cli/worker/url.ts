import { InvalidArgumentError, Option } from "commander";

const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** The origin of a Worker: a token or a signature is sent to it, so it is https unless it is this machine. */
export function parseWorkerUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw new InvalidArgumentError("It is not a URL such as https://auth.example.com.");
  }
  if (url.protocol === "http:" && !loopback.test(url.hostname)) {
    throw new InvalidArgumentError("Without https, anyone on the way could read along; use https.");
  }
  if (url.href !== `${url.origin}/`) {
    throw new InvalidArgumentError("Give the Worker's origin alone, without a user, a path or a query.");
  }
  return url.origin;
}

export function workerUrlOption(): Option {
  return (
    new Option("--url <origin>", "the Worker, such as https://auth.example.com")
      .env("OCI_AUTH_URL")
      // An empty variable is as good as none, and whoever needs the URL says so.
      .argParser((text) => (text === "" ? text : parseWorkerUrl(text)))
  );
}
