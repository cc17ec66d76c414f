/** What an identity may do at this Worker's own API (http/authenticate.ts). */
export const roles = ["member", "introspector", "admin"] as const;

export type Role = (typeof roles)[number];
