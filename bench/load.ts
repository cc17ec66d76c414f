/** Sends requests at a fixed concurrency, and says what they cost. */
import { Agent, request } from "node:http";
import { cpuMilliseconds } from "./cpu.ts";

const loginPath = "/api/v1/auth/oci-auth/login";

function post(agent: Agent, origin: string, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(
      origin + loginPath,
      {
        method: "POST",
        agent,
        headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          if (response.statusCode === 200) resolve();
          else reject(new Error(`a login was answered ${response.statusCode}: ${text}`));
        });
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Logs in with each body once; rejects at the first answer other than 200. The milliseconds of each login. */
export async function send(
  origin: string,
  bodies: readonly string[],
  concurrency: number,
): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const latencies: number[] = [];
  const queue = bodies.values();
  const client = async () => {
    for (const body of queue) {
      const start = performance.now();
      await post(agent, origin, body);
      latencies.push(performance.now() - start);
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
