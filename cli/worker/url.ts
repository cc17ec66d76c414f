import { InvalidArgumentError, Option } from "commander";

const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** The origin of a Worker. It receives tokens and signatures, so it must be https unless it is this machine. */
export function parseWorkerUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw new InvalidArgumentError("It is not a URL such as https://auth.example.com.");
  }
  if (url.protocol === "http:" && !loopback.test(url.hostname)) {
    throw new InvalidArgumentError("Without https, others on the network could read it; use https.");
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
      // An empty variable counts as none. A command that needs the URL says so.
      .argParser((text) => (text === "" ? text : parseWorkerUrl(text)))
  );
}
