/** oidc-provider's client credentials grant for a signed assertion, with its own server and adapter in memory. */
import type { JWK } from "jose";
import { Provider } from "oidc-provider";
import { serve } from "./serve.ts";

export interface OidcProviderConfig {
  readonly issuer: string;
  readonly signingKey: JWK;
  readonly client: { readonly id: string; readonly publicKey: JWK };
  /** The resource of the tokens, which is their audience. */
  readonly resource: string;
}

serve<OidcProviderConfig>(({ issuer, signingKey, client, resource }) => {
  const provider = new Provider(issuer, {
    jwks: { keys: [signingKey] },
    clients: [
      {
        client_id: client.id,
        grant_types: ["client_credentials"],
        response_types: [],
        redirect_uris: [],
        id_token_signed_response_alg: "ES256",
        token_endpoint_auth_method: "private_key_jwt",
        token_endpoint_auth_signing_alg: "RS256",
        jwks: { keys: [client.publicKey] },
      },
    ],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: "",
          audience: resource,
          accessTokenFormat: "jwt",
          accessTokenTTL: 3600,
          jwt: { sign: { alg: "ES256" } },
        }),
      },
    },
  });
  return provider.callback();
});
