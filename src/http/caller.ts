/** Who calls this Worker's own API. */
export type Caller =
  /** Holds ADMIN_TOKEN and may do everything. */
  | { readonly kind: "operator" }
  /** Holds an access token for this Worker's API; its reach is the organization that the token names, and below. */
  | {
      readonly kind: "identity";
      readonly identityId: string;
      readonly role: "introspector" | "admin" | "member";
      readonly organizationId: string;
    };
