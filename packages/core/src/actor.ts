/** Who acts. Roles of people; `platform` acts for itself and is never granted by a sign-in. */
export const ROLES = ['expert', 'reviewer', 'researcher', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export interface Actor {
  userId: string;
  role: Role;
}
