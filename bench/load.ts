/** Sends requests at a fixed concurrency, and says what they cost. */
import { Agent, request } from "node:http";
import { cpuMilliseconds } from "./cpu.ts";

export interface Target {
  readonly origin: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
}

const loginHeaders = { "content-type": "application/json" };

export const loginPath = "/api/v1/auth/oci-auth/login";

export interface Load {
  readonly requests: number;
  readonly seconds: number;
  readonly perSecond: number;
  /** Of each request, in milliseconds, sorted. */
  readonly latencies: readonly number[];
}

function post(agent: Agent, { origin, path, headers = loginHeaders }: Target, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(
      origin + path,
      { method: "POST", agent, headers: { ...headers, "content-length": Buffer.byteLength(body) } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          if (response.statusCode === 200) resolve(text);
          else reject(new Error(`${path}: ${response.statusCode} ${text}`));
        });
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Posts each body once; rejects at the first answer other than 200. */
export async function send(target: Target, bodies: readonly string[], concurrency: number): Promise<Load> {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const latencies: number[] = [];
  let next = 0;
  async function client(): Promise<void> {
    for (let body = bodies[next++]; body !== undefined; body = bodies[next++]) {
      const start = performance.now();
      await post(agent, target, body);
      latencies.push(performance.now() - start);
    }
  }
  const start = performance.now();
  try {
    await Promise.all(Array.from({ length: concurrency }, client));
  } finally {
    agent.destroy();
  }
  const seconds = (performance.now() - start) / 1000;
  latencies.sort((a, b) => a - b);
  return { requests: bodies.length, seconds, perSecond: bodies.length / seconds, latencies };
}

/** The same, with the CPU that a process spent on it: milliseconds for each request. */
export async function sendMeasured(
  pid: number,
  target: Target,
  bodies: readonly string[],
  concurrency: number,
) {
  const before = cpuMilliseconds(pid);
  const load = await send(target, bodies, concurrency);
  return { ...load, cpuPerRequest: (cpuMilliseconds(pid) - before) / bodies.length };
}
