/** Sends requests at a fixed concurrency, and measures their cost. */
import { Agent, request } from "node:http";
import { cpuMilliseconds } from "./cpu.ts";

/** The path and form of a request. */
export interface Endpoint {
  readonly path: string;
  readonly contentType: string;
}

export const login: Endpoint = { path: "/api/v1/auth/oci-auth/login", contentType: "application/json" };

function post(agent: Agent, url: string, contentType: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        method: "POST",
        agent,
        headers: { "content-type": contentType, "content-length": Buffer.byteLength(body) },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          if (response.statusCode === 200) resolve(text);
          else reject(new Error(`a login was answered ${response.statusCode}: ${text}`));
        });
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

/**
 * Logs in with each body once. Rejects at the first answer other than 200. Returns the milliseconds of each login.
 * `answered` gets each answer.
 */
export async function send(
  origin: string,
  bodies: readonly string[],
  concurrency: number,
  { path, contentType } = login,
  answered: (answer: string) => void = () => undefined,
): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const latencies: number[] = [];
  const queue = bodies.values();
  const client = async () => {
    for (const body of queue) {
      const start = performance.now();
      const answer = await post(agent, origin + path, contentType, body);
      latencies.push(performance.now() - start);
      answered(answer);
    }
  };
  try {
    await Promise.all(Array.from({ length: concurrency }, client));
  } finally {
    agent.destroy();
  }
  return latencies;
}

/** The same, with the milliseconds of CPU that the process spent on each login. */
export async function sendMeasured(
  { pid, origin }: { pid: number; origin: string },
  bodies: readonly string[],
  concurrency: number,
) {
  const before = cpuMilliseconds(pid);
  const latencies = await send(origin, bodies, concurrency);
  return { latencies, cpu: (cpuMilliseconds(pid) - before) / bodies.length };
}
