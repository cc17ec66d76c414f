/** The examples of docs/verify.md as processes. */
import { join } from "node:path";
import { expect } from "vitest";
import { bin } from "./examples.ts";
import { type Started, start } from "./processes.ts";

export interface Surroundings extends Record<string, string> {
  readonly ISSUER: string;
  readonly AUDIENCE: string;
  readonly PORT: string;
}

/** By the example's name, how to run it from this folder. */
export function servicesOf(
  folder: string,
): Record<string, (env: Surroundings) => Started | Promise<Started>> {
  const onNode = (name: string) => (env: Surroundings) => start(bin("node"), [name], folder, env);

  const inWorkerd = (env: Surroundings) =>
    start(
      bin("wrangler"),
      [
        ...["dev", "hono.ts", "--name", "service", "--compatibility-date", "2026-11-02"],
        ...["--ip", "127.0.0.1", "--port", env.PORT, "--inspector-port", "0"],
        ...["--show-interactive-dev-session=false"],
        ...["--var", `ISSUER:${env.ISSUER}`, "--var", `AUDIENCE:${env.AUDIENCE}`],
      ],
      folder,
    );

  const inGo = async (env: Surroundings) => {
    const offline = { GOFLAGS: "-mod=mod", GOPROXY: "off", GO111MODULE: "on" };
    const build = start("go", ["build", "-o", "verify", "verify.go"], folder, offline);
    expect([await build.exit, build.output()]).toEqual([0, ""]);
    return start(join(folder, "verify"), [], folder, env);
  };

  return {
    "jose.ts": onNode("jose.ts"),
    "hono.ts": inWorkerd,
    "express.ts": onNode("express.ts"),
    // Debian's own, which has Debian's packages.
    "verify.py": (env) => start("/usr/bin/python3", ["verify.py"], folder, env),
    "verify.go": inGo,
  };
}
