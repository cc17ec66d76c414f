import { printableJson } from "../terminal/terminal.ts";
import type { IssuedToken } from "./login.ts";

export const tokenFormats = ["token", "json", "env"] as const;
export type TokenFormat = (typeof tokenFormats)[number];

/** Without a final newline: `print` adds one, and a file holds only the token, as those of Vault and Kubernetes do. */
export function formatToken(token: IssuedToken, format: TokenFormat): string {
  switch (format) {
    case "token":
      return token.accessToken;
    case "json":
      return printableJson(token, 0);
    case "env":
      // A token is base64url and dots (login.ts), so nothing in it can end the quotes.
      return `export OCI_AUTH_TOKEN='${token.accessToken}'`;
  }
}
