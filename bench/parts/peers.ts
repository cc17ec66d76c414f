/**
 * A warm login compared with that of others: oidc-provider, which keeps everything in memory, and a login in Node with
 * the usual libraries. Ours is measured twice: unchanged, and with its storage in memory like theirs.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { exportJWK, importJWK, type JWK, jwtVerify, SignJWT } from "jose";
import { buildProduct } from "../bundle.ts";
import { cpuMilliseconds } from "../cpu.ts";
import { type Figure, figure, ratio } from "../figures.ts";
import { inMemory } from "../in-memory.ts";
import { type Endpoint, login, send } from "../load.ts";
import { configure, logInFirst, privateKey, publicKey, signLogins } from "../logins.ts";
import type { Part, Run } from "../part.ts";
import { startPeer } from "../peer.ts";
import type { HttpSignatureConfig } from "../peers/http-signature.ts";
import type { OidcProviderConfig } from "../peers/oidc-provider.ts";
import { startRig } from "../rig.ts";
import type { Runtime } from "../runtime.ts";

/** Throughput is compared: so many in parallel that a server never waits for the next. */
const concurrency = 64;

const issuer = "https://auth.example.com";
const audience = "urn:example:api";
const clientId = "client";

const tokenRequest: Endpoint = { path: "/token", contentType: "application/x-www-form-urlencoded" };

async function signTokenRequest(): Promise<string> {
  const assertion = await new SignJWT()
    .setProtectedHeader({ alg: "RS256" })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(issuer)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime("5 minutes")
    .sign(privateKey);
  return new URLSearchParams({
    grant_type: "client_credentials",
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: assertion,
    resource: audience,
  }).toString();
}

/** Checks that each answer is a token of its own, signed with ES256 by the key that all sides have. */
async function checkAnswers(answers: readonly string[], { d: _, ...publicJwk }: JWK): Promise<void> {
  const key = await importJWK(publicJwk, "ES256");
  const ids = new Set<unknown>();
  for (const answer of answers) {
    const { accessToken, access_token: token = accessToken } = JSON.parse(answer);
    const { payload } = await jwtVerify(token, key, { algorithms: ["ES256"] });
    ids.add(payload.jti);
  }
  if (ids.size !== answers.length) throw new Error(`${answers.length} logins gave ${ids.size} tokens`);
}

interface Load {
  readonly warmUp: number;
  readonly slices: number;
  readonly inSlice: number;
  /** Milliseconds until a Worker has moved the events of its logins, which are a part of their cost. */
  readonly settle: number;
}

function mapValues<Name extends string, From, To>(
  record: Record<Name, From>,
  map: (value: From, name: Name) => To,
): Record<Name, To> {
  const entries = Object.entries(record) as [Name, From][];
  return Object.fromEntries(entries.map(([name, value]) => [name, map(value, name)])) as Record<Name, To>;
}

type Process = "durable" | "inMemory" | "oidcProvider" | "httpSignature" | "remote";

/** The milliseconds of CPU that each process spent on a login; `remote` is D1 and KV, which `durable` calls. */
async function measureProcesses(
  bundle: string,
  { warmUp, slices, inSlice, settle }: Load,
): Promise<Record<Process, number>> {
  const rig = await startRig();
  const peers: Runtime[] = [];
  const start = async <Config extends object>(name: string, config: Config) => {
    const peer = await startPeer(name, config);
    peers.push(peer);
    return peer;
  };
  try {
    const [signingKey] = JSON.parse(rig.secrets.TOKEN_SIGNING_KEYS).keys as [JWK];
    const durable = await rig.start(bundle);
    const workload = await configure(rig, durable.origin);
    const sign = async (count: number) => signLogins(workload, count);
    const processes: Record<Process, Runtime> = {
      durable,
      inMemory: await rig.start(bundle, inMemory),
      oidcProvider: await start<OidcProviderConfig>("oidc-provider", {
        issuer,
        resource: audience,
        signingKey,
        client: { id: clientId, publicKey: await exportJWK(publicKey) },
      }),
      httpSignature: await start<HttpSignatureConfig>("http-signature", {
        issuer,
        audience,
        signingKey,
        keyId: `${workload.tenancyOcid}/${workload.userOcid}/${workload.fingerprint}`,
        publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(),
      }),
      remote: rig.remote,
    };
    const sides = [
      { ...processes.durable, endpoint: login, sign },
      { ...processes.inMemory, endpoint: login, sign },
      {
        ...processes.oidcProvider,
        endpoint: tokenRequest,
        sign: (count: number) => Promise.all(Array.from({ length: count }, signTokenRequest)),
      },
      { ...processes.httpSignature, endpoint: login, sign },
    ];

    await logInFirst(rig, durable.origin, workload);
    for (const { origin, endpoint, sign } of sides) {
      const answers: string[] = [];
      await send(origin, await sign(warmUp), concurrency, endpoint, (answer) => answers.push(answer));
      await checkAnswers(answers, signingKey);
    }
    await sleep(settle);
    const before = mapValues(processes, ({ pid }) => cpuMilliseconds(pid));
    for (let slice = 0; slice < slices; slice += 1) {
      for (const { origin, endpoint, sign } of sides) {
        await send(origin, await sign(inSlice), concurrency, endpoint);
      }
    }
    await sleep(settle);
    // The work of a process between two of its slices is for its logins too.
    const logins = slices * inSlice;
    return mapValues(processes, ({ pid }, name) => (cpuMilliseconds(pid) - before[name]) / logins);
  } finally {
    await Promise.all(peers.map((peer) => peer.stop()));
    await rig.stop();
  }
}

export const peers: Part = {
  title: "A warm login beside its peers",
  async measure({ smoke, say }: Run): Promise<Figure[]> {
    // A process is one sample: its memory layout does not change while it runs.
    const rounds = smoke ? 1 : 5;
    const load = smoke
      ? { warmUp: 8, slices: 1, inSlice: 8, settle: 0 }
      : // Node keeps optimizing its code for some thousand requests.
        { warmUp: 6000, slices: 8, inSlice: 256, settle: 2500 };
    const { bundle } = buildProduct();
    const costs: Record<Process, number>[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      costs.push(await measureProcesses(bundle, load));
      say(`round ${round} of ${rounds} of processes`);
    }
    const loginsPerSecond = (...processes: Process[]) =>
      costs.map((cost) => 1000 / processes.reduce((sum, process) => sum + cost[process], 0));
    const inMemory = loginsPerSecond("inMemory");
    const durable = loginsPerSecond("durable");
    const durableWithRemote = loginsPerSecond("durable", "remote");
    const oidcProvider = loginsPerSecond("oidcProvider");
    const httpSignature = loginsPerSecond("httpSignature");
    const unit = "logins/CPU s";
    return [
      ratio("ours in memory / oidc-provider", inMemory, oidcProvider, { atLeast: 3 }),
      ratio("ours, durable / oidc-provider", durable, oidcProvider, { atLeast: 1 }),
      ratio("ours, durable, with the CPU of D1 and KV / oidc-provider", durableWithRemote, oidcProvider),
      ratio("ours in memory / http-signature + jsonwebtoken", inMemory, httpSignature),
      ratio("ours, durable / http-signature + jsonwebtoken", durable, httpSignature),
      figure("oidc-provider", unit, oidcProvider),
      figure("http-signature + jsonwebtoken", unit, httpSignature),
      figure("ours in memory", unit, inMemory),
      figure("ours, durable", unit, durable),
      figure("ours, durable, with the CPU of D1 and KV", unit, durableWithRemote),
    ];
  },
};
