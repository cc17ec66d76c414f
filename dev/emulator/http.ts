import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { z } from "zod";

/** An error as OCI's services answer it. */
export class OciError extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const notAuthenticated = new OciError(
  401,
  "NotAuthenticated",
  "The required information to complete authentication was not provided or was incorrect.",
);
export const notFound = new OciError(
  404,
  "NotAuthorizedOrNotFound",
  "Authorization failed or requested resource not found.",
);
export const onlyGet = new OciError(405, "MethodNotAllowed", "Only GET is emulated.");

export interface Answer {
  /** A string is sent as it is, anything else as JSON. */
  readonly body: unknown;
  readonly contentType?: string | undefined;
}

export function parseUrl(request: IncomingMessage): URL {
  const base = "http://emulator";
  if (!URL.canParse(request.url ?? "", base))
    throw new OciError(400, "InvalidParameter", "The URL is malformed.");
  return new URL(request.url ?? "", base);
}

export async function bodyOf<T>(request: IncomingMessage, schema: z.ZodType<T>): Promise<T> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new OciError(400, "InvalidParameter", "The body is not JSON.");
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw new OciError(400, "InvalidParameter", z.prettifyError(parsed.error));
  return parsed.data;
}

export function send(
  response: ServerResponse,
  status: number,
  { body, contentType = "application/json" }: Answer,
): void {
  response.writeHead(status, {
    "content-type": contentType,
    "opc-request-id": randomBytes(16).toString("hex").toUpperCase(),
  });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
}
