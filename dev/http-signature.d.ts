declare module "http-signature" {
  import type { IncomingMessage } from "node:http";

  interface ParsedSignature {
    params: { keyId: string; algorithm: string; headers: string[]; signature: string };
    signingString: string;
  }
  /** Throws if the header is missing or malformed, a required header is not signed, or the date is too far from now. */
  function parseRequest(
    request: Pick<IncomingMessage, "method" | "url"> & { readonly headers: object },
    options: { headers: string[]; clockSkew: number },
  ): ParsedSignature;
  function verifySignature(parsed: ParsedSignature, publicKeyPem: string): boolean;
  const library: { parseRequest: typeof parseRequest; verifySignature: typeof verifySignature };
  export default library;
}
