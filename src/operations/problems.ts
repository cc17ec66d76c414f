/** What `GET /ready` finds wrong. docs/operate.md says what each means, and a test holds it to these lists. */
export const dependencyProblems = ["migrations-missing", "unavailable", "events-refused"] as const;
export type DependencyProblem = (typeof dependencyProblems)[number];

export const credentialProblems = [
  "undecryptable",
  "not-authenticated",
  "user-gone",
  "policy-gone",
  "oci-unavailable",
  "not-checked",
] as const;
export type CredentialProblem = (typeof credentialProblems)[number];
