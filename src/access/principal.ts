/** Who logged in: whoever vouches for them, such as a tenancy, and whom it vouches for, such as a user. */
export interface Principal {
  readonly authority: string;
  readonly subject: string;
}
