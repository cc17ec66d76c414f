/** Who logged in: an authority such as a tenancy, and a subject that it vouches for, such as a user. */
export interface Principal {
  readonly authority: string;
  readonly subject: string;
}
