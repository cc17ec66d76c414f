/** The problems that `GET /ready` reports. docs/operate.md explains each; a test compares it with these lists. */
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
